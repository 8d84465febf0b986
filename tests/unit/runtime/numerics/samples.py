"""Elements on which scalar functions are tried: edges of each type, and seeded random ones."""

from typing import Any

import numpy as np

from runtime.numerics.elements import ElementType
from tests.unit.runtime.numerics.exact import FORMATS

E = ElementType
Array = np.ndarray[Any, np.dtype[Any]]

# Where f32 functions overflow, underflow, cancel or reach their limits.
TURNS = (
    0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4, 5.657, 8.3, 9.01, 10.18, 17.33, 64, 87.34, 88.37, 88.72, 88.73,
    89, 103.97, 104, 126, 127, 1e4, 2.0**24, 2.0**31, 2.0**63, np.pi / 2, np.pi, 100 * np.pi, 1e22,
)  # fmt: skip


def edges(element: ElementType) -> Array:
    """Finite edges of a float type and their neighbours, or limits and small numbers of others."""
    if element is E.BOOL:
        return np.array([False, True])
    if element.is_int:
        limits = np.iinfo(element.dtype)
        values = [limits.min, limits.max, 0, 1, 2, 3, 7, 8, 31, 63, 64, limits.max // 2 + 1]
        values += [limits.min + 1, limits.max - 1, -1, -2, -3, -7]
        return np.array([v for v in values if limits.min <= v <= limits.max], element.dtype)
    form, raw = FORMATS[element], np.dtype(f"u{element.itemsize}")
    powers = [2.0 ** (form.least - form.bits + 1), 2.0**form.least, 1.0, 2.0**form.greatest]
    with np.errstate(over="ignore"):
        found = np.array([*powers, *TURNS]).astype(element.dtype)
    found = found[np.isfinite(found.astype(np.float32))].view(raw)
    greatest = np.array([0x7F7FFFFF if raw.itemsize == 4 else 0x7BFF], raw)
    if element is E.BF16:
        greatest = np.array([0x7F7F], raw)
    near = np.concatenate([np.zeros(1, raw), greatest, found, found - 1, found + 1])
    return _both_signs(np.unique(near).view(element.dtype))


def _both_signs(values: Array) -> Array:
    return np.concatenate([values, -values])


def specials(element: ElementType) -> Array:
    """Both zeros and infinities, and NaN."""
    return np.array([0, -0.0, np.inf, -np.inf, np.nan]).astype(element.dtype)


def nans(element: ElementType) -> Array:
    """NaN of both signs, quiet and signalling, with payloads."""
    raw, mantissa = np.dtype(f"u{element.itemsize}"), FORMATS[element].bits - 1
    first = (1 << 8 * element.itemsize - 1) - (1 << mantissa)
    bits = [first + 1, first + (1 << mantissa - 1), first + (1 << mantissa) - 1]
    sign = 1 << 8 * element.itemsize - 1
    return np.array([*bits, *(b + sign for b in bits)], raw).view(element.dtype)


def random(element: ElementType, count: int, seed: int) -> Array:
    """Any bits, and where these are floats, as many numbers of moderate size."""
    draw = np.random.default_rng(seed)
    if element is E.BOOL:
        return draw.integers(0, 2, count).astype(np.bool_)
    raw = draw.integers(0, 256, (count, element.itemsize), np.uint8).view(element.dtype)[:, 0]
    if element.is_int:
        return raw
    moderate = draw.uniform(-1, 1, count) * 10.0 ** draw.uniform(-3, 2.1, count)
    return np.where(draw.integers(0, 4, count) == 0, raw, moderate.astype(element.dtype))


def finite(values: Array) -> Array:
    """Those that are numbers."""
    with np.errstate(invalid="ignore"):
        return values[np.isfinite(values.astype(np.float64))]


def pairs(a: Array, b: Array) -> tuple[Array, Array]:
    """Every element of one with every element of the other."""
    return np.repeat(a, b.size), np.tile(b, a.size)
