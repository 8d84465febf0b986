"""A normal form of recipes, from which any box of elements can be read at once.

Casts and reshapes sink to the leaves, where they cost nothing: a reshaped range of a file is a
range with other extents. What remains above are transposes and concatenations; a stack is a
concatenation of sources with a leading axis of one. A reshape that merges transposed axes cannot
sink: it stays as `Regrouped`. Shards are `Dealt`: the form is the same for all devices.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import prod

from runtime.numerics.elements import ElementType
from runtime.sharding import Factor
from runtime.weights.recipes import (
    Cast,
    Concat,
    FileRange,
    Inline,
    Pad,
    Recipe,
    Reshape,
    Shard,
    Slice,
    Stack,
    Transpose,
)
from runtime.weights.streaming.boxes import Box, moved

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Leaf:
    """Elements where they lie, with other extents, converted from type to type in order."""

    source: FileRange | Inline
    shape: Shape
    casts: tuple[ElementType, ...] = ()


@dataclass(frozen=True)
class Turned:
    """Axis `i` of the result is axis `perm[i]` of the source."""

    source: Node
    perm: tuple[int, ...]

    @cached_property
    def shape(self) -> Shape:
        """Extents."""
        return tuple(self.source.shape[p] for p in self.perm)

    @cached_property
    def axes(self) -> tuple[int, ...]:
        """Axis `i` of the source is axis `axes[i]` of the result."""
        return tuple(map(self.perm.index, range(len(self.perm))))


@dataclass(frozen=True)
class Joined:
    """Sources behind each other along an axis."""

    sources: tuple[Node, ...]
    axis: int

    @cached_property
    def shape(self) -> Shape:
        """Extents."""
        first, axis = self.sources[0].shape, self.axis
        total = sum(source.shape[axis] for source in self.sources)
        return (*first[:axis], total, *first[axis + 1 :])

    def parts(self, box: Box) -> Iterator[tuple[Node, Box, int]]:
        """The sources that a box meets, what it takes of each, and where that is along the axis."""
        axis, first = self.axis, 0
        wanted = box[axis]
        for source in self.sources:
            low, high = max(wanted.start, first), min(wanted.stop, first + source.shape[axis])
            if low < high:
                taken = (*box[:axis], range(low - first, high - first), *box[axis + 1 :])
                yield source, taken, low - wanted.start
            first += source.shape[axis]


@dataclass(frozen=True)
class Regrouped:
    """The same elements in the same order, with other extents."""

    source: Node
    shape: Shape


@dataclass(frozen=True)
class Cut:
    """The box of the source that begins at `offsets`."""

    source: Node
    offsets: Shape
    shape: Shape


@dataclass(frozen=True)
class Padded:
    """The source, and zeros behind it along each axis."""

    source: Node
    shape: Shape


@dataclass(frozen=True)
class Dealt:
    """The part that a device has of the source, of which each axis is a factor."""

    source: Node
    factors: tuple[Factor, ...]

    @cached_property
    def shape(self) -> Shape:
        """Extents."""
        return tuple(factor.each for factor in self.factors)


Node = Leaf | Turned | Joined | Regrouped | Cut | Padded | Dealt


def normal(recipe: Recipe) -> Node:
    """The normal form of a recipe."""
    match recipe:
        case FileRange() | Inline():
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
        case Stack():
            sources = (_reshaped(normal(s), (1, *s.shape)) for s in recipe.sources)
            return Joined(tuple(sources), 0)
        case Concat():
            return Joined(tuple(map(normal, recipe.sources)), recipe.axis)


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
        case Regrouped() | Cut() | Padded() | Dealt():
            return is_turned(node.source)


def _cast(node: Node, dtype: ElementType) -> Node:
    match node:
        case Leaf():
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


def split_axes(shape: Sequence[int], target: Sequence[int]) -> list[list[int]] | None:
    """For each axis the extents it becomes in `target`; None when axes merge."""
    groups: list[list[int]] = []
    at = 0
    for extent in shape:
        group: list[int] = []
        while prod(group) < extent and at < len(target):
            group.append(target[at])
            at += 1
        if prod(group) != extent:
            return None
        groups.append(group)
    if groups:
        groups[-1].extend(target[at:])
    return groups if prod(target[at:]) == 1 else None
