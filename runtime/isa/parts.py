"""Boxes in which the points of an instruction are taken where they are many.

An operand may have far more points than bytes, since strides may be 0 or less than an element. What
is made for each point is made for one box after the other, so that it does not count.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import product
from math import prod
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
Box = tuple[slice, ...]
PART = 1 << 20
MANY = 1 << 22
"""Points up to which the fast path takes an instruction as a whole."""


def parts(extents: Sequence[int], most: int = PART) -> Iterator[Box]:
    """Boxes of at most so many points that cover all, in row-major order."""
    if 0 in extents:
        return
    axis = len(extents) - 1
    while axis and prod(extents[axis:]) <= most:
        axis -= 1
    step = max(1, most // prod(extents[axis + 1 :]))
    whole = [slice(0, extent) for extent in extents[axis + 1 :]]
    for outer in product(*(range(extent) for extent in extents[:axis])):
        for start in range(0, extents[axis], step):
            stop = min(start + step, extents[axis])
            yield (*(slice(at, at + 1) for at in outer), slice(start, stop), *whole)


def tree(combine: Callable[[Array, Array], Array], values: Array, axes: Sequence[int]) -> Array:
    """Elements combined in pairs along axes, none of which is empty, down to one along each."""
    for axis in axes:
        while (count := values.shape[axis]) > 1:
            pairs = np.split(values, [count // 2, count // 2 * 2], axis)
            joined = combine(pairs[0], pairs[1])
            values = np.concatenate((joined, pairs[2]), axis) if count % 2 else joined
    return values
