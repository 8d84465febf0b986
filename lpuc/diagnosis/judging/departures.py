"""Where numbers are further from what they were than they may be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from lpuc.diagnosis.judging.runs import TOKENS, distance
from lpuc.levels.tolerance import by_row

Array = np.ndarray[Any, np.dtype[Any]]

Off = tuple[tuple[int, ...], float, float, float]
"""Where a number is off, the number, the right one, and by how much it may be off."""


@dataclass(frozen=True)
class Departure:
    """A number that is further from what it was than it may be."""

    operation: str | None
    """None if it is an output of the model, of whatever operation."""
    names: tuple[str, ...]
    """The ONNX nodes of the operation, or the output."""
    index: tuple[int, ...]
    got: float | None
    """None if nothing is written where it was."""
    expected: float
    bound: float
    instruction: str | None = None
    """What has written it, where instructions did."""

    def __str__(self) -> str:
        if self.got is None:
            return f"nothing is written where {self.expected:.9g} was"
        at = f"[{', '.join(map(str, self.index))}]"
        text = f"{at} is {self.got:.9g}, not {self.expected:.9g}"
        return f"{text}; it may differ by {self.bound:.2g}"


def departure(got: Array, expected: Array, bound: Array | float) -> Off | None:
    """Where an array is further from another than it may be, both numbers, and the bound."""
    if got.shape != expected.shape:
        return (got.shape, float("nan"), float("nan"), 0.0)
    off = distance(got, expected)
    limit = np.broadcast_to(np.asarray(bound), off.shape)
    wrong = ~(off <= limit)
    if not wrong.any():
        return None
    index = tuple(int(i) for i in np.argwhere(wrong)[0])
    return index, float(got[index]), float(expected[index]), float(limit[index])


def outputs_depart(
    got: Mapping[str, Array],
    expected: Mapping[str, Array],
    tolerance: float,
    spread: Mapping[str, Array],
) -> Departure | None:
    """
    The first output that is off, where `spread` has how far each may be, at most the tolerance.

    What it has not must be equal. Tokens are not looked at unless they must.
    """
    for name, right in expected.items():
        if name not in spread or right.dtype.kind in "biu":
            limit = np.zeros(right.shape)
            if name == TOKENS and spread:
                continue
        else:
            size = np.where(np.isfinite(right), np.abs(right.astype(np.float64)), 0.0)
            limit = np.minimum(tolerance * np.maximum(by_row(size), 1.0), spread[name])
        found = departure(got[name], right, limit)
        if found is not None:
            return Departure(None, (name,), *found)
    return None
