"""
Read weights piece by piece, so that memory stays bounded however large they are.

Files are read, not mapped: pages of a mapping that were touched count as memory of the process.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from dialects.lpu.weights import Cast, FileRange, Inline, Reshape, Transpose, Weight, nbytes, read
from runtime.numerics import convert

PIECE_BYTES = 4 << 20
"""About how much of a file is read at once."""
TRANSPOSED_BYTES = 16 << 20
"""How much of a transposed weight is put together at once; its source is read once for each."""

Array = np.ndarray[Any, np.dtype[Any]]


def weight_pieces(weight: Weight, folder: Path) -> Iterator[Array]:
    """The elements of a weight in row-major order, a few megabytes at a time."""
    match weight:
        case FileRange():
            yield from _file_pieces(weight, folder)
        case Inline():
            yield read(weight, folder)
        case Reshape():
            yield from weight_pieces(weight.source, folder)
        case Cast():
            for piece in weight_pieces(weight.source, folder):
                with np.errstate(all="ignore"):
                    converted = convert(piece, weight.dtype)
                yield converted
        case Transpose():
            yield from _transposed_pieces(weight, folder)


def _file_pieces(weight: FileRange, folder: Path) -> Iterator[Array]:
    left = nbytes(weight.shape, weight.dtype)
    with open(folder / weight.path, "rb") as file:
        file.seek(weight.offset)
        while left:
            data = file.read(min(PIECE_BYTES, left))
            assert data, f"{weight.path} ends before the weight does"
            left -= len(data)
            yield np.frombuffer(data, weight.dtype.dtype)


def _transposed_pieces(weight: Transpose, folder: Path) -> Iterator[Array]:
    """Slices along the first axis of the result, each gathered from all rows of the source."""
    source, perm = weight.source, weight.perm
    total = nbytes(weight.shape, weight.dtype)
    if not perm or not total:
        yield from weight_pieces(source, folder)
        return
    extent = weight.shape[0]
    step = max(1, TRANSPOSED_BYTES * extent // total)
    for start in range(0, extent, step):
        piece = _slice_of(source, folder, perm[0], start, min(start + step, extent))
        yield np.ascontiguousarray(piece.transpose(perm))


def _slice_of(weight: Weight, folder: Path, axis: int, start: int, end: int) -> Array:
    """The elements whose index along an axis is from `start` to before `end`."""
    shape = list(weight.shape)
    shape[axis] = end - start
    out = np.empty(shape, weight.dtype.dtype)
    before = (slice(None),) * axis
    for first, rows in _rows(weight, folder):
        behind = first + len(rows)
        if axis:
            out[first:behind] = rows[(*before, slice(start, end))]
        elif first < end and start < behind:
            low, high = max(first, start), min(behind, end)
            out[low - start : high - start] = rows[low - first : high - first]
    return out


def _rows(weight: Weight, folder: Path) -> Iterator[tuple[int, Array]]:
    """Whole rows along the first axis, a few at a time, each time with the index of the first."""
    inner = weight.shape[1:]
    length = int(np.prod(inner, dtype=np.int64))
    first, rest = 0, np.empty(0, weight.dtype.dtype)
    for piece in weight_pieces(weight, folder):
        rest = np.concatenate((rest, piece.reshape(-1)))
        count = rest.size // length
        if count:
            yield first, rest[: count * length].reshape(count, *inner)
            first, rest = first + count, rest[count * length :]
