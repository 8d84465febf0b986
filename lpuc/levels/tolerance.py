"""How far an output is from what it should be, and how far it may be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from lpuc.compiler.options import PRECISIONS

Array = np.ndarray[Any, Any]

TOLERANCES = {"f32": 5e-5, "f16": 5e-3, "bf16": 5e-2}
"""Largest `departure` by precision."""


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


def _row_sizes(array: Array) -> Array:
    """The largest finite magnitude along the last axis, for each element."""
    sizes: Array = np.where(np.isfinite(array), np.abs(array), 0)
    rows = np.max(sizes, axis=-1, keepdims=True, initial=0.0) if array.ndim else sizes
    return np.broadcast_to(rows, array.shape)


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
    `narrowest` floats are shorter says itself that it rounds.
    """
    kinds = {narrowest, "f32" if level == "onnx" else precision}
    return max(TOLERANCES[kind] for kind in PRECISIONS if kind in kinds)
