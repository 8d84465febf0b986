"""Streaming of recipes: elements in row-major order, a few megabytes at a time.

All is made of one operation, `fill`: put the elements of a box where they belong. What a transpose
needs for a box is a box of its source, so each byte of a file is read about once, whatever the
recipe is. Files are read, not mapped: pages of a mapping that were touched count as memory of the
process.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product
from math import prod
from typing import Any

import numpy as np

from runtime.numerics.elements import ElementType, convert
from runtime.sharding import Factor
from runtime.weights.recipes import FileRange, Recipe, first_alike
from runtime.weights.source_files import SourceFiles
from runtime.weights.streaming.boxes import (
    Box,
    boxes_of_range,
    common,
    contiguous_boxes,
    last_partial,
    moved,
    within,
)
from runtime.weights.streaming.normal import (
    Cut,
    Dealt,
    Joined,
    Leaf,
    Node,
    Padded,
    Regrouped,
    Turned,
    is_turned,
    normal,
    split_axes,
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
Outs = Mapping[int, Array]
"""Where the elements of each device go, by its number."""


def pieces(
    recipe: Recipe, files: SourceFiles, devices: int = 1, address: int = 0
) -> Iterator[list[Array]]:
    """The elements that each device has of a recipe, in row-major order, as contiguous arrays.

    Devices that have the same share their arrays, which lie to pages as those at `address` do.
    """
    if not prod(recipe.shape):
        return
    node, dtype, first = normal(recipe), recipe.dtype, first_alike(recipe, devices)
    limit, unlike = TURNED_BYTES if is_turned(node) else PIECE_BYTES, set(first)
    each = max(1, limit // dtype.itemsize // len(unlike))
    for box in contiguous_boxes(recipe.shape, each):
        extents = tuple(map(len, box))
        outs = {device: files.buffers.empty(extents, dtype.dtype, address) for device in unlike}
        fill(node, box, outs, files)
        address += outs[first[0]].nbytes
        yield [outs[device] for device in first]
        del outs


def fill(node: Node, box: Box, outs: Outs, files: SourceFiles) -> None:
    """Put the elements of a box into arrays, one for each device, of its extents and any strides.

    Devices differ below `Dealt` alone; where they do not, what one has is copied to the others.
    """
    match node:
        case Leaf():
            first, *others = outs.values()
            _fill_from_leaf(node, box, first, files)
            for out in others:
                copy_into(out, first)
        case Turned():
            turned = {device: out.transpose(node.axes) for device, out in outs.items()}
            fill(node.source, tuple(box[a] for a in node.axes), turned, files)
        case Joined():
            _fill_joined(node, box, outs, files)
        case Regrouped():
            _fill_regrouped(node, box, outs, files)
        case Cut():
            fill(node.source, moved(box, node.offsets), outs, files)
        case Padded():
            _fill_padded(node, box, outs, files)
        case Dealt():
            _fill_dealt(node, box, outs, files)


def _fill_joined(node: Joined, box: Box, outs: Outs, files: SourceFiles) -> None:
    before = (slice(None),) * node.axis
    for source, taken, at in node.parts(box):
        place = (*before, slice(at, at + len(taken[node.axis])))
        fill(source, taken, {device: out[place] for device, out in outs.items()}, files)


def _fill_padded(node: Padded, box: Box, outs: Outs, files: SourceFiles) -> None:
    held = common(box, tuple(map(range, node.source.shape)))
    place = (*(slice(len(r)) for r in held), ...)
    if held != box:
        for out in outs.values():
            out[...] = 0
    if all(held):
        fill(node.source, held, {device: out[place] for device, out in outs.items()}, files)


def _fill_dealt(node: Dealt, box: Box, outs: Outs, files: SourceFiles) -> None:
    """Devices whose parts lie next to each other have them read at once."""
    groups: dict[tuple[range | None, ...], dict[int, Box]] = {}
    pairs = list(zip(node.factors, box, strict=True))
    for device, out in outs.items():
        held = tuple(_held(factor, part, device) for factor, part in pairs)
        if tuple(map(len, held)) != out.shape:
            out[...] = 0
        if all(held):
            whole = [len(part) == factor.each for factor, part in pairs]
            key = tuple(None if w else part for w, part in zip(whole, held, strict=True))
            groups.setdefault(key, {})[device] = held
    for members in groups.values():
        _deal(node.source, members, outs, files)


def _held(factor: Factor, part: range, device: int) -> range:
    """Where in a factor the elements of a device are, without those that do not exist."""
    low, high = factor.span(device)
    return range(min(low + part.start, high), min(low + part.stop, high))


def _deal(source: Node, members: dict[int, Box], outs: Outs, files: SourceFiles) -> None:
    """Read the smallest box that holds those of all members in chunks, and give each its own."""
    places = {d: outs[d][(*(slice(len(r)) for r in box), ...)] for d, box in members.items()}
    axes = zip(*members.values(), strict=True)
    hull = tuple(range(min(r.start for r in a), max(r.stop for r in a)) for a in axes)
    if len(set(members.values())) == 1:
        fill(source, hull, places, files)
        return
    dtype = next(iter(places.values())).dtype
    for part in contiguous_boxes(tuple(map(len, hull)), CHUNK_BYTES // dtype.itemsize):
        read = moved(part, [r.start for r in hull])
        whole = files.scratch.empty(tuple(map(len, read)), dtype)
        fill(source, read, {0: whole}, files)
        for device, box in members.items():
            both = common(box, read)
            if all(both):
                copy_into(places[device][within(box, both)], whole[within(read, both)])


def _fill_regrouped(node: Regrouped, box: Box, outs: Outs, files: SourceFiles) -> None:
    if not box:
        node, box = Regrouped(node.source, (1,)), (range(1),)
        outs = {device: out.reshape(1) for device, out in outs.items()}
    groups = split_axes(node.shape, node.source.shape)
    if groups is None:
        _fill_by_runs(node, box, outs, files)
        return
    parts = [list(_located_boxes(g, r)) for g, r in zip(groups, box, strict=True)]
    for found in product(*parts):
        source = tuple(r for _, part in found for r in part)
        place, extents = (*(where for where, _ in found), ...), tuple(map(len, source))
        views = {device: out[place].reshape(extents) for device, out in outs.items()}
        fill(node.source, source, views, files)


def _located_boxes(group: Sequence[int], part: range) -> Iterator[tuple[slice, Box]]:
    """A part of an axis as boxes of the axes that it is made of, and where in it each lies."""
    at = 0
    for box in boxes_of_range(group, part.start, part.stop):
        size = prod(map(len, box))
        yield slice(at, at + size), box
        at += size


def _fill_by_runs(node: Regrouped, box: Box, outs: Outs, files: SourceFiles) -> None:
    """Run by run, each from the boxes of the source that it covers."""
    shape = node.shape
    axis = last_partial(shape, box)
    inner = prod(shape[axis + 1 :])
    length = len(box[axis]) * inner
    runs = {device: np.empty(length, out.dtype) for device, out in outs.items()}
    pitches = [prod(shape[a + 1 :]) for a in range(axis)]
    for index in product(*(range(len(r)) for r in box[:axis])):
        outer = zip(index, box[:axis], pitches, strict=True)
        start = sum(r[i] * pitch for i, r, pitch in outer) + box[axis].start * inner
        _fill_flat(node.source, start, runs, files)
        for device, out in outs.items():
            out[index] = runs[device].reshape(tuple(map(len, box[axis:])))


def _fill_flat(node: Node, start: int, outs: Outs, files: SourceFiles) -> None:
    """Elements that follow each other in row-major order, from the `start`-th on."""
    at, length = 0, next(iter(outs.values())).size
    for box in boxes_of_range(node.shape, start, start + length):
        extents = tuple(map(len, box))
        size = prod(extents)
        views = {device: out[at : at + size].reshape(extents) for device, out in outs.items()}
        fill(node, box, views, files)
        at += size


def _fill_from_leaf(leaf: Leaf, box: Box, out: Array, files: SourceFiles) -> None:
    source = leaf.source
    if not isinstance(source, FileRange):
        held = np.frombuffer(source.data, source.dtype.dtype).reshape(leaf.shape)
        part = held[(*(slice(r.start, r.stop) for r in box), ...)]
        copy_into(out, _converted(part, leaf.casts))
        return
    leaf, box, out = _without_ones(leaf, box, out)
    item = source.dtype.itemsize
    axis = max(1, last_partial(leaf.shape, box))
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
        span = files.scratch.empty((count * pitch,), _BYTE)
        files.read_into(source.path, at, span[: (count - 1) * pitch + run])
        return span.reshape(count, pitch)[:, :run]
    rows = files.scratch.empty((count, run), _BYTE)
    for i in range(count):
        files.read_into(source.path, at + i * pitch, rows[i])
    return rows


def _converted(data: Array, casts: Sequence[ElementType]) -> Array:
    with np.errstate(all="ignore"):
        for dtype in casts:
            data = convert(data, dtype)
    return data
