"""Recipes: how the elements of a parameter come from ranges of files.

    transpose(file("model.onnx", 128, [4, 2], f16), [1, 0])
    stack([file("w", 0, [2], f32), file("w", 8, [2], f32)])         # a new leading axis
    concat([file("w", 0, [2, 4], f32), file("w", 64, [2, 1], f32)], 1)
    slice(file("w", 0, [2, 4], f32), [0, 1], [2, 2])                # a box, from [0, 1] on
    pad(file("w", 0, [2, 4], f32), [2, 5])                          # zeros at the ends of axes
    shard(file("w", 0, [2, 5], f32), 4 x [[], [5/4]])               # what each of 4 devices holds

A closed set of nodes; each knows its shape and element type. `read` gives a whole array,
`runtime.weights.streaming` gives one in bounded memory. A shard names no device: `for_device` gives
what one of them holds, as slices and paddings.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import prod

from runtime.numerics.elements import ElementType
from runtime.sharding import Sharding


@dataclass(frozen=True)
class FileRange:
    """Row-major little-endian elements at a byte offset of a file."""

    path: str
    offset: int
    shape: tuple[int, ...]
    dtype: ElementType

    def __str__(self) -> str:
        path = self.path.encode("unicode_escape").decode().replace("\\", "\\\\")
        path = path.replace('"', '\\"')
        return f'file("{path}", {self.offset}, {list(self.shape)}, {self.dtype})'


@dataclass(frozen=True)
class Inline:
    """The elements themselves, row-major and little-endian."""

    data: bytes
    shape: tuple[int, ...]
    dtype: ElementType

    def __str__(self) -> str:
        return f'inline("{self.data.hex()}", {list(self.shape)}, {self.dtype})'


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


Recipe = FileRange | Inline | Reshape | Transpose | Slice | Pad | Shard | Cast | Stack | Concat


def _check_alike(kinds: Sequence[tuple[tuple[int, ...], ElementType]], what: str) -> None:
    if not kinds:
        raise ValueError(f"{what} of nothing")
    if len(set(kinds)) != 1:
        raise ValueError(f"the sources of {what} differ in shape or element type")


def nbytes(shape: Sequence[int], dtype: ElementType) -> int:
    """Bytes that elements of this shape take."""
    return prod(shape) * dtype.itemsize


def sources_of(recipe: Recipe) -> tuple[Recipe, ...]:
    """The recipes that one is made of directly."""
    match recipe:
        case FileRange() | Inline():
            return ()
        case Rearranged() | Cast():
            return (recipe.source,)
        case Stack() | Concat():
            return recipe.sources


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
        case Rearranged() | Cast():
            return replace(recipe, source=renamed(recipe.source, paths))
        case Stack() | Concat():
            return replace(recipe, sources=tuple(renamed(s, paths) for s in recipe.sources))
