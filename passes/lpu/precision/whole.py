"""
Products and lookups of numbers on a linear scale: of the whole numbers, which no float rounds.

```
matmul((q - z) * s, (w - v) * t)   becomes   matmul(q - z, w - v) * (s * t)
```

Differences of bytes lie within 255, so each float type has them; their products are added in f32,
where they are exact up to 2^24. What is scaled first is rounded in every factor, and a model that
rounds sums to bytes again takes some of them for the next step.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from xdsl.ir import SSAValue

from dialects.lpu.elementwise import CastOp, ConstantOp, MapOp
from dialects.lpu.movement import GatherOp
from dialects.lpu.products import MatmulOp
from dialects.lpu.tensors import UnaryOp, tensor_of
from dialects.lpu.weights import Dequantise, Inline, Weight, inline, read
from passes.lpu.precision.forms import F32, Forms, clone
from passes.lpu.raising.numbers import number_of, scaled
from passes.rewriting.build import Build
from passes.rewriting.kernel import replace as put
from runtime.numerics.elements import ElementType

BYTES = frozenset({ElementType.I8, ElementType.U8})


class Whole(NamedTuple):
    """A value that is whole numbers times a scale: one for all, and one for each last index."""

    numbers: SSAValue
    scale: float
    columns: Weight | None = None


def multiply_whole(op: MatmulOp, forms: Forms) -> bool:
    """Scale a product of f32 behind it, where both operands are whole numbers on a scale."""
    lhs, rhs = whole(op.lhs), whole(op.rhs)
    if lhs is None or rhs is None or lhs.columns is not None:
        return False
    left, right = (forms.demoted(value.numbers, forms.short) for value in (lhs, rhs))
    both = rhs._replace(scale=lhs.scale * rhs.scale)
    _put(op, Build(op).matmul(left, right, F32), both, forms)
    return True


def look_up_whole(op: GatherOp, forms: Forms) -> bool:
    """Scale what is looked up in a table, where that is whole numbers on one scale."""
    table = whole(op.source)
    if table is None or table.columns is not None:
        return False
    short = forms.demoted(table.numbers, forms.short)
    rows = Build(op).gather(short, op.indices, op.axis.value.data)
    _put(op, Build(op).cast(rows, F32), table, forms)
    return True


def _put(op: MatmulOp | GatherOp, long: SSAValue, how: Whole, forms: Forms) -> None:
    build = Build(op)
    y = build.map("mul", long, build.scalar(how.scale, F32))
    if how.columns is not None:
        y = build.map("mul", y, build.constant(how.columns))
    if op.result in forms.tainted:
        forms.tainted.update((long, y))
    put(op.result, y)


def whole(value: SSAValue) -> Whole | None:
    """A value as whole numbers and their scale, in front of what has moved it."""
    op = value.owner
    if isinstance(op, ConstantOp):
        return _of_constant(op)
    if isinstance(op, UnaryOp) and op.FACTS.moves:
        inner = whole(op.source)
        if inner is None or inner.columns is not None:
            return None
        return inner._replace(numbers=clone(op, [inner.numbers]))
    above = scaled(value)
    return Whole(*above) if above is not None and _is_whole(above[0]) else None


def _is_whole(value: SSAValue) -> bool:
    """Whether a value is a byte, or one less a zero point of its type."""
    op = value.owner
    if isinstance(op, MapOp) and op.fn.data == "sub":
        point = number_of(op.operands[1])
        limits = _limits(op.operands[0])
        return point is not None and limits is not None and point in limits
    return _limits(value) is not None


def _limits(value: SSAValue) -> range | None:
    """The numbers that a type of bytes has, of a value that is cast from it to f32."""
    op = value.owner
    if not isinstance(op, CastOp) or tensor_of(op.source).dtype not in BYTES:
        return None
    limits = np.iinfo(tensor_of(op.source).dtype.dtype)
    return range(int(limits.min), int(limits.max) + 1)


def _of_constant(op: ConstantOp) -> Whole | None:
    """Of bytes that are scaled when the program is made: all alike, or each column."""
    weight = op.value.data
    if not isinstance(weight, Dequantise) or not _are_bytes(weight):
        return None
    scales, rank = weight.scales, len(weight.shape)
    if scales.dtype is not F32 or any(n != 1 for n in scales.shape[:-1]) or not rank:
        return None
    if scales.shape[-1] not in (1, weight.shape[-1]):
        return None
    is_listed = scales.shape[-1] > 1
    if not is_listed and not isinstance(scales, Inline):
        return None
    numbers = replace(weight, scales=inline(np.ones((1,) * rank, np.float32)))
    one = 1.0 if is_listed else float(read(scales, Path()).reshape(()))
    return Whole(Build(op).constant(numbers), one, scales if is_listed else None)


def _are_bytes(weight: Dequantise) -> bool:
    points = weight.points
    bytes_ = weight.numbers.dtype in BYTES
    return bytes_ and (points.dtype is weight.numbers.dtype or _is_zero(points))


def _is_zero(points: Weight) -> bool:
    return isinstance(points, Inline) and not np.any(read(points, Path()))
