"""The nodes of a normal form, which `runtime.weights.streaming.normal` makes of recipes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from runtime.numerics.elements import ElementType
from runtime.sharding import Factor
from runtime.weights.recipes import Decode, FileRange, Inline, Unpack
from runtime.weights.streaming.boxes import Box

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Leaf:
    """
    Elements where they lie, with other extents, converted from type to type in order.

    Those of an `Unpack` or a `Decode` may share a byte.
    """

    source: FileRange | Inline | Unpack | Decode
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


@dataclass(frozen=True)
class Scaled:
    """Numbers less their points, times their scales; an axis has those of its blocks, or one."""

    numbers: Node
    scales: Node
    points: Node
    blocks: Shape
    types: tuple[ElementType, ...]
    """Of numbers, scales and points."""
    casts: tuple[ElementType, ...] = ()

    @property
    def shape(self) -> Shape:
        """Extents."""
        return self.numbers.shape


Node = Leaf | Turned | Joined | Regrouped | Cut | Padded | Dealt | Scaled
