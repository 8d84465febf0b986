"""How far an output is from what it should be, and how far it may be."""

from __future__ import annotations

from typing import Any

import numpy as np

from lpuc.compiler.options import PRECISIONS

Array = np.ndarray[Any, Any]

TOLERANCES = {"f32": 5e-5, "f16": 2e-2, "bf16": 2e-1}
"""Largest difference by precision, absolute for numbers up to 1 and relative above."""


def difference(got: Array, expected: Array) -> float:
    """How far an output is off; infinite where shapes, integers, NaN or infinities differ."""
    if got.shape != expected.shape or got.dtype != expected.dtype:
        return float("inf")
    if not is_float(expected):
        return 0.0 if np.array_equal(got, expected) else float("inf")
    a, b = got.astype(np.float64), expected.astype(np.float64)
    special = ~(np.isfinite(a) & np.isfinite(b))
    if not np.array_equal(a[special], b[special], equal_nan=True):
        return float("inf")
    a, b = a[~special], b[~special]
    error = np.abs(a - b) / np.maximum(np.abs(b), 1.0)
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
