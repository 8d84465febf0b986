"""Rows of what devices put and store in HBM, which are alike whatever their extents are."""

from collections.abc import Sequence
from typing import NamedTuple

from runtime.ring.checks.compile.content.families import Family, Piece
from runtime.ring.checks.compile.content.shapes import Axis, Shape


class Rows(NamedTuple):
    """So many rows, `pitch` bytes apart, each with the same axes."""

    number: int
    pitch: int
    axes: tuple[Axis, ...]


def ways(shape: Shape) -> list[Rows]:
    """What a shape is: one row, at no pitch, and where it has an outer axis, several."""
    found = [Rows(1, 0, shape.axes)]
    if len(shape.axes) > 1:
        (count, pitch), *inner = shape.axes
        if isinstance(count, int):
            found.append(Rows(count, pitch, tuple(inner)))
    return found


def are_alike(family: Family, piece: Piece, parts: tuple[int, int, Shape]) -> bool:
    """Whether equal shapes for all devices have whole rows of a piece, or nothing of them."""
    base, step, shape = parts
    if family.step != step:
        return False
    assert isinstance(family.base, int)
    start = base - family.base - piece.start
    for one in ways(piece.shape):
        for other in ways(shape):
            pitches = {one.pitch, other.pitch} - {0}
            if one.axes != other.axes or len(pitches) > 1:
                continue
            if start == 0 or (pitches and start % pitches.pop() == 0):
                return True
    return False


def joined(pieces: Sequence[Piece]) -> Shape | None:
    """Pieces of a slot, in order, as one shape, if they are rows one behind the other."""
    first, *others = pieces
    if not others:
        return first.shape
    pitch = others[0].start - first.start
    for rows in ways(first.shape):
        pitch, at = rows.pitch or pitch, first.start
        for piece in (first, *others):
            counts = [
                r.number
                for r in ways(piece.shape)
                if r.axes == rows.axes and r.pitch in (0, pitch) and piece.start == at
            ]
            if not counts:
                break
            at += pitch * counts[0]
        else:
            axes = (((at - first.start) // pitch, pitch), *rows.axes)
            span = pieces[-1].end - first.start
            return Shape(axes, 0, span, first.shape.is_exact, 0)
    return None
