"""Streaming of recipes: elements in row-major order, a few megabytes at a time.

All is made of one operation, `fill`: put the elements of a box where they belong. What a transpose
needs for a box is a box of its source, so each byte of a file is read about once, whatever the
recipe is. Files are read, not mapped: pages of a mapping that were touched count as memory of the
process.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product
from math import prod
from typing import Any

import numpy as np

from runtime.numerics.elements import ElementType, convert
from runtime.weights.recipes import FileRange, Recipe
from runtime.weights.source_files import SourceFiles
from runtime.weights.streaming.normal import (
    Cut,
    Joined,
    Leaf,
    Node,
    Padded,
    Regrouped,
    Turned,
    is_turned,
    normal,
)
from runtime.weights.streaming.transposing import copy_into

PIECE_BYTES = 4 << 20
"""About how much of a recipe is put together at once."""
TURNED_BYTES = 32 << 20
"""The same for transposes: the larger, the longer are the runs that are read for it."""
CHUNK_BYTES = 4 << 20
"""About how much of a file is held besides."""
GAP_BYTES = 4096
"""Bytes between runs up to which reading them is cheaper than another call."""

_BYTE = np.dtype(np.uint8)

Array = np.ndarray[Any, np.dtype[Any]]
Box = tuple[range, ...]


def pieces(recipe: Recipe, files: SourceFiles) -> Iterator[Array]:
    """The elements of a recipe in row-major order, as contiguous arrays."""
    if not prod(recipe.shape):
        return
    node, dtype = normal(recipe), recipe.dtype
    limit = TURNED_BYTES if is_turned(node) else PIECE_BYTES
    for box in contiguous_boxes(recipe.shape, limit // dtype.itemsize):
        out = files.buffers.empty(tuple(map(len, box)), dtype.dtype)
        fill(node, box, out, files)
        yield out
        del out


def contiguous_boxes(shape: Sequence[int], limit: int) -> Iterator[Box]:
    """Boxes of about `limit` elements, in order, whose elements follow each other."""
    axis = next((a for a in range(len(shape)) if prod(shape[a + 1 :]) <= limit), 0)
    full = tuple(map(range, shape))
    step = max(1, limit // max(1, prod(shape[axis + 1 :])))
    if axis < len(shape):
        step = -(-shape[axis] // -(-shape[axis] // step))
    for head in product(*full[:axis]):
        outer = tuple(range(i, i + 1) for i in head)
        if axis == len(shape):
            yield outer
            continue
        for start in range(0, shape[axis], step):
            part = range(start, min(start + step, shape[axis]))
            yield (*outer, part, *full[axis + 1 :])


def fill(node: Node, box: Box, out: Array, files: SourceFiles) -> None:
    """Put the elements of a box into `out`, which has its extents and any strides."""
    match node:
        case Leaf():
            _fill_from_leaf(node, box, out, files)
        case Turned():
            axes = sorted(range(len(box)), key=node.perm.__getitem__)
            fill(node.source, tuple(box[a] for a in axes), out.transpose(axes), files)
        case Joined():
            _fill_joined(node, box, out, files)
        case Regrouped():
            _fill_regrouped(node, box, out, files)
        case Cut():
            starts = zip(box, node.offsets, strict=True)
            moved = tuple(range(r.start + offset, r.stop + offset) for r, offset in starts)
            fill(node.source, moved, out, files)
        case Padded():
            _fill_padded(node, box, out, files)


def _fill_padded(node: Padded, box: Box, out: Array, files: SourceFiles) -> None:
    ends = zip(box, node.source.shape, strict=True)
    held = tuple(range(r.start, max(r.start, min(r.stop, end))) for r, end in ends)
    if held != box:
        out[...] = 0
    if all(held):
        fill(node.source, held, out[(*(slice(len(r)) for r in held), ...)], files)


def _fill_joined(node: Joined, box: Box, out: Array, files: SourceFiles) -> None:
    axis, first = node.axis, 0
    start, stop = box[axis].start, box[axis].stop
    before = (slice(None),) * axis
    for source in node.sources:
        low, high = max(start, first), min(stop, first + source.shape[axis])
        if low < high:
            part = (*box[:axis], range(low - first, high - first), *box[axis + 1 :])
            fill(source, part, out[(*before, slice(low - start, high - start))], files)
        first += source.shape[axis]


def _fill_regrouped(node: Regrouped, box: Box, out: Array, files: SourceFiles) -> None:
    """Run by run, each from the boxes of the source that it covers."""
    if not box:
        node, box, out = Regrouped(node.source, (1,)), (range(1),), out.reshape(1)
    shape = node.shape
    axis = _last_partial(shape, box)
    inner = prod(shape[axis + 1 :])
    length = len(box[axis]) * inner
    run = np.empty(length, out.dtype)
    pitches = [prod(shape[a + 1 :]) for a in range(axis)]
    for index in product(*(range(len(r)) for r in box[:axis])):
        outer = zip(index, box[:axis], pitches, strict=True)
        start = sum(r[i] * pitch for i, r, pitch in outer) + box[axis].start * inner
        _fill_flat(node.source, start, run, files)
        out[index] = run.reshape(tuple(map(len, box[axis:])))


def _fill_flat(node: Node, start: int, out: Array, files: SourceFiles) -> None:
    """Elements that follow each other in row-major order, from the `start`-th on."""
    at = 0
    for box in boxes_of_range(node.shape, start, start + out.size):
        extents = tuple(map(len, box))
        size = prod(extents)
        fill(node, box, out[at : at + size].reshape(extents), files)
        at += size


def boxes_of_range(shape: Sequence[int], start: int, stop: int) -> Iterator[Box]:
    """The elements from the `start`-th to before the `stop`-th, as boxes, in order."""
    if start >= stop:
        return
    if len(shape) <= 1:
        yield (range(start, stop),) if shape else ()
        return
    row = prod(shape[1:])
    first, last = -(-start // row), stop // row
    if first > last:
        for box in boxes_of_range(shape[1:], start - last * row, stop - last * row):
            yield (range(last, last + 1), *box)
        return
    for box in boxes_of_range(shape[1:], start - (first - 1) * row, row if start % row else 0):
        yield (range(first - 1, first), *box)
    if first < last:
        yield (range(first, last), *map(range, shape[1:]))
    for box in boxes_of_range(shape[1:], 0, stop - last * row):
        yield (range(last, last + 1), *box)


def _last_partial(shape: Sequence[int], box: Box) -> int:
    """The last axis of which a box does not hold all, 0 when it holds all of each."""
    partial = (a for a in range(len(shape) - 1, -1, -1) if len(box[a]) < shape[a])
    return next(partial, 0)


def _fill_from_leaf(leaf: Leaf, box: Box, out: Array, files: SourceFiles) -> None:
    source = leaf.source
    if not isinstance(source, FileRange):
        held = np.frombuffer(source.data, source.dtype.dtype).reshape(leaf.shape)
        part = held[(*(slice(r.start, r.stop) for r in box), ...)]
        copy_into(out, _converted(part, leaf.casts))
        return
    leaf, box, out = _without_ones(leaf, box, out)
    item = source.dtype.itemsize
    axis = max(1, _last_partial(leaf.shape, box))
    while axis < len(box) - 1 and item * _run(leaf, box, axis) > CHUNK_BYTES:
        axis += 1
    run, pitch = item * _run(leaf, box, axis), item * prod(leaf.shape[axis:])
    step = max(1, CHUNK_BYTES // (pitch if pitch - run <= GAP_BYTES else run))
    rows = box[axis - 1]
    for head in product(*(range(len(r)) for r in box[: axis - 1])):
        first = _first(leaf, box, head, axis) * item + source.offset
        for start in range(0, len(rows), step):
            count = min(step, len(rows) - start)
            place = out[(*head, slice(start, start + count))]
            at = first + start * pitch
            if pitch == run and not leaf.casts and place.flags.c_contiguous:
                files.read_into(source.path, at, place)
                continue
            data = _load(files, source, at, count, run, pitch).view(source.dtype.dtype)
            copy_into(place, _converted(data.reshape(place.shape), leaf.casts))


def _without_ones(leaf: Leaf, box: Box, out: Array) -> tuple[Leaf, Box, Array]:
    """The same without axes of extent 1, which would hide that rows follow each other."""
    kept = [a for a, extent in enumerate(leaf.shape) if extent != 1]
    if not kept:
        return replace(leaf, shape=(1,)), (range(1),), out.reshape(1)
    place = out[tuple(slice(None) if extent != 1 else 0 for extent in leaf.shape)]
    return (
        replace(leaf, shape=tuple(leaf.shape[a] for a in kept)),
        tuple(box[a] for a in kept),
        place,
    )


def _run(leaf: Leaf, box: Box, axis: int) -> int:
    """Elements that follow each other for one index of the axes before `axis`."""
    return prod(map(len, box[axis : axis + 1])) * prod(leaf.shape[axis + 1 :])


def _first(leaf: Leaf, box: Box, head: Sequence[int], axis: int) -> int:
    """The number of the first element of the rows at `head`."""
    index = [r[i] for i, r in zip(head, box, strict=False)]
    index += [r.start for r in box[axis - 1 : axis + 1]]
    return sum(i * prod(leaf.shape[a + 1 :]) for a, i in enumerate(index))


def _load(
    files: SourceFiles, source: FileRange, at: int, count: int, run: int, pitch: int
) -> Array:
    """`count` runs of `run` bytes, `pitch` bytes apart; the gaps between are read if small."""
    if pitch - run <= GAP_BYTES:
        span = files.buffers.empty((count * pitch,), _BYTE)
        files.read_into(source.path, at, span[: (count - 1) * pitch + run])
        return span.reshape(count, pitch)[:, :run]
    rows = files.buffers.empty((count, run), _BYTE)
    for i in range(count):
        files.read_into(source.path, at + i * pitch, rows[i])
    return rows


def _converted(data: Array, casts: Sequence[ElementType]) -> Array:
    with np.errstate(all="ignore"):
        for dtype in casts:
            data = convert(data, dtype)
    return data
