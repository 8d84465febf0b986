"""Values that are weights: constants, and what may be done to one within its recipe."""

from __future__ import annotations

from xdsl.ir import SSAValue

from dialects.lpu.contents import fill_value
from dialects.lpu.elementwise import ConstantOp, FillOp
from dialects.lpu.facts import facts_of
from dialects.lpu.tensors import LpuOp, tensor_of
from dialects.lpu.weights import Inline, Weight, inline


def weight_of(value: SSAValue) -> Weight | None:
    """The recipe of a value; None where the machine has to compute it."""
    op = value.owner
    if isinstance(op, ConstantOp):
        return op.value.data
    rule = facts_of(op).weight
    if rule is None or not isinstance(op, LpuOp):
        return None
    source = weight_of(op.operands[0])
    return None if source is None else rule(op, source)


def uniform_of(value: SSAValue) -> Inline | None:
    """The one element that a value holds everywhere, along as many axes of extent 1."""
    if not isinstance(value.owner, FillOp):
        return None
    return inline(fill_value(value.owner).reshape((1,) * tensor_of(value).rank))
