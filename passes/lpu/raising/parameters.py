"""Weights as products read them: whole, or one row of a stack that layers share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from xdsl.ir import Operation, SSAValue

from dialects.affine import Affine
from dialects.lpu.elementwise import ConstantOp
from dialects.lpu.movement import ReshapeOp, SliceOp
from dialects.lpu.tensors import tensor_of


class Parameter(NamedTuple):
    """A weight, or row `at` of stacked weights, without the axis of the stack."""

    constant: ConstantOp
    at: Affine | None

    @property
    def rank(self) -> int:
        return self.constant.result_tensor().rank - (self.at is not None)


def is_row(op: Operation) -> bool:
    """Whether an operation takes one row of a stack of weights, as it is."""
    if not isinstance(op, SliceOp):
        return False
    stack = op.source_tensor().shape
    others = op.offsets.data[1:]
    return op.result_tensor().shape == (Affine(1), *stack[1:]) and not any(
        offset != Affine() for offset in others
    )


def parameter_of(value: SSAValue) -> Parameter | None:
    """The weight that a value is."""
    op = value.owner
    if isinstance(op, ConstantOp):
        return Parameter(op, None)
    row = op.source.owner if isinstance(op, ReshapeOp) else None
    if not isinstance(row, SliceOp) or not is_row(row):
        return None
    stack = row.source.owner
    if not isinstance(stack, ConstantOp):
        return None
    same = tensor_of(value).shape == stack.result_tensor().shape[1:]
    return Parameter(stack, row.offsets.data[0]) if same else None


def readers(value: SSAValue) -> Iterator[Operation]:
    """What reads a weight, or rows of it."""
    for use in value.uses:
        op = use.operation
        if isinstance(op, ReshapeOp) or is_row(op):
            yield from readers(op.results[0])
        else:
            yield op


def alike(parameters: Sequence[Parameter | None], rank: int) -> list[Parameter] | None:
    """The parameters if they can lie side by side along their last axis."""
    known = [p for p in parameters if p is not None and p.rank == rank]
    if len(known) != len(parameters):
        return None
    shapes = {
        (p.at, p.constant.result_tensor().dtype, p.constant.result_tensor().shape[:-1])
        for p in known
    }
    return known if len(shapes) == 1 else None
