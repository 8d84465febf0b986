"""Recipes: how the elements of a parameter come from ranges of files (`nodes` says more)."""

from runtime.weights.recipes.nodes import (
    Cast,
    Concat,
    FileRange,
    Inline,
    Recipe,
    Reshape,
    Stack,
    Transpose,
    file_ranges,
    nbytes,
    renamed,
    sources_of,
)
from runtime.weights.recipes.reading import read

__all__ = [
    "Cast", "Concat", "FileRange", "Inline", "Recipe", "Reshape", "Stack", "Transpose",
    "file_ranges", "nbytes", "read", "renamed", "sources_of",
]  # fmt: skip
