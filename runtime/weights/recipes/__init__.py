"""Recipes: how the elements of a parameter come from ranges of files (`nodes` says more)."""

from runtime.weights.recipes.leaves import Decode, FileRange, Inline, Packed, Unpack, nbytes
from runtime.weights.recipes.nodes import (
    Cast,
    Concat,
    Dequantise,
    Pad,
    Rearranged,
    Recipe,
    Reshape,
    Shard,
    Slice,
    Stack,
    Transpose,
    sources_of,
)
from runtime.weights.recipes.reading import read
from runtime.weights.recipes.sharded import first_alike, for_device, shardings
from runtime.weights.recipes.walking import file_ranges, renamed

__all__ = [
    "Cast", "Concat", "Decode", "Dequantise", "FileRange", "Inline", "Packed", "Pad", "Rearranged",
    "Recipe", "Reshape", "Shard", "Slice", "Stack", "Transpose", "Unpack", "file_ranges",
    "first_alike", "for_device", "nbytes", "read", "renamed", "shardings", "sources_of",
]  # fmt: skip
