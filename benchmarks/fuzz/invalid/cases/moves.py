"""Valid models of operators that move, repeat or rename elements, and of those that make them."""

from __future__ import annotations

import numpy as np

from benchmarks.fuzz.invalid.contents import fixed, floats, known, node, number
from benchmarks.fuzz.invalid.node import Node


def _reshapes() -> list[Node]:
    x = floats(2, 3, 4)
    return [
        node("Reshape", x, known(0, -1), allowzero=0),
        node("Reshape", x, known(4, 6), allowzero=1),
        node("Flatten", x, axis=1),
        node("Squeeze", floats(1, 3, 1), known(0, 2)),
        node("Squeeze", floats(1, 3, 1)),
        node("Squeeze", floats(1, 3, 1), axes=[0, 2], opset=11),
        node("Unsqueeze", floats(2, 3), known(0, -1)),
        node("Unsqueeze", floats(2, 3), axes=[0, 2], opset=11),
        node("Transpose", x, perm=[2, 0, 1]),
        node("Transpose", x),
        node("Expand", floats(3, 1), known(2, 3, 4)),
        node("Tile", floats(2, 3), known(2, 1)),
        node("Dropout", x, results=2),
        node("Dropout", x, fixed(np.array(0.5, np.float32)), fixed(np.array(False))),
    ]


def _parts() -> list[Node]:
    x = floats(4, 6)
    return [
        node("Concat", floats(2, 3), floats(2, 1), axis=1),
        node("Concat", floats(2, 3), floats(2, 3), axis=-2),
        node("Split", x, known(2, 4), results=2, axis=1),
        node("Split", x, results=3, axis=1, num_outputs=3),
        node("Split", x, results=2, axis=1, split=[2, 4], opset=11),
        node("Split", x, results=2, axis=0, opset=11),
        node("Slice", x, known(1, 0), known(4, 5), known(0, 1), known(2, 1)),
        node("Slice", x, known(-3), known(-1), known(-1)),
        node("Slice", x, starts=[1], ends=[3], axes=[1], opset=9),
        node("Pad", x, known(1, 0, 0, 2), fixed(np.array(0.5, np.float32))),
        node("Pad", x, known(1, 2), None, known(1), mode="constant"),
        node("Pad", x, mode="constant", pads=[1, 0, 0, 2], value=0.5, opset=10),
    ]


def _makers() -> list[Node]:
    weight = floats(2, 3)
    return [
        node("Shape", floats(2, 3, 4), start=1, end=3),
        node("Shape", floats(2, 3, 4)),
        node("Size", floats(2, 3)),
        node("Range", number(1), number(9), number(3)),
        node("Range", *(fixed(np.array(v, np.float32)) for v in (0.5, 2.5, 0.5))),
        node("ConstantOfShape", known(2, 3), value=np.array([2.5], np.float32)),
        node("ConstantOfShape", known(2, 3)),
        node("Constant", value=weight),
        node("Constant", value_int=3),
        node("Constant", value_ints=[3, 4]),
        node("Constant", value_float=0.5),
        node("Constant", value_floats=[0.5, 1.5]),
    ]


def cases() -> list[Node]:
    """One or more models for each operator of this family."""
    return [*_reshapes(), *_parts(), *_makers()]
