"""What one device holds of a recipe: slices and paddings in the place of shards.

    shard(file("w", 0, [2, 5], f32), 4 x [[], [5/4]])

is for device 2 of 4, which holds two columns of which one exists,

    pad(slice(file("w", 0, [2, 5], f32), [0, 4], [2, 1]), [2, 2])
"""

from collections.abc import Iterator
from dataclasses import replace

from runtime.sharding import Sharding
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
    Shard,
    Slice,
    Stack,
    sources_of,
)


def shardings(recipe: Recipe) -> Iterator[Sharding]:
    """Those of the shards in a recipe; none if it is the same for all devices."""
    if isinstance(recipe, Shard):
        yield recipe.sharding
    for source in sources_of(recipe):
        yield from shardings(source)


def first_alike(recipe: Recipe, devices: int) -> list[int]:
    """For each device the first that holds the same elements."""
    factors = [factor for sharding in shardings(recipe) for factor in sharding.factors]
    first: dict[tuple[int, ...], int] = {}
    parts = [tuple(factor.coordinate(d) for factor in factors) for d in range(devices)]
    return [first.setdefault(part, device) for device, part in enumerate(parts)]


def for_device(recipe: Recipe, device: int) -> Recipe:
    """The recipe of what a device holds."""
    match recipe:
        case FileRange() | Inline() | Packed() | Dequantise():
            return recipe
        case Shard():
            return _part(replace(recipe, source=for_device(recipe.source, device)), device)
        case Rearranged() | Cast():
            return replace(recipe, source=for_device(recipe.source, device))
        case Stack() | Concat():
            sources = tuple(for_device(source, device) for source in recipe.sources)
            return replace(recipe, sources=sources)


def _part(shard: Shard, device: int) -> Recipe:
    source = shard.source
    if 0 in source.shape:
        return _slice(source, (0,) * len(source.shape), shard.shape)
    factors = shard.sharding.split(source.shape)
    spans = [range(*factor.span(device)) for factor in factors]
    offsets, held = tuple(span.start for span in spans), tuple(map(len, spans))
    part = _slice(_reshape(source, tuple(f.extent for f in factors)), offsets, held)
    each = tuple(factor.each for factor in factors)
    return _reshape(part if held == each else Pad(part, each), shard.shape)


def _slice(recipe: Recipe, offsets: tuple[int, ...], shape: tuple[int, ...]) -> Recipe:
    return recipe if recipe.shape == shape else Slice(recipe, offsets, shape)


def _reshape(recipe: Recipe, shape: tuple[int, ...]) -> Recipe:
    return recipe if recipe.shape == shape else Reshape(recipe, shape)
