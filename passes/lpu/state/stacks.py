"""
Find caches that are stacked in one argument: keys and values of a layer, or of all layers.

`[2, B, H, P, D]` is a row of blocks `[B, H, P, D]`, one behind the other. Views take a block out,
a concatenation continues it, and the result puts the blocks together again in the same order.
Blocks are counted in elements, so that it does not matter which views and reshapes do so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from xdsl.dialects.func import FuncOp
from xdsl.ir import BlockArgument, Operation, SSAValue

from dialects.affine import Affine, NotAffine, product
from dialects.lpu.interface import interface_of
from dialects.lpu.movement import ConcatOp, ReshapeOp, SliceOp
from dialects.lpu.tensors import tensor_of
from passes.rewriting.signature import terminator_of
from runtime.program.presents import Declared

ONE = Affine(1)
Dims = tuple[Affine, ...]


class Stack(NamedTuple):
    """An argument of blocks that concatenations continue, and the results that show all."""

    past: BlockArgument
    lead: int
    """How many leading axes count blocks."""
    axis: int
    """Along which the blocks grow."""
    parts: tuple[ConcatOp, ...]
    """What continues each block."""
    results: tuple[int, ...]

    @property
    def block(self) -> Dims:
        """The extents of a block of the argument."""
        return tensor_of(self.past).shape[self.lead :]

    def place(self, number: int) -> list[int]:
        """The leading offsets of a block."""
        found = list[int]()
        for extent in reversed(tensor_of(self.past).shape[: self.lead]):
            number, at = divmod(number, extent.const)
            found.insert(0, at)
        return found


def stacks(func: FuncOp) -> list[Stack]:
    """The stacked caches of a function, in the order of the arguments."""
    found = [_stack(func, argument) for argument in func.body.block.args]
    return [stack for stack in found if stack is not None]


def _stack(func: FuncOp, past: BlockArgument) -> Stack | None:
    interface = interface_of(func)
    if interface.arguments[past.index].role != "past":
        return None
    try:
        continued = list(_continued(past, Affine()))
        lead, parts = _in_order(tensor_of(past).shape, continued)
    except (NotAffine, _Other):
        return None
    if lead == 0:
        return None
    first = parts[0]
    extent = tensor_of(first.operands[0]).shape[first.axis.value.data]
    axis = tensor_of(past).shape.index(extent, lead)
    dims = list(tensor_of(past).shape)
    dims[axis] = first.result_tensor().shape[first.axis.value.data]
    shown = tuple(
        index
        for index, result in enumerate(terminator_of(func).operands)
        if tensor_of(result) == tensor_of(past).with_dims(dims)
        and _blocks(result, set(parts)) == [part.result for part in parts]
    )
    outputs = [port.name for port in interface.results]
    declared = Declared(outputs).of(interface.arguments[past.index].name)
    fits = shown and set(declared) <= set(shown)
    return Stack(past, lead, axis, parts, shown) if fits else None


class _Other(Exception):
    """An argument is used for something else."""


def _continued(value: SSAValue, offset: Affine) -> Iterator[tuple[ConcatOp, Affine]]:
    """The concatenations that continue parts of an argument, and where in it the parts begin."""
    for use in value.uses:
        match use.operation:
            case ReshapeOp() as op:
                yield from _continued(op.result, offset)
            case SliceOp() as op if _is_dense(op.source_tensor().shape, op.result_tensor().shape):
                yield from _continued(op.result, offset + _start(op))
            case ConcatOp() as op if use.index == 0 and len(op.operands) == 2:
                yield op, offset
            case _:
                raise _Other


def _is_dense(source: Dims, part: Dims) -> bool:
    """Whether a window has its elements one behind the other: one index, then all of the rest."""
    cut = [axis for axis, (a, b) in enumerate(zip(source, part, strict=True)) if a != b]
    return not cut or all(extent == ONE for extent in part[: cut[-1]])


def _start(op: SliceOp) -> Affine:
    """The number of elements in front of a window."""
    dims, total = op.source_tensor().shape, Affine()
    for axis, offset in enumerate(op.offsets.data):
        total = total + product((offset, *dims[axis + 1 :]))
    return total


def _in_order(
    dims: Dims, continued: Sequence[tuple[ConcatOp, Affine]]
) -> tuple[int, tuple[ConcatOp, ...]]:
    """The number of leading axes and what continues the blocks, first to last."""
    operands = {tensor_of(op.operands[0]).shape for op, _ in continued}
    axes = {op.axis.value.data for op, _ in continued}
    if len(operands) != 1 or len(axes) != 1:
        raise _Other
    (part,), (axis,) = operands, axes
    lead = next((n for n in range(len(dims)) if _plain(dims[n:]) == _plain(part)), 0)
    counted = all(extent.is_const for extent in dims[:lead])
    if part[axis].is_const or dims.count(part[axis]) != 1 or not counted:
        raise _Other
    size, numbered = product(part), dict[int, ConcatOp]()
    for op, offset in continued:
        numbers = [n for n in range(product(dims[:lead]).const) if size * n == offset]
        numbered.update((number, op) for number in numbers)
    if sorted(numbered) != list(range(product(dims[:lead]).const)) or len(continued) != len(
        numbered
    ):
        raise _Other
    return lead, tuple([numbered[number] for number in sorted(numbered)])


def _plain(dims: Dims) -> list[Affine]:
    """The extents other than 1."""
    return [extent for extent in dims if extent != ONE]


def _blocks(value: SSAValue, parts: set[ConcatOp]) -> list[SSAValue]:
    """The values whose elements a value has one behind the other."""
    op = value.owner
    if isinstance(op, ReshapeOp):
        return _blocks(op.source, parts)
    if isinstance(op, ConcatOp) and op not in parts:
        before = op.result_tensor().shape[: op.axis.value.data]
        if all(extent == ONE for extent in before):
            return [block for operand in op.operands for block in _blocks(operand, parts)]
    return [value]


def chain_of(value: SSAValue) -> Iterator[Operation]:
    """The views and concatenations that make a value of others."""
    op = value.owner
    if isinstance(op, ReshapeOp | ConcatOp):
        yield op
        for operand in op.operands:
            yield from chain_of(operand)
