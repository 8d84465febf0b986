"""
Read a dataflow graph backwards from a value: what computes it, and who else needs that.

A match ends in a *region*: the operations between the result and the operands of what stands for
them. Replacing is legal for any region, since all of it is pure; it pays only if nothing outside
reads what is inside, for then the region goes away (`is_closed`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation, SSAValue

from dialects.affine import Affine
from dialects.lpu.elementwise import CastOp, MapOp
from dialects.lpu.facts import Form, facts_of
from dialects.lpu.movement import SliceOp
from dialects.lpu.products import ReduceOp
from dialects.lpu.tensors import tensor_of
from dialects.reading import all_within
from passes.analysis.functions import functions
from passes.rewriting import kernel
from passes.rewriting.fused_build import FusedBuild
from passes.rewriting.remarks import RAISING
from runtime.numerics.elements import ElementType

Shape = tuple[Affine, ...]
PARAMETER_DEPTH = 6
"""Operations between a weight and what is still taken for one: slices, casts, a `1 + w`."""


def map_of(value: SSAValue, fn: str) -> MapOp | None:
    """The map that computes a value, if it is this function."""
    op = value.owner
    return op if isinstance(op, MapOp) and op.fn.data == fn else None


def commuted(op: Operation) -> tuple[tuple[SSAValue, SSAValue], tuple[SSAValue, SSAValue]]:
    """The two operands in both orders."""
    first, second = op.operands
    return (first, second), (second, first)


def widened(value: SSAValue) -> SSAValue:
    """What a cast to a longer float type, which is exact, was made from."""
    op = value.owner
    if isinstance(op, CastOp):
        source, result = op.source_tensor().dtype, op.result_tensor().dtype
        if source.is_float and result.is_float and source.itemsize < result.itemsize:
            return op.source
    return value


def only_user(value: SSAValue) -> Operation | None:
    """The operation that alone reads a value."""
    users = {use.operation for use in value.uses}
    return users.pop() if len(users) == 1 else None


def cast_behind(value: SSAValue) -> SSAValue:
    """The result of the cast to a float type that alone reads a value, or the value."""
    user = only_user(value)
    if isinstance(user, CastOp) and user.result_tensor().dtype.is_float:
        return user.result
    return value


def is_last_axis(op: ReduceOp) -> bool:
    return op.axes.data == (op.source_tensor().rank - 1,)


def reduce_of(value: SSAValue, fn: str) -> ReduceOp | None:
    """The reduction of the last axis that computes a value."""
    op = value.owner
    if isinstance(op, ReduceOp) and op.fn.data == fn and is_last_axis(op):
        return op
    return None


def is_parameter(value: SSAValue, depth: int = PARAMETER_DEPTH) -> bool:
    """Whether a value depends on weights alone."""
    op = value.owner
    facts = facts_of(op)
    if facts.form is Form.CONSTANT:
        return True
    if depth == 0 or not facts.is_uniform or not isinstance(op, Operation):
        return False
    return all(is_parameter(operand, depth - 1) for operand in op.operands)


def origin(value: SSAValue) -> tuple[SSAValue, Affine]:
    """The tensor that a value is a run of channels of, and the first of them."""
    first = Affine()
    while isinstance(op := value.owner, SliceOp):
        *others, last = op.offsets.data
        whole = op.source_tensor().shape[:-1] == op.result_tensor().shape[:-1]
        if any(o != Affine() for o in others) or not whole or set(op.steps.data) != {1}:
            break
        value, first = op.source, first + last
    return value, first


def region(root: Operation, inputs: Collection[SSAValue]) -> list[Operation]:
    """What computes `root` from `inputs`, operands first, constants left out."""
    found: dict[Operation, None] = {}
    stack: list[tuple[Operation, bool]] = [(root, False)]
    while stack:
        op, is_behind = stack.pop()
        if is_behind:
            found[op] = None
        elif op not in found:
            stack.append((op, True))
            stack += [
                (operand.owner, False)
                for operand in reversed(op.operands)
                if operand not in inputs
                and isinstance(operand.owner, Operation)
                and facts_of(operand.owner).form is not Form.CONSTANT
            ]
    return list(found)


def is_closed(operations: Sequence[Operation]) -> bool:
    """Whether only the last of these operations is read by others; moves do not count."""
    *inner, _ = operations
    inside = set(operations)
    return all(
        use.operation in inside
        for op in inner
        if not facts_of(op).moves and not isinstance(op, CastOp)
        for result in op.results
        for use in result.uses
    )


def matched(root: Operation, inputs: Collection[SSAValue], shape: Shape) -> list[Operation] | None:
    """The region, if nothing outside reads what is inside and its result has these extents."""
    if tensor_of(root.results[0]).shape != shape:
        return RAISING.no(root, "its extents are not {}", list(shape))
    operations = region(root, inputs)
    if not is_closed(operations):
        return RAISING.no(root, "others read what is computed on the way to it")
    return operations


def is_wide(value: SSAValue) -> bool:
    """Whether a value is computed in f32: between such values nothing rounds."""
    return tensor_of(value).dtype is ElementType.F32


def stand_in(
    old: SSAValue,
    inputs: Collection[SSAValue],
    shape: Shape,
    make: Callable[[FusedBuild], SSAValue],
) -> None:
    """Put what `make` builds from inputs in the place of a value, if that matches."""
    root = old.owner
    assert isinstance(root, Operation)
    operations = matched(root, inputs, shape)
    if operations is None:
        return
    new = make(FusedBuild.over(root, operations))
    new.name_hint = old.name_hint
    RAISING.yes(new, "stands for {} operations", len(operations))
    kernel.replace(old, new)
    kernel.erase_unread(reversed(operations))


def visit_all(module: ModuleOp, rewrite: Callable[[Operation], None]) -> None:
    """Let a rewrite look at every operation that it has not erased meanwhile."""
    for func in functions(module):
        for op in all_within(func):
            if op.parent is not None:
                rewrite(op)
