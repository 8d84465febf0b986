"""Numbers out of bytes, and onto their scale: what `unpack` and `dequantise` compute."""

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from runtime.numerics.elements import ElementType, convert

Array = np.ndarray[Any, np.dtype[Any]]

_WHOLE = {2: np.dtype(np.uint32), 4: np.dtype(np.uint16)}
"""Something as large as all numbers of a byte, by their bits: it is looked up at once."""


@cache
def _numbers_of_bytes(bits: int, dtype: ElementType) -> Array:
    """For each byte the numbers in it, as one element."""
    shifts = np.arange(0, 8, bits)
    numbers = np.arange(256)[:, None] >> shifts & (1 << bits) - 1
    if dtype is ElementType.I8:
        half = 1 << (bits - 1)
        numbers = (numbers ^ half) - half
    return numbers.astype(dtype.dtype).view(_WHOLE[bits]).reshape(256)


def unpacked(data: Array, bits: int, dtype: ElementType) -> Array:
    """The numbers in some bytes, in one line."""
    return np.take(_numbers_of_bytes(bits, dtype), data.reshape(-1)).view(dtype.dtype)


def dequantised(
    numbers: Array, scales: Array, points: Array, blocks: Sequence[int], inside: Sequence[int]
) -> Array:
    """
    Numbers of a box on their scale, in f32.

    `scales` and `points` are those of the blocks that the box meets; along each axis it begins so
    many elements `inside` of the first of them.
    """
    with np.errstate(all="ignore"):
        out = convert(numbers, ElementType.F32)
        for operation, parts in ((np.subtract, points), (np.multiply, scales)):
            each = convert(parts, ElementType.F32)
            out = operation(out, _spread(each, out.shape, blocks, inside))
    return out


def _spread(
    parts: Array, shape: Sequence[int], blocks: Sequence[int], inside: Sequence[int]
) -> Array:
    """What each block has, for each of its elements; what all have stays as it is."""
    for axis, (extent, block, at) in enumerate(zip(shape, blocks, inside, strict=True)):
        if block > 1 and parts.shape[axis] > 1:
            place = (*(slice(None),) * axis, slice(at, at + extent))
            parts = np.repeat(parts, block, axis)[place]
    return parts
