"""How far an output is from what it should be, and how far it may be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from ml_dtypes import finfo

Array = np.ndarray[Any, Any]

TOLERANCES = {"f32": 5e-5, "f16": 5e-3, "bf16": 5e-2, "i8": 5e-2, "i16": 5e-4}
"""
Largest `departure` by precision; `i8` is that of a model that quantises its activations to bytes.

Such a value is one step of 255 off where right runs fall on either side of a half, and one of 65535
where it has 16 bits.
"""


ROW = 8
"""
Numbers of a row at least: fewer say neither what was added, nor how far runs are apart.

The state of a convolution holds the last three numbers of each channel: what products give
together, and round by their size, lies across such rows.
"""


def departure(got: Array, expected: Array) -> float:
    """
    How far an output is off, of the largest number of each row where that is above 1.

    What sums round is relative to the numbers that are added, not to what is left of them: a logit
    near 0 is off by as much as one of 10. Infinite as `difference` is.
    """
    return _off(got, expected, _row_sizes)


def difference(got: Array, expected: Array) -> float:
    """
    How far an output is off, absolute for numbers up to 1 and relative above.

    Infinite where shapes, integers, NaN or infinities differ.
    """
    return _off(got, expected, np.abs)


def by_row(sizes: Array) -> Array:
    """The largest of each row: of the last axis, or of as many as hold `ROW` numbers."""
    axis, held = sizes.ndim, 1
    while axis and held < ROW:
        axis -= 1
        held *= sizes.shape[axis]
    return np.max(sizes, tuple(range(axis, sizes.ndim)), keepdims=True, initial=0.0)


def _row_sizes(array: Array) -> Array:
    """The largest finite magnitude of its row, for each element."""
    sizes: Array = np.where(np.isfinite(array), np.abs(array), 0)
    return np.broadcast_to(by_row(sizes), array.shape)


def _off(got: Array, expected: Array, size: Callable[[Array], Array]) -> float:
    if got.shape != expected.shape or got.dtype != expected.dtype:
        return float("inf")
    if not is_float(expected):
        return 0.0 if np.array_equal(got, expected) else float("inf")
    a, b = got.astype(np.float64), expected.astype(np.float64)
    special = ~(np.isfinite(a) & np.isfinite(b))
    if not np.array_equal(a[special], b[special], equal_nan=True):
        return float("inf")
    scale = np.maximum(size(b)[~special], 1.0)
    error = np.abs(a[~special] - b[~special]) / scale
    return float(error.max(initial=0.0))


def is_float(array: Array) -> bool:
    """Whether an array holds floats, those of 16 bits of either kind included."""
    return array.dtype.kind == "f" or array.dtype.name == "bfloat16"


def tolerance_of(level: str, precision: str, narrowest: str = "f32") -> float:
    """
    What the numbers of a level may be off.

    At level `onnx` they are those of the model, below it those of `precision`; a model whose
    `narrowest` numbers are shorter says itself that it rounds.
    """
    kinds = {narrowest, "f32" if level == "onnx" else precision}
    return max(TOLERANCES[kind] for kind in kinds)


@dataclass(frozen=True)
class Distance:
    """How far an array is off, by several measures."""

    error: float
    """The departure."""
    max_abs: float
    max_rel: float
    ulp: float
    """In units in the last place of what is right."""
    cosine: float
    """Of the angle between both: 1 where they point the same way."""
    first_bad: tuple[int, ...] | None
    """The first element that is off by more than the tolerance."""


def distance(got: Array, expected: Array, tolerance: float) -> Distance:
    """How far an array of the same shape and type is off."""
    a, b = got.astype(np.float64), expected.astype(np.float64)
    with np.errstate(all="ignore"):
        off = np.where((a == b) | (np.isnan(a) & np.isnan(b)), 0.0, np.abs(a - b))
        off = np.where(np.isnan(off), np.inf, off)
        relative = np.where(off == 0, 0.0, off / np.abs(b))
        allowed = tolerance * np.maximum(_row_sizes(b), 1.0) if is_float(expected) else 0.0
        wrong = np.argwhere(off > allowed)
    return Distance(
        error=departure(got, expected),
        max_abs=float(off.max(initial=0.0)),
        max_rel=float(relative.max(initial=0.0)),
        ulp=float((off / _last_place(b, expected.dtype)).max(initial=0.0)),
        cosine=_cosine(a, b),
        first_bad=tuple(int(i) for i in wrong[0]) if len(wrong) else None,
    )


def _last_place(exact: Array, dtype: Any) -> Array:
    """The distance of each number to the next in a type; 1 of integers."""
    if dtype.kind in "iub":
        return np.ones(exact.shape)
    info: Any = cast("Any", finfo)(dtype)
    size = np.where(np.isfinite(exact), np.abs(exact), 1.0)
    exponent = np.floor(np.log2(np.maximum(size, float(info.smallest_normal))))
    return np.exp2(exponent) * float(info.eps)


def _cosine(a: Array, b: Array) -> float:
    """Of what is finite in both."""
    finite = np.isfinite(a) & np.isfinite(b)
    left, right = a[finite], b[finite]
    sizes = float(np.linalg.norm(left)) * float(np.linalg.norm(right))
    same = float(np.array_equal(left, right))
    return float(np.dot(left, right)) / sizes if sizes > 0 else same
