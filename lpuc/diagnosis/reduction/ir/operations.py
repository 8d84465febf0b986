"""
Ways to make IR smaller, through the kernel: each works on a copy and gives it, or None.

What operations that go away have computed becomes an argument of the function, an earlier value of
the same type, a number, or the result of a `test.op`, which stands for anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from xdsl.dialects.builtin import ModuleOp, UnknownLoc
from xdsl.dialects.func import FuncOp
from xdsl.dialects.test import TestOp
from xdsl.ir import Operation, SSAValue

from dialects.lpu.elementwise import FillOp
from dialects.lpu.types import TensorType
from dialects.reading import all_within, operations
from lpuc.diagnosis.reduction.ir.changes import Impossible, changed, removable
from lpuc.diagnosis.reduction.ir.signature import Signature, tensor_type_of, unused
from passes.analysis.functions import functions
from passes.rewriting.build import Build
from passes.rewriting.kernel import (
    add_argument,
    erase,
    insert,
    replace,
)

Source = Callable[[SSAValue], SSAValue | None]
"""What stands for a value whose operation goes away; None if nothing does."""

PLAIN = (FillOp, TestOp)
"""Operations that stand for others."""


def without_operations(module: ModuleOp, start: int, stop: int) -> Iterator[ModuleOp]:
    """Without some operations in a row."""
    for source in (_argument, _earlier, _kept, _filled, _tested):
        for promote in (False, True):
            for prune in (True, False) if stop - start == 1 else (True,):
                cut = _Cut(start, stop, source, promote, prune)
                yield from changed(module, cut.apply)


@dataclass(frozen=True)
class _Cut:
    """How operations go away: what stands for them, and whether what only they read is given."""

    start: int
    stop: int
    source: Source
    promote: bool
    prune: bool

    def apply(self, module: ModuleOp) -> None:
        gone = removable(module)[self.start : self.stop]
        inside = {inner for op in gone for inner in all_within(op)}
        outer = [op for op in gone if op.parent_op() not in inside]
        signatures = [Signature.of(func) for func in functions(module)]
        if self.promote:
            self._promote(signatures, inside)
        removed = [op for op in reversed(outer) if self._removed(op)]
        if not removed:
            raise Impossible
        for signature in signatures:
            (prune if self.prune else unused)(signature.func)
            signature.update()

    def _removed(self, op: Operation) -> bool:
        """Whether an operation has gone away; those that are read stay where nothing stands in."""
        for result in op.results:
            if result.first_use is None:
                continue
            value = self.source(result)
            if value is None:
                return False
            replace(result, value)
        erase(op)
        return True

    def _promote(self, signatures: Sequence[Signature], inside: set[Operation]) -> None:
        """Give what only those that go away read as results."""
        given = False
        for signature in signatures:
            body = signature.func.body.block
            values = [v for op in operations(body) if op not in inside for v in op.results]
            ends = [v for v in values if v.first_use and _readers(v) <= inside]
            given = given or bool(ends)
            signature.give([v for v in ends if isinstance(v.type, TensorType)])
        if not given:
            raise Impossible


def _readers(value: SSAValue) -> set[Operation]:
    return {use.operation for use in value.uses}


def _function_of(value: SSAValue) -> FuncOp:
    owner = value.owner
    op = owner if isinstance(owner, Operation) else owner.parent_op()
    while op is not None and not isinstance(op, FuncOp):
        op = op.parent_op()
    if op is None:
        raise Impossible
    return op


def _argument(value: SSAValue) -> SSAValue:
    """A new argument of the function."""
    func = _function_of(value)
    argument = add_argument(func.body.block, tensor_type_of(value), UnknownLoc())
    argument.name_hint = value.name_hint
    return argument


def _earlier(value: SSAValue) -> SSAValue | None:
    """An operand of the same type, else the last value of the same type that is there before."""
    op = value.owner
    if not isinstance(op, Operation):
        return None
    same = [v for v in (*op.operands, *reversed(list(_before(op)))) if v.type == value.type]
    return same[0] if same else None


def _before(op: Operation) -> Iterator[SSAValue]:
    """The values that an operation could read, the nearest last."""
    block = op.parent
    around = block.parent_op() if block is not None else None
    if block is None or around is None:
        return
    if not isinstance(around, FuncOp):
        yield from _before(around)
    yield from block.args
    for other in operations(block):
        if other is op:
            return
        yield from other.results


def _kept(_value: SSAValue) -> None:
    """What is read stays."""


def _filled(value: SSAValue) -> SSAValue:
    """Ones."""
    kind = tensor_type_of(value).data
    owner = value.owner
    if not isinstance(owner, Operation) or not kind.is_resolved or isinstance(owner, PLAIN):
        raise Impossible
    return Build(owner).fill(1, kind.shape, kind.dtype)


def _tested(value: SSAValue) -> SSAValue:
    """Whatever an operation of the dialect `test` gives."""
    owner = value.owner
    if not isinstance(owner, Operation) or isinstance(owner, PLAIN):
        raise Impossible
    return insert(TestOp(result_types=[value.type]), owner).results[0]


def prune(func: FuncOp) -> None:
    """Without operations and arguments that nothing reads; who has no result has effects."""
    for op in reversed(all_within(func)[1:]):
        if op.results and not any(result.first_use for result in op.results):
            erase(op)
    unused(func)
