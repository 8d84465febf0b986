"""
One pass that changes IR: what it has touched, and what is checked of that.

The conditions are those of `passes.rewriting.kernel`. Where a condition can hold again before the
pass ends, it is checked then, for what the pass touched only. Functions are checked by level.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import NamedTuple

from xdsl.dialects.builtin import ModuleOp, UnknownLoc
from xdsl.dialects.func import FuncOp
from xdsl.ir import Operation, SSAValue
from xdsl.utils.exceptions import VerifyException

from dialects.errors import node_names
from dialects.lpu_mem.access import View
from dialects.verification import check_op
from passes.rewriting.order import Order
from passes.rewriting.tally import Tally, tally_of_now


class RewriteError(Exception):
    """A pass would make IR that means something else or nothing: the pass is at fault."""


class Laid(NamedTuple):
    """The place of a tensor in a buffer."""

    buffer: SSAValue
    view: View
    last: Operation
    """The operation that writes the last of it."""


@dataclass
class Record:
    """What stands for what behind a pass, as the passes tell."""

    heirs: dict[SSAValue, SSAValue] = field(default_factory=dict[SSAValue, SSAValue])
    """What was put in the place of each value."""
    lowered: dict[Operation, Operation] = field(default_factory=dict[Operation, Operation])
    """For each operation that was erased, the last of those that do what it did."""
    laid: dict[SSAValue, Laid] = field(default_factory=dict[SSAValue, Laid])
    """Where the elements of tensors lie."""


@dataclass
class Rewriting:
    """What one pass has touched so far."""

    name: str
    is_located: bool = False
    """Whether every operation must say which ONNX nodes it comes from."""
    placed: dict[int, Operation] = field(default_factory=dict[int, Operation])
    """Operations whose operands must dominate them, by identity."""
    changed: dict[int, Operation] = field(default_factory=dict[int, Operation])
    """Operations that must still pass their own checks, by identity."""
    rewired: dict[SSAValue, None] = field(default_factory=dict[SSAValue, None])
    """Values that must dominate all that reads them."""
    taken: set[Operation] = field(default_factory=set[Operation])
    """Operations that were taken out of their blocks, to be put back."""
    tally: Tally = field(default_factory=tally_of_now)
    """How much was changed."""
    record: Record | None = None
    """What became of what, if somebody wants to know."""
    _told: Operation | None = None
    """The last operation that was made when the record was added to."""

    def error(self, op: Operation | None, message: str) -> RewriteError:
        """What is wrong, where, in which pass."""
        nodes = "" if op is None else ", ".join(node_names(op)[:3])
        where = "" if op is None else f"{op.name}: "
        return RewriteError(f"pass '{self.name}': {f'{nodes}: ' if nodes else ''}{where}{message}")

    def note_erased(self, op: Operation) -> None:
        """An operation goes: what was made last ends it, if that did not end another one."""
        if self.record is None:
            return
        last = next(reversed(self.placed.values()), None)
        if last is not None and last is not self._told:
            self.record.lowered[op] = self._told = last

    def check(self, op: Operation) -> None:
        """Condition 3."""
        try:
            check_op(op)
        except VerifyException as error:
            raise self.error(op, str(error)) from error

    def finish(self) -> None:
        """What can be told only when the pass is through."""
        for op in self.changed.values():
            if op.parent is not None and not isinstance(op, FuncOp):
                self.check(op)
        placed = [op for op in self.placed.values() if op.parent is not None]
        if self.is_located:
            self._check_locations(placed)
        self._check_dominance(placed)

    def _check_locations(self, placed: Sequence[Operation]) -> None:
        """Condition 2."""
        for op in placed:
            if type(op.location) is UnknownLoc and not isinstance(op, FuncOp):
                raise self.error(op, "has no location")

    def _check_dominance(self, placed: Sequence[Operation]) -> None:
        """Condition 5."""
        order = Order()
        for op in placed:
            value = order.undominated(op)
            if value is not None:
                raise self._early(op, value)
        for value in self.rewired:
            for use in value.uses:
                if not order.dominates(value, use.operation):
                    raise self._early(use.operation, value)

    def _early(self, op: Operation, value: SSAValue) -> RewriteError:
        return self.error(op, f"reads '{value.name_hint or value}' before it is defined")


def _is_located(module: ModuleOp) -> bool:
    """Whether functions begin and end with a location: text that a person wrote need not."""
    blocks = [func.body.block for func in module.ops if isinstance(func, FuncOp)]
    ends = [op for block in blocks for op in (block.first_op, block.last_op) if op is not None]
    return bool(ends) and all(type(op.location) is not UnknownLoc for op in ends)


_running: ContextVar[Rewriting | None] = ContextVar("_running", default=None)
_record: ContextVar[Record | None] = ContextVar("_record", default=None)


@contextmanager
def recording() -> Generator[Record]:
    """Keep record of what the passes in here put in the place of what."""
    record = Record()
    token = _record.set(record)
    try:
        yield record
    finally:
        _record.reset(token)


@contextmanager
def rewriting(name: str, module: ModuleOp | None = None) -> Generator[Rewriting]:
    """Around all that one pass changes."""
    is_located = module is not None and _is_located(module)
    now = Rewriting(name, is_located, record=_record.get())
    token = _running.set(now)
    try:
        yield now
    finally:
        _running.reset(token)
    now.finish()


def running() -> Rewriting:
    """The pass that runs; what is changed without one is checked at once or not at all."""
    return _running.get() or Rewriting("none")
