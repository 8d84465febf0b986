"""Streaming of recipes: elements in row-major order, a few megabytes at a time.

All is made of one operation, `fill`: put the elements of a box where they belong. What a transpose
needs for a box is a box of its source, so each byte of a file is read about once, whatever the
recipe is. Files are read, not mapped: pages of a mapping that were touched count as memory of the
process.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from math import prod
from typing import Any

import numpy as np

from runtime.numerics.elements import ElementType
from runtime.sharding import Factor
from runtime.weights.recipes import Recipe, first_alike
from runtime.weights.recipes.dequantising import dequantised
from runtime.weights.source_files import SourceFiles
from runtime.weights.streaming.blocks import split_axes
from runtime.weights.streaming.boxes import (
    Box,
    boxes_of_range,
    common,
    contiguous_boxes,
    last_partial,
    moved,
    within,
)
from runtime.weights.streaming.forms import (
    Cut,
    Dealt,
    Joined,
    Leaf,
    Node,
    Padded,
    Regrouped,
    Scaled,
    Turned,
)
from runtime.weights.streaming.leaves import CHUNK_BYTES, converted, fill_from_leaf
from runtime.weights.streaming.normal import is_turned, normal
from runtime.weights.streaming.transposing import copy_into

PIECE_BYTES = 4 << 20
"""About how much of a recipe is put together at once."""
TURNED_BYTES = 32 << 20
"""The same for transposes: the larger, the longer are the runs that are read for it."""
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
        case Leaf() | Scaled():
            first, *others = outs.values()
            _fill_once(node, box, first, files)
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


def _fill_once(node: Leaf | Scaled, box: Box, out: Array, files: SourceFiles) -> None:
    if isinstance(node, Leaf):
        fill_from_leaf(node, box, out, files)
    else:
        _fill_scaled(node, box, out, files)


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


def _fill_scaled(node: Scaled, box: Box, out: Array, files: SourceFiles) -> None:
    """In chunks, each with the scales and points of the blocks that it meets."""
    blocks, starts = node.blocks, [r.start for r in box]
    for chunk in contiguous_boxes(out.shape, CHUNK_BYTES // ElementType.F32.itemsize):
        part = moved(chunk, starts)
        met = tuple(
            range(r.start // block, -(-r.stop // block))
            for r, block in zip(part, blocks, strict=True)
        )
        held: list[Array] = []
        for source, dtype in zip((node.numbers, node.scales, node.points), node.types, strict=True):
            wanted = part if source is node.numbers else _met(source, met)
            array = files.scratch.empty(tuple(map(len, wanted)), dtype.dtype)
            fill(source, wanted, {0: array}, files)
            held.append(array)
        inside = [r.start % block for r, block in zip(part, blocks, strict=True)]
        numbers = dequantised(held[0], held[1], held[2], blocks, inside)
        copy_into(out[within(box, part)], converted(numbers, node.casts))


def _met(source: Node, blocks: Box) -> Box:
    """Of the blocks of a box those that a tensor has; one serves all where it has one."""
    pairs = zip(source.shape, blocks, strict=True)
    return tuple(range(1) if extent == 1 else part for extent, part in pairs)


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
