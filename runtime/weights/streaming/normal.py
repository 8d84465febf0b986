"""A normal form of recipes, from which any box of elements can be read at once.

Casts and reshapes sink to the leaves, where they cost nothing: a reshaped range of a file is a
range with other extents. What remains above are transposes and concatenations; a stack is a
concatenation of sources with a leading axis of one. A reshape that merges transposed axes cannot
sink: it stays as `Regrouped`. Shards are `Dealt`: the form is the same for all devices.
"""

from __future__ import annotations

from dataclasses import replace
from math import prod

from runtime.numerics.elements import ElementType
from runtime.sharding import Factor
from runtime.weights.recipes import (
    Cast,
    Concat,
    Dequantise,
    FileRange,
    Inline,
    Packed,
    Pad,
    Recipe,
    Reshape,
    Shard,
    Slice,
    Stack,
    Transpose,
    sources_of,
)
from runtime.weights.streaming.blocks import reshaped_blocks, split_axes
from runtime.weights.streaming.boxes import Box, moved
from runtime.weights.streaming.forms import (
    Cut,
    Dealt,
    Joined,
    Leaf,
    Node,
    Padded,
    Regrouped,
    Scaled,
    Shape,
    Turned,
)


def normal(recipe: Recipe) -> Node:
    """The normal form of a recipe."""
    match recipe:
        case FileRange() | Inline() | Packed():
            return Leaf(recipe, recipe.shape)
        case Cast():
            return _cast(normal(recipe.source), recipe.dtype)
        case Reshape():
            return _reshaped(normal(recipe.source), recipe.shape)
        case Transpose():
            return _turned(normal(recipe.source), recipe.perm)
        case Slice():
            box = moved(tuple(map(range, recipe.shape)), recipe.offsets)
            return _box(normal(recipe.source), box)
        case Pad():
            return Padded(normal(recipe.source), recipe.shape)
        case Shard():
            return _dealt(recipe)
        case Dequantise():
            return _scaled(recipe)
        case Stack() | Concat():
            return _joined(recipe)


def _joined(recipe: Stack | Concat) -> Joined:
    if isinstance(recipe, Concat):
        return Joined(tuple(map(normal, recipe.sources)), recipe.axis)
    return Joined(tuple(_reshaped(normal(s), (1, *s.shape)) for s in recipe.sources), 0)


def _scaled(recipe: Dequantise) -> Scaled:
    parts = sources_of(recipe)
    numbers, scales, points = map(normal, parts)
    return Scaled(numbers, scales, points, recipe.blocks, tuple(part.dtype for part in parts))


def _box(node: Node, box: Box) -> Node:
    """Sinks below transposes and concatenations, as far as there are elements."""
    match node:
        case Turned():
            return Turned(_box(node.source, tuple(box[a] for a in node.axes)), node.perm)
        case Joined() if all(box):
            parts = tuple(_box(source, taken) for source, taken, _ in node.parts(box))
            return parts[0] if len(parts) == 1 else Joined(parts, node.axis)
        case _:
            shape = tuple(map(len, box))
            return node if shape == node.shape else Cut(node, tuple(r.start for r in box), shape)


def _dealt(recipe: Shard) -> Node:
    if 0 in recipe.shape:
        return Leaf(Inline(b"", recipe.shape, recipe.dtype), recipe.shape)
    factors = recipe.sharding.split(recipe.source.shape)
    extents = tuple(factor.extent for factor in factors)
    return _reshaped(_parts(_reshaped(normal(recipe.source), extents), factors), recipe.shape)


def _parts(node: Node, factors: tuple[Factor, ...]) -> Node:
    """Sinks to what lies as it is read: transposes and concatenations of parts remain above."""
    match node:
        case Turned():
            return Turned(_parts(node.source, tuple(factors[a] for a in node.axes)), node.perm)
        case Joined() if factors[node.axis].parts == 1:
            before, after = factors[: node.axis], factors[node.axis + 1 :]
            extents = [source.shape[node.axis] for source in node.sources]
            if 0 in extents:
                return Dealt(node, factors)
            pairs = zip(node.sources, extents, strict=True)
            parts = (_parts(source, (*before, Factor(n), *after)) for source, n in pairs)
            return Joined(tuple(parts), node.axis)
        case _:
            return Dealt(node, factors)


def is_turned(node: Node) -> bool:
    """Whether elements that follow each other come from places far apart."""
    match node:
        case Leaf():
            return False
        case Turned():
            return True
        case Joined():
            return any(map(is_turned, node.sources))
        case Scaled():
            return is_turned(node.numbers)
        case Regrouped() | Cut() | Padded() | Dealt():
            return is_turned(node.source)


def _cast(node: Node, dtype: ElementType) -> Node:
    match node:
        case Leaf() | Scaled():
            return replace(node, casts=(*node.casts, dtype))
        case Joined():
            return replace(node, sources=tuple(_cast(s, dtype) for s in node.sources))
        case Turned() | Regrouped() | Cut() | Padded() | Dealt():
            return replace(node, source=_cast(node.source, dtype))


def _turned(node: Node, perm: tuple[int, ...]) -> Node:
    if isinstance(node, Turned):
        node, perm = node.source, tuple(node.perm[p] for p in perm)
    return node if perm == tuple(range(len(perm))) else Turned(node, perm)


def _reshaped(node: Node, shape: Shape) -> Node:
    if shape == node.shape:
        return node
    match node:
        case Leaf():
            return replace(node, shape=shape)
        case Scaled():
            return _reshaped_blocks(node, shape) or Regrouped(node, shape)
        case Regrouped():
            return _reshaped(node.source, shape)
        case Joined():
            return _reshaped_rows(node, shape) or Regrouped(node, shape)
        case Turned():
            return _reshaped_axes(node, shape) or Regrouped(node, shape)
        case Cut() | Padded() | Dealt():
            return Regrouped(node, shape)


def _reshaped_rows(node: Joined, shape: Shape) -> Node | None:
    """Whole sources behind each other stay so when each makes whole rows of the new shape."""
    row = prod(shape[1:])
    sizes = [prod(source.shape) for source in node.sources]
    if node.axis or not shape or not row or any(size % row for size in sizes):
        return None
    parts = zip(node.sources, sizes, strict=True)
    return Joined(tuple(_reshaped(s, (size // row, *shape[1:])) for s, size in parts), 0)


def _reshaped_axes(node: Turned, shape: Shape) -> Node | None:
    """A reshape that splits axes splits those of the source."""
    groups = split_axes(node.shape, shape)
    if groups is None:
        return None
    starts: dict[int, int] = {}
    extents: list[int] = []
    for axis in node.axes:
        starts[axis] = len(extents)
        extents.extend(groups[axis])
    perm = [starts[a] + i for a, group in enumerate(groups) for i in range(len(group))]
    return _turned(_reshaped(node.source, tuple(extents)), tuple(perm))


def _reshaped_blocks(node: Scaled, shape: Shape) -> Node | None:
    """A reshape that splits axes splits their blocks, one that merges some makes larger ones."""
    blocks = None if 0 in shape else reshaped_blocks(node.shape, node.blocks, shape)
    if blocks is None:
        return None
    counts = tuple(-(-extent // block) for extent, block in zip(shape, blocks, strict=True))
    parts: list[Node] = []
    for part in (node.scales, node.points):
        target = counts if prod(part.shape) == prod(counts) else (1,) * len(shape)
        if prod(part.shape) != prod(target):
            return None
        parts.append(_reshaped(part, target))
    scales, points = parts
    numbers = _reshaped(node.numbers, shape)
    return replace(node, numbers=numbers, scales=scales, points=points, blocks=blocks)
