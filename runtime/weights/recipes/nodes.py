"""Recipes: how the elements of a parameter come from ranges of files.

    transpose(file("model.onnx", 128, [4, 2], f16), [1, 0])
    stack([file("w", 0, [2], f32), file("w", 8, [2], f32)])         # a new leading axis
    concat([file("w", 0, [2, 4], f32), file("w", 64, [2, 1], f32)], 1)
    slice(file("w", 0, [2, 4], f32), [0, 1], [2, 2])                # a box, from [0, 1] on
    pad(file("w", 0, [2, 4], f32), [2, 5])                          # zeros at the ends of axes
    shard(file("w", 0, [2, 5], f32), 4 x [[], [5/4]])               # what each of 4 devices holds
    unpack(file("w", 0, [2, 4], u8), 4, [2, 8], u8)                 # two numbers of a byte
    decode(file("w", 0, [8], u8), 8, [8], inline(...), low)         # entries of a table
    dequantise(unpack(...), file("s", 0, [2, 2], f32), inline("00000041", [1, 1], f32), [1, 4])

A closed set of nodes; each knows its shape and element type. `read` gives a whole array,
`runtime.weights.streaming` gives one in bounded memory. A shard names no device: `for_device` gives
what one of them holds, as slices and paddings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from runtime.numerics.elements import ElementType
from runtime.sharding import Sharding
from runtime.weights.recipes.leaves import Decode, FileRange, Inline, Packed, Unpack


@dataclass(frozen=True)
class Rearranged:
    """What keeps the elements of one recipe and puts them in other places, or leaves some out."""

    source: Recipe

    @property
    def dtype(self) -> ElementType:
        """Type of the elements."""
        return self.source.dtype


@dataclass(frozen=True)
class Reshape(Rearranged):
    """The same elements in the same order, with other extents."""

    shape: tuple[int, ...]

    def __str__(self) -> str:
        return f"reshape({self.source}, {list(self.shape)})"


@dataclass(frozen=True)
class Transpose(Rearranged):
    """Axis `i` of the result is axis `perm[i]` of the source."""

    perm: tuple[int, ...]

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """Extents."""
        return tuple(self.source.shape[p] for p in self.perm)

    def __str__(self) -> str:
        return f"transpose({self.source}, {list(self.perm)})"


@dataclass(frozen=True)
class Slice(Rearranged):
    """The box of the source that begins at `offsets` and has the extents `shape`."""

    offsets: tuple[int, ...]
    shape: tuple[int, ...]

    def __post_init__(self) -> None:
        extents = self.source.shape
        if not len(self.offsets) == len(self.shape) == len(extents):
            raise ValueError("slice has a number for each axis")
        ends = (o + n for o, n in zip(self.offsets, self.shape, strict=True))
        inside = all(end <= extent for end, extent in zip(ends, extents, strict=True))
        if min((*self.offsets, *self.shape), default=0) < 0 or not inside:
            box = f"{list(self.shape)} at {list(self.offsets)}"
            raise ValueError(f"slice {box} does not lie in {list(extents)}")

    def __str__(self) -> str:
        return f"slice({self.source}, {list(self.offsets)}, {list(self.shape)})"


@dataclass(frozen=True)
class Pad(Rearranged):
    """The source at the beginning of larger extents, with zeros behind it along each axis."""

    shape: tuple[int, ...]

    def __post_init__(self) -> None:
        extents = self.source.shape
        is_rank = len(self.shape) == len(extents)
        if not is_rank or any(n < e for n, e in zip(self.shape, extents, strict=True)):
            raise ValueError(f"pad to {list(self.shape)} does not hold {list(extents)}")

    def __str__(self) -> str:
        return f"pad({self.source}, {list(self.shape)})"


@dataclass(frozen=True)
class Shard(Rearranged):
    """What each of several devices holds of the source; the extents are those that one holds."""

    sharding: Sharding

    def __post_init__(self) -> None:
        self.sharding.check(self.source.shape)

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """Extents."""
        return self.sharding.local(self.source.shape)

    def __str__(self) -> str:
        return f"shard({self.source}, {self.sharding})"


@dataclass(frozen=True)
class Cast:
    """The elements converted as `numerics.convert` does."""

    source: Recipe
    dtype: ElementType

    @property
    def shape(self) -> tuple[int, ...]:
        """Extents."""
        return self.source.shape

    def __str__(self) -> str:
        return f"cast({self.source}, {self.dtype})"


@dataclass(frozen=True)
class Dequantise:
    """
    `(number - point) * scale` in f32, which both operations round to.

    Element `i` of an axis has scale and point `i // blocks[axis]`, or 0 where those have only one.
    """

    numbers: Recipe
    scales: Recipe
    points: Recipe
    blocks: tuple[int, ...]

    dtype = ElementType.F32

    def __post_init__(self) -> None:
        if self.numbers.dtype is ElementType.BOOL or not self.scales.dtype.is_float:
            raise ValueError("dequantise takes numbers, and scales that are no integers")
        if min(self.blocks, default=1) < 1 or len(self.blocks) != len(self.shape):
            raise ValueError("dequantise has a block for each axis")
        for what, given in (("scales", self.scales), ("points", self.points)):
            pairs = zip(self.shape, self.blocks, strict=True)
            counts = [-(-extent // block) for extent, block in pairs]
            ranks = len(given.shape) == len(counts)
            if not ranks or any(n not in (1, m) for n, m in zip(given.shape, counts, strict=True)):
                raise ValueError(f"dequantise has {what} of {list(given.shape)}, not {counts}")
        if any(map(_is_sharded, (self.numbers, self.scales, self.points))):
            raise ValueError("dequantise takes no shards")

    @property
    def shape(self) -> tuple[int, ...]:
        """Extents."""
        return self.numbers.shape

    def __str__(self) -> str:
        parts = ", ".join(map(str, (self.numbers, self.scales, self.points)))
        return f"dequantise({parts}, {list(self.blocks)})"


@dataclass(frozen=True)
class Stack:
    """Equal shapes along a new leading axis. The hash is computed once: rolling makes long ones."""

    sources: tuple[Recipe, ...]

    def __post_init__(self) -> None:
        _check_alike([(s.shape, s.dtype) for s in self.sources], "stack")

    @property
    def dtype(self) -> ElementType:
        """Type of the elements."""
        return self.sources[0].dtype

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """Extents."""
        return (len(self.sources), *self.sources[0].shape)

    @cached_property
    def _hash(self) -> int:
        return hash(("stack", self.sources))

    def __hash__(self) -> int:
        return self._hash

    def __str__(self) -> str:
        return f"stack([{', '.join(map(str, self.sources))}])"


@dataclass(frozen=True)
class Concat:
    """Sources behind each other along an axis; their other extents are equal."""

    sources: tuple[Recipe, ...]
    axis: int

    def __post_init__(self) -> None:
        axis = self.axis
        if self.sources and not 0 <= axis < len(self.sources[0].shape):
            raise ValueError(f"concat has no axis {axis}")
        alike = [((*s.shape[:axis], *s.shape[axis + 1 :]), s.dtype) for s in self.sources]
        _check_alike(alike, "concat")
        if len({len(s.shape) for s in self.sources}) != 1:
            raise ValueError("the sources of concat differ in rank")

    @property
    def dtype(self) -> ElementType:
        """Type of the elements."""
        return self.sources[0].dtype

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """Extents."""
        first, axis = self.sources[0].shape, self.axis
        total = sum(source.shape[axis] for source in self.sources)
        return (*first[:axis], total, *first[axis + 1 :])

    @cached_property
    def _hash(self) -> int:
        return hash(("concat", self.sources, self.axis))

    def __hash__(self) -> int:
        return self._hash

    def __str__(self) -> str:
        return f"concat([{', '.join(map(str, self.sources))}], {self.axis})"


Recipe = (
    FileRange | Inline | Unpack | Decode | Reshape | Transpose | Slice | Pad | Shard | Cast
    | Dequantise | Stack | Concat
)  # fmt: skip


def _check_alike(kinds: Sequence[tuple[tuple[int, ...], ElementType]], what: str) -> None:
    if not kinds:
        raise ValueError(f"{what} of nothing")
    if len(set(kinds)) != 1:
        raise ValueError(f"the sources of {what} differ in shape or element type")


def sources_of(recipe: Recipe) -> tuple[Recipe, ...]:
    """The recipes that one is made of directly."""
    match recipe:
        case FileRange() | Inline():
            return ()
        case Rearranged() | Cast() | Packed():
            return (recipe.source,)
        case Dequantise():
            return (recipe.numbers, recipe.scales, recipe.points)
        case Stack() | Concat():
            return recipe.sources


def _is_sharded(recipe: Recipe) -> bool:
    return isinstance(recipe, Shard) or any(map(_is_sharded, sources_of(recipe)))
