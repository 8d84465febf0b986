"""
Attention scores: from what a softmax reads, back to the product of queries and keys.

In between lie scalings, a softcap, biases that are added, and masks that put -inf. The walk takes
them in the one order that `lpu.attention` has: scale, softcap, biases, then masks. All of it is in
f32: scores that are rounded in between are none.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import NamedTuple

from xdsl.ir import SSAValue

from dialects.affine import Affine, product
from dialects.lpu.elementwise import MapOp, SelectOp
from dialects.lpu.movement import ReshapeOp
from dialects.lpu.products import MatmulOp
from dialects.lpu.tensors import tensor_of
from passes.lpu.raising.matching import commuted, is_wide, map_of
from passes.lpu.raising.numbers import number_of, scaled
from passes.rewriting.build import Build

Dims = tuple[Affine, ...]
ONE = Affine(1)
DEPTH = 12
"""Operations between the product and the softmax; exporters write up to eight."""


class Mask(NamedTuple):
    """A bias or condition, and the extents of the scores that it was applied to."""

    value: SSAValue
    dims: Dims
    inverted: bool = False


@dataclass
class Scores:
    """`softcap(factor * product)`, then biases and conditions to keep."""

    product: MatmulOp
    factor: float = 1.0
    softcap: float = 0.0
    biases: list[Mask] = field(default_factory=list[Mask])
    keeps: list[Mask] = field(default_factory=list[Mask])
    shapes: list[Dims] = field(default_factory=list[Dims])

    @property
    def is_masked(self) -> bool:
        return bool(self.biases or self.keeps)

    @property
    def rescaled(self) -> bool:
        """Whether the product is multiplied with something in front of its softcap."""
        return self.factor != (self.softcap or 1.0)

    @property
    def is_linear(self) -> bool:
        """Whether nothing but scalings was met."""
        return not self.is_masked and not self.softcap

    @property
    def dims(self) -> Dims | None:
        """Extents `[B, H, S, T]`, from where the scores had four axes; else heads of one batch."""
        for shape in reversed(self.shapes):
            if len(shape) == 4:
                return shape
        last = self.shapes[-1]
        return (ONE, *last) if len(last) == 3 else None


def scores_of(value: SSAValue, depth: int = DEPTH) -> Scores | None:
    """What a value is as scores of attention; None when it is none."""
    found = _scores(value, depth)
    if found is not None:
        found.shapes.append(tensor_of(value).shape)
    return found


def _scores(value: SSAValue, depth: int) -> Scores | None:
    if depth == 0 or not is_wide(value):
        return None
    match value.owner:
        case MatmulOp() as op:
            return Scores(op)
        case ReshapeOp(source=source) if _same_rows(source, value):
            return scores_of(source, depth - 1)
        case SelectOp() as op:
            return _selected(op, depth - 1)
        case MapOp() as op if op.fn.data == "add":
            return _biased(op, depth - 1)
        case _:
            return _scaled(value, depth - 1)


def _same_rows(a: SSAValue, b: SSAValue) -> bool:
    """Whether two values have the same last axis."""
    return tensor_of(a).shape[-1:] == tensor_of(b).shape[-1:]


def _scaled(value: SSAValue, depth: int) -> Scores | None:
    above = scaled(value)
    if above is None:
        return None
    source, number = above
    curve = map_of(source, "tanh")
    inner = scores_of(source if curve is None else curve.inputs[0], depth)
    if inner is None or not inner.is_linear:
        return None
    inner.factor *= number
    if curve is not None:
        if number < 0:
            return None
        inner.softcap = number
    return inner


def _biased(op: MapOp, depth: int) -> Scores | None:
    dims = op.result_tensor().shape
    for source, bias in commuted(op):
        inner = scores_of(source, depth) if tensor_of(source).shape == dims else None
        if inner is not None and not inner.keeps:
            inner.biases.append(Mask(bias, dims))
            return inner
    return None


def _selected(op: SelectOp, depth: int) -> Scores | None:
    dims = op.result_tensor().shape
    for source, other, inverted in (
        (op.on_true, op.on_false, False),
        (op.on_false, op.on_true, True),
    ):
        if number_of(other) == -math.inf and tensor_of(source).shape == dims:
            inner = scores_of(source, depth)
            if inner is not None:
                inner.keeps.append(Mask(op.condition, dims, inverted))
            return inner
    return None


def mask_dims(mask: Mask, scores: Dims) -> Dims | None:
    """The extents that give a mask its meaning for `[B, H, S, T]`; None when there are none."""
    dims = tensor_of(mask.value).shape
    if mask.dims == scores:
        return dims
    padded = (ONE,) * (len(mask.dims) - len(dims)) + dims
    *lead, rows, columns = padded
    *whole, all_rows, _ = mask.dims
    if all_rows != scores[2] and rows != ONE:
        return None
    if all(d == ONE for d in lead):
        return (ONE, ONE, rows, columns)
    full = tuple(lead) == tuple(whole) and all_rows == scores[2]
    return (*scores[:2], rows, columns) if full and product(lead) == product(scores[:2]) else None


def as_mask(build: Build, mask: Mask, dims: Dims) -> SSAValue:
    """A mask as an operand of attention."""
    value = build.map("not", mask.value) if mask.inverted else mask.value
    return build.reshape(value, dims)
