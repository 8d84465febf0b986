"""Elements out of bytes, and onto their scale: `unpack`, `decode` and `dequantise` compute so."""

from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Any

import numpy as np

from runtime.numerics.elements import ElementType, convert
from runtime.weights.recipes.leaves import Decode, Inline, Packed, Unpack

Array = np.ndarray[Any, np.dtype[Any]]


def unpacked(data: Array, recipe: Packed) -> Array:
    """The elements in some of the bytes of a recipe, in one line."""
    match recipe:
        case Unpack():
            each = _numbers_of_bytes(recipe.bits, recipe.dtype)
        case Decode():
            each = _entries_of_bytes(recipe.bits, recipe.table, recipe.high_first)
        case _:
            raise AssertionError(f"no such recipe: {recipe}")
    whole = each.view(f"u{each.shape[1] * each.itemsize}").reshape(256)
    return np.take(whole, data.reshape(-1)).view(each.dtype)


@cache
def _numbers_of_bytes(bits: int, dtype: ElementType) -> Array:
    """For each byte the numbers in it."""
    numbers = _codes_of_bytes(bits)
    if dtype is ElementType.I8:
        half = 1 << (bits - 1)
        numbers = (numbers ^ half) - half
    return numbers.astype(dtype.dtype)


@lru_cache(maxsize=16)
def _entries_of_bytes(bits: int, table: Inline, high_first: bool) -> Array:
    """For each byte the entries of a table that it chooses."""
    entries = np.frombuffer(table.data, table.dtype.dtype)
    codes = _codes_of_bytes(bits)
    return entries[codes[:, ::-1] if high_first else codes]


def _codes_of_bytes(bits: int) -> Array:
    """For each byte what its bits are in groups, the lowest first."""
    return np.arange(256)[:, None] >> np.arange(0, 8, bits) & (1 << bits) - 1


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
