"""Recipes: how the elements of a parameter come from ranges of files (`nodes` says more)."""

from runtime.weights.recipes.nodes import (
    Cast,
    Concat,
    FileRange,
    Inline,
    Pad,
    Rearranged,
    Recipe,
    Reshape,
    Shard,
    Slice,
    Stack,
    Transpose,
    file_ranges,
    nbytes,
    renamed,
    sources_of,
)
from runtime.weights.recipes.reading import read
from runtime.weights.recipes.sharded import first_alike, for_device, shardings

__all__ = [
    "Cast", "Concat", "FileRange", "Inline", "Pad", "Rearranged", "Recipe", "Reshape", "Shard",
    "Slice", "Stack", "Transpose", "file_ranges", "first_alike", "for_device", "nbytes", "read",
    "renamed", "shardings", "sources_of",
]  # fmt: skip
