"""A recipe as one array, for what is small; `runtime.weights.streaming` is for what is large."""

from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from runtime.numerics.elements import convert
from runtime.weights.recipes.dequantising import dequantised, unpacked
from runtime.weights.recipes.nodes import (
    Cast,
    Concat,
    Dequantise,
    FileRange,
    Inline,
    Packed,
    Pad,
    Rearranged,
    Recipe,
    Reshape,
    Slice,
    Stack,
    Transpose,
    sources_of,
)
from runtime.weights.source_files import SourceFiles

Array = np.ndarray[Any, np.dtype[Any]]


def _read_range(recipe: FileRange, folder: Path) -> Array:
    """A copy: a mapping of a file that becomes shorter kills whoever reads it."""
    array = np.empty(recipe.shape, recipe.dtype.dtype)
    if array.size:
        with SourceFiles(folder) as files:
            files.read_into(recipe.path, recipe.offset, array)
    array.flags.writeable = False
    return array


def read(recipe: Recipe, folder: Path) -> Array:
    """The elements, read-only where they lie in a file or in the recipe itself."""
    match recipe:
        case FileRange():
            return _read_range(recipe, folder)
        case Inline():
            return np.frombuffer(recipe.data, recipe.dtype.dtype).reshape(recipe.shape)
        case Rearranged():
            return _rearranged(recipe, read(recipe.source, folder))
        case Cast():
            return convert(read(recipe.source, folder), recipe.dtype)
        case Packed():
            numbers = unpacked(read(recipe.source, folder), recipe)
            return numbers[: prod(recipe.shape)].reshape(recipe.shape)
        case Dequantise():
            numbers, scales, points = (read(source, folder) for source in sources_of(recipe))
            inside = (0,) * len(recipe.blocks)
            return dequantised(numbers, scales, points, recipe.blocks, inside)
        case Stack():
            return np.stack([read(source, folder) for source in recipe.sources])
        case Concat():
            return np.concatenate([read(s, folder) for s in recipe.sources], recipe.axis)


def _rearranged(recipe: Rearranged, source: Array) -> Array:
    match recipe:
        case Reshape():
            return source.reshape(recipe.shape)
        case Transpose():
            return source.transpose(recipe.perm)
        case Slice():
            ends = (o + n for o, n in zip(recipe.offsets, recipe.shape, strict=True))
            return source[(*map(slice, recipe.offsets, ends), ...)]
        case Pad():
            out = np.zeros(recipe.shape, source.dtype)
            out[(*map(slice, source.shape), ...)] = source
            return out
        case _:
            raise AssertionError(f"{recipe}: what a device holds is `for_device`")
