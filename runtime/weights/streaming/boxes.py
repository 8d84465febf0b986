"""Boxes of elements of an array: a range of indices for each axis."""

from collections.abc import Iterator, Sequence
from itertools import product
from math import prod
from typing import Any

Box = tuple[range, ...]


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


def last_partial(shape: Sequence[int], box: Box) -> int:
    """The last axis of which a box does not hold all, 0 when it holds all of each."""
    partial = (a for a in range(len(shape) - 1, -1, -1) if len(box[a]) < shape[a])
    return next(partial, 0)


def moved(box: Box, offsets: Sequence[int]) -> Box:
    """A box that begins so much later along each axis."""
    pairs = zip(box, offsets, strict=True)
    return tuple(range(r.start + offset, r.stop + offset) for r, offset in pairs)


def common(box: Box, other: Box) -> Box:
    """What two boxes have in common; some axis is empty if they have nothing."""
    pairs = zip(box, other, strict=True)
    return tuple(range(max(a.start, b.start), min(a.stop, b.stop)) for a, b in pairs)


def within(box: Box, part: Box) -> tuple[Any, ...]:
    """The index of a part of a box in an array that holds the box."""
    starts = ((p.start - b.start, len(p)) for p, b in zip(part, box, strict=True))
    return (*(slice(at, at + size) for at, size in starts), ...)
