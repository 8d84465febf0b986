"""Boxes of what lies in files as it is: read in runs, taken apart where numbers share a byte."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from math import prod
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from runtime.numerics.elements import ElementType, convert
from runtime.weights.recipes import Decode, FileRange, Inline, Packed, Unpack, read
from runtime.weights.recipes.dequantising import unpacked
from runtime.weights.source_files import SourceFiles
from runtime.weights.streaming.boxes import Box, last_partial
from runtime.weights.streaming.forms import Leaf
from runtime.weights.streaming.transposing import copy_into

CHUNK_BYTES = 4 << 20
"""About how much of a file is held besides."""
GAP_BYTES = 4096
"""Bytes between runs up to which reading them is cheaper than another call."""

_BYTE = np.dtype(np.uint8)

Array = np.ndarray[Any, np.dtype[Any]]


def fill_from_leaf(leaf: Leaf, box: Box, out: Array, files: SourceFiles) -> None:
    """Put the elements of a box into an array of its extents and any strides."""
    source = leaf.source
    held = source.source if isinstance(source, Packed) else source
    if isinstance(source, Inline) or isinstance(held, Inline):
        part = read(source, files.folder).reshape(leaf.shape)
        part = part[(*(slice(r.start, r.stop) for r in box), ...)]
        copy_into(out, converted(part, leaf.casts))
        return
    leaf, box, out = _without_ones(leaf, box, out)
    item = source.dtype.itemsize
    axis = max(1, last_partial(leaf.shape, box))
    while axis < len(box) - 1 and item * _run(leaf, box, axis) > CHUNK_BYTES:
        axis += 1
    run, pitch = _run(leaf, box, axis), prod(leaf.shape[axis:])
    near = (pitch - run) * item <= GAP_BYTES
    step = max(1, CHUNK_BYTES // item // (pitch if near else run))
    rows = box[axis - 1]
    for head in product(*(range(len(r)) for r in box[: axis - 1])):
        first = _first(leaf, box, head, axis)
        for start in range(0, len(rows), step):
            count = min(step, len(rows) - start)
            place = out[(*head, slice(start, start + count))]
            runs = _Runs(first + start * pitch, count, run, pitch, near)
            if isinstance(source, FileRange):
                if pitch == run and not leaf.casts and place.flags.c_contiguous:
                    files.read_into(held.path, held.offset + runs.first * item, place)
                    continue
                data = _load(files, source, runs)
            else:
                data = _load_numbers(files, source, runs)
            copy_into(place, converted(data.reshape(place.shape), leaf.casts))


@dataclass(frozen=True)
class _Runs:
    """`count` runs of `run` elements, `pitch` elements apart; `near` says the gaps are small."""

    first: int
    count: int
    run: int
    pitch: int
    near: bool

    @property
    def span(self) -> int:
        """Elements from the first to the last."""
        return (self.count - 1) * self.pitch + self.run


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


def _load(files: SourceFiles, source: FileRange, runs: _Runs) -> Array:
    """The elements of some runs, [count, run]; the gaps between are read if they are small."""
    dtype, count, run, pitch = source.dtype.dtype, runs.count, runs.run, runs.pitch
    at = source.offset + runs.first * dtype.itemsize
    if runs.near:
        span = files.scratch.empty((count * pitch,), dtype)
        files.read_into(source.path, at, span[: runs.span])
        return span.reshape(count, pitch)[:, :run]
    rows = files.scratch.empty((count, run), dtype)
    for i in range(count):
        files.read_into(source.path, at + i * pitch * dtype.itemsize, rows[i])
    return rows


def _load_numbers(files: SourceFiles, source: Unpack | Decode, runs: _Runs) -> Array:
    """The same of numbers that share a byte."""
    if runs.near:
        line = _numbers(files, source, runs.first, runs.span)
        item = line.itemsize
        steps = (runs.pitch * item, item)
        return as_strided(line, (runs.count, runs.run), steps, writeable=False)
    rows = files.scratch.empty((runs.count, runs.run), source.dtype.dtype)
    for i in range(runs.count):
        rows[i] = _numbers(files, source, runs.first + i * runs.pitch, runs.run)
    return rows


def _numbers(files: SourceFiles, source: Unpack | Decode, first: int, count: int) -> Array:
    """Numbers that follow each other, out of the bytes that hold any of them."""
    held, each = source.source, 8 // source.bits
    assert isinstance(held, FileRange)
    low, high = first // each, -(-(first + count) // each)
    data = files.scratch.empty((high - low,), _BYTE)
    files.read_into(held.path, held.offset + low, data)
    before = first - low * each
    return unpacked(data, source)[before : before + count]


def converted(data: Array, casts: Sequence[ElementType]) -> Array:
    """Elements converted from type to type in order."""
    with np.errstate(all="ignore"):
        for dtype in casts:
            data = convert(data, dtype)
    return data
