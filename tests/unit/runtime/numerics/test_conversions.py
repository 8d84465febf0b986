"""Casts between all types, against Python's integers and rational numbers."""

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from runtime.numerics.elements import TYPES, ElementType, convert
from tests.unit.runtime.numerics.exact import FLOATS, as_floats, rounded
from tests.unit.runtime.numerics.samples import edges, finite, nans, random, specials

E = ElementType
Array = np.ndarray[Any, np.dtype[Any]]
LEAST = -(1 << 63)


def _samples(element: ElementType) -> Array:
    values = [edges(element), random(element, 400, 21)]
    if element.is_float:
        halves = np.arange(-300, 300, dtype=np.float64) + 0.5
        values = [*values, halves.astype(element.dtype), specials(element), nans(element)]
    elif element in (E.I64, E.I32):
        # Halfway between two numbers of f32, f16 and bf16, and one on either side of it.
        ties = [((1 << k) + (1 << k - p)) for p in (24, 11, 8) for k in (p, p + 5, 30)]
        values.append(np.array([t + d for t in ties for d in (-1, 0, 1)], element.dtype))
    return np.concatenate(values)


def _whole(value: float, dst: ElementType) -> int:
    """Truncated by way of i64, of which narrower types keep the low bits."""
    held = math.trunc(value) if math.isfinite(value) and abs(value) < 2**63 else LEAST
    return _low_bits(held, dst)


def _low_bits(value: int, dst: ElementType) -> int:
    bits, low = 8 * dst.itemsize, int(np.iinfo(dst.dtype).min)
    return (value - low) % (1 << bits) + low


def _expected(value: Any, source: ElementType, dst: ElementType) -> Any:
    if dst is E.BOOL:
        return value != 0
    if dst.is_int:
        return _whole(value, dst) if source.is_float else _low_bits(int(value), dst)
    if isinstance(value, float) and not (math.isfinite(value) and value):
        return value
    exact = Fraction(value)
    if dst is E.BF16 and not source.is_float:
        exact = Fraction(rounded(exact, E.F32))
    return math.copysign(rounded(exact, dst), value)


@pytest.mark.parametrize("dst", TYPES)
@pytest.mark.parametrize("source", TYPES)
def test_cast(source: ElementType, dst: ElementType) -> None:
    values = _samples(source)
    with np.errstate(all="ignore"):
        found = convert(values, dst)
    plain = as_floats(values) if source.is_float else values.tolist()
    got = as_floats(found) if dst.is_float else found.tolist()
    wanted = [_expected(v, source, dst) for v in plain]
    assert found.dtype == dst.dtype
    rows = zip(plain, got, wanted, strict=True)
    assert not [row for row in rows if repr(row[1]) != repr(row[2])][:5]


@pytest.mark.parametrize("dst", FLOATS)
@pytest.mark.parametrize("source", FLOATS)
def test_nan_stays_nan(source: ElementType, dst: ElementType) -> None:
    with np.errstate(all="ignore"):
        found = convert(nans(source), dst)
    assert np.isnan(found.astype(np.float32)).all()


@pytest.mark.parametrize("element", FLOATS)
def test_a_float_that_is_widened_and_narrowed_is_the_same(element: ElementType) -> None:
    values = finite(random(element, 2000, 5))
    np.testing.assert_array_equal(convert(convert(values, E.F32), element), values)
