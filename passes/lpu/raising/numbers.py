"""
Numbers in a graph, and when one is the number that a pattern asks for.

A model holds a number in some element type, and may cast it before it is used. What a pattern
writes as 0.5 must be just that, as the narrowest of these types has it. What exporters compute,
such as `1 / sqrt(d)`, may be a neighbour of it in that type, and nothing further away.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from xdsl.ir import SSAValue

from dialects.lpu.contents import fill_value
from dialects.lpu.elementwise import CastOp, ConstantOp, FillOp, MapOp
from dialects.lpu.tensors import UnaryOp, tensor_of
from dialects.lpu.weights import Inline, read
from runtime.numerics.elements import ElementType

WIDTHS = (ElementType.BF16, ElementType.F16, ElementType.F32)
"""Float types, that with the longest mantissa last."""

Reader = Callable[[SSAValue], float | None]


class Number(NamedTuple):
    """What all elements of a tensor are, and the narrowest float type it came through."""

    value: float
    dtype: ElementType

    def is_exactly(self, expected: float) -> bool:
        """Whether this is a number as its type has it."""
        return self.value == _rounded(expected, self.dtype)

    def is_nearly(self, expected: float) -> bool:
        """Whether this is a number that is computed: it or the one beside it."""
        return self.value in _neighbours(expected, self.dtype)


def _rounded(value: float, dtype: ElementType) -> float:
    with np.errstate(over="ignore"):
        return float(np.asarray(value).astype(dtype.dtype))


@cache
def _neighbours(value: float, dtype: ElementType) -> tuple[float, ...]:
    middle = np.asarray(value).astype(dtype.dtype)
    ends = [np.asarray(end).astype(dtype.dtype) for end in (-np.inf, np.inf)]
    return float(middle), *(float(np.nextafter(middle, end)) for end in ends)


def number(value: SSAValue) -> Number | None:
    """The one float that all elements are; None when they differ or are not known."""
    dtype = tensor_of(value).dtype
    if not dtype.is_float:
        return None
    match value.owner:
        case FillOp():
            return Number(float(fill_value(value.owner)), dtype)
        case ConstantOp(value=weight) if isinstance(weight.data, Inline):
            elements = read(weight.data, Path()).reshape(-1)
            is_uniform = elements.size > 0 and bool(np.all(elements == elements[0]))
            return Number(float(elements[0]), dtype) if is_uniform else None
        case CastOp(source=source):
            found = number(source)
            if found is None:
                return None
            narrowest = min(found.dtype, dtype, key=WIDTHS.index)
            return Number(_rounded(found.value, dtype), narrowest)
        case UnaryOp(source=source) as op if op.FACTS.moves:
            return number(source)
        case _:
            return None


def number_of(value: SSAValue) -> float | None:
    """The number alone."""
    found = number(value)
    return None if found is None else found.value


def is_number(value: SSAValue, expected: float) -> bool:
    """Whether all elements are this number, as the narrowest type on their way has it."""
    found = number(value)
    return found is not None and found.is_exactly(expected)


def meant(exact: Sequence[float], computed: Sequence[float]) -> Reader:
    """Reads a number as the one of these that a model means by it; None if it is none of them."""

    def reader(value: SSAValue) -> float | None:
        found = number(value)
        if found is None:
            return None
        known = [n for n in exact if found.is_exactly(n)]
        known += [n for n in computed if found.is_nearly(n)]
        return known[0] if known else None

    return reader


def scaled(value: SSAValue, read_number: Reader = number_of) -> tuple[SSAValue, float] | None:
    """`(x, f)` when a value is `x * f` or `x / f'`, with the extents of `x`; f is finite, not 0."""
    op = value.owner
    if not isinstance(op, MapOp) or op.fn.data not in ("mul", "div"):
        return None
    first, second = op.operands
    for source, other in ((first, second), (second, first))[: 2 if op.fn.data == "mul" else 1]:
        factor = read_number(other)
        if factor and math.isfinite(factor) and tensor_of(source).shape == tensor_of(value).shape:
            return source, factor if op.fn.data == "mul" else 1 / factor
    return None


def quotient(value: SSAValue, divisor: int) -> SSAValue | None:
    """`x` when a value is `x / divisor` or `x` times its reciprocal, with the extents of `x`."""
    op = value.owner
    if not isinstance(op, MapOp) or op.fn.data not in ("mul", "div"):
        return None
    first, second = op.operands
    for source, other in ((first, second), (second, first)):
        found = number(other)
        if found is None or tensor_of(source).shape != tensor_of(value).shape:
            continue
        if op.fn.data == "mul" and found.is_nearly(1 / divisor):
            return source
        if op.fn.data == "div" and other is second and found.is_exactly(divisor):
            return source
    return None
