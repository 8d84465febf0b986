"""Valid models of operators that read or write at computed places."""

from __future__ import annotations

import numpy as np

from benchmarks.fuzz.invalid.contents import fixed, floats, ints, node, number
from benchmarks.fuzz.invalid.node import Node


def _gathers() -> list[Node]:
    x = floats(3, 4, 5)
    return [
        node("Gather", x, ints([0, 2], [1, -1]), axis=0),
        node("Gather", x, ints(3, 0), axis=1),
        node("Gather", x, ints(3, 0, dtype=np.int32), axis=-1),
        node("Gather", x, fixed(ints(3, 0)), axis=1),
        node("GatherElements", floats(3, 4), ints([0, 2, 1, 1], [2, 0, -1, 0]), axis=0),
        node("GatherElements", floats(3, 4), ints([0, 3], [2, -4], [1, 0]), axis=1),
        node("GatherND", x, ints([0, 1], [2, 3]), batch_dims=0),
        node("GatherND", x, ints([0, 1, 2], [2, -1, 4]), batch_dims=0),
        node("GatherND", x, ints([1], [3], [0]), batch_dims=1),
    ]


def _scatters() -> list[Node]:
    x, places, updates = floats(3, 4), ints([0, 2, 1, 1], [2, 0, 2, 0]), floats(2, 4)
    return [
        node("ScatterElements", x, places, updates, axis=0),
        node("ScatterElements", x, places, updates, axis=0, reduction="add"),
        node("ScatterElements", x, ints([0, 3], [2, -4], [1, 0]), floats(3, 2), axis=-1),
        node("Scatter", x, places, updates, axis=0, opset=9),
        node("ScatterND", x, ints([0], [2]), floats(2, 4), reduction="add"),
        node("ScatterND", x, ints([0, 3], [2, -1]), floats(2)),
    ]


def _others() -> list[Node]:
    values = fixed(ints(2, 5))
    return [
        node("NonZero", fixed(ints([0, 2, -1], [3, 0, 0]))),
        node("NonZero", fixed(np.array([0.0, -0.0, 0.5], np.float32))),
        node("OneHot", ints(0, 2, -1), number(4), values, axis=-1),
        node("OneHot", ints([0], [2]), fixed(ints(4)), values, axis=1),
        node("Trilu", floats(3, 4), number(1), upper=1),
        node("Trilu", floats(2, 3, 4), upper=0),
        node("Trilu", floats(3, 4), np.array(1)),
    ]


def cases() -> list[Node]:
    """One or more models for each operator of this family."""
    return [*_gathers(), *_scatters(), *_others()]
