"""What recipes are made of: the ranges of files that they read, and the same with other names."""

from collections.abc import Generator, Mapping
from dataclasses import replace

from runtime.weights.recipes.nodes import (
    Cast,
    Concat,
    Dequantise,
    FileRange,
    Inline,
    Packed,
    Rearranged,
    Recipe,
    Stack,
    sources_of,
)


def file_ranges(recipe: Recipe) -> Generator[FileRange]:
    """The ranges of files that a recipe reads, each as often as it stands there."""
    if isinstance(recipe, FileRange):
        yield recipe
    for source in sources_of(recipe):
        yield from file_ranges(source)


def renamed(recipe: Recipe, paths: Mapping[str, str]) -> Recipe:
    """The recipe with other names for its files."""
    match recipe:
        case FileRange():
            return replace(recipe, path=paths[recipe.path])
        case Inline():
            return recipe
        case Packed():
            source = renamed(recipe.source, paths)
            assert isinstance(source, FileRange | Inline)
            return replace(recipe, source=source)
        case Rearranged() | Cast():
            return replace(recipe, source=renamed(recipe.source, paths))
        case Dequantise():
            numbers, scales, points = (renamed(s, paths) for s in sources_of(recipe))
            return Dequantise(numbers, scales, points, recipe.blocks)
        case Stack() | Concat():
            return replace(recipe, sources=tuple(renamed(s, paths) for s in recipe.sources))
