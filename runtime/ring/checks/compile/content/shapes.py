"""The bytes of a strided operand, relative to its base.

    shapes.made(4, (1, 1, 3, 48), (0, 0, 768, 4))    # 3 runs of 192 bytes, 768 apart

An axis is (extent, stride) in bytes, the innermost one has the bytes of an element. Axes of one
element are left out, axes that lie densely in one another are one axis: operands with equal axes
have the same bytes, in the same order. An extent may be symbolic; what is not known is taken as the
most that it may be, or as not contained.
"""

from bisect import bisect_right
from collections.abc import Sequence
from math import prod
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from runtime.ring.checks.compile.values import Affine, Symbols, Value

Four = tuple[int, int, int, int]
Axis = tuple[Value, int]
MOST_RUNS = 1 << 14
Runs = list[tuple[int, int]]


class Shape(NamedTuple):
    """`axes` from the outermost; bytes lie from `low` on, `span` of them at most, gaps included.

    `is_exact`: no byte is met twice, and all strides are known; `size` is the number of bytes of
    one dense run, or 0.
    """

    axes: tuple[Axis, ...]
    low: int
    span: int
    is_exact: bool
    size: int


NOTHING = Shape((), 0, 0, True, 0)
EVERYTHING = Shape((), -(1 << 62), 1 << 63, False, 0)


class Shapes:
    """All shapes of a program, each made once."""

    def __init__(self, symbols: Symbols) -> None:
        self.symbols = symbols
        self._held: dict[tuple[object, ...], bool] = {}

    def made(self, size: int, extents: Sequence[Value], strides: Sequence[Value]) -> Shape:
        """The shape of elements of `size` bytes."""
        axes: list[Axis] = [(size, 1)]
        low, span = 0, size
        for extent, stride in zip(reversed(extents), reversed(strides), strict=True):
            most = self.symbols.range(extent)[1]
            if most <= 0:
                return NOTHING
            if extent == 1:
                continue
            if not isinstance(stride, int):
                return self._between(size, extents, strides)
            low += min(0, (most - 1) * stride)
            span += (most - 1) * abs(stride)
            inner, step = axes[-1]
            if isinstance(inner, int) and stride == inner * step:
                axes[-1] = (self.symbols.scale(extent, inner), step)
            else:
                axes.append((extent, stride))
        axes.reverse()
        size = span if len(axes) == 1 and isinstance(axes[0][0], int) else 0
        return Shape(tuple(axes), low, span, self._is_exact(axes), size)

    def _between(self, size: int, extents: Sequence[Value], strides: Sequence[Value]) -> Shape:
        """Any bytes between the first and the last that there may be."""
        low, high = 0, size
        for extent, stride in zip(extents, strides, strict=True):
            last = self.symbols.range(extent)[1] - 1
            if last < 0:
                return NOTHING
            least, most = self.symbols.range(stride)
            low, high = low + min(0, last * least), high + max(0, last * most)
        is_bounded = -EVERYTHING.low > max(-low, high)
        return Shape((), low, high - low, False, 0) if is_bounded else EVERYTHING

    def of(self, axes: Sequence[Axis]) -> Shape:
        """The shape of some axes, none of which goes backwards."""
        most = [self.symbols.range(extent)[1] for extent, _ in axes]
        if min(most) <= 0:
            return NOTHING
        span = 1 + sum((count - 1) * step for count, (_, step) in zip(most, axes, strict=True))
        size = span if len(axes) == 1 and isinstance(axes[0][0], int) else 0
        return Shape(tuple(axes), 0, span, self._is_exact(axes), size)

    def _is_exact(self, axes: Sequence[Axis]) -> bool:
        """Whether each axis steps over all bytes of those with smaller strides."""
        within = 0
        for extent, stride in sorted(axes, key=lambda axis: axis[1]):
            if stride <= within:
                return False
            within += (self.symbols.range(extent)[1] - 1) * stride
        return True

    def greatest(self, shape: Shape) -> Shape:
        """A shape with the greatest extents that it may have."""
        axes = ((self.symbols.range(extent)[1], step) for extent, step in shape.axes)
        return shape._replace(axes=tuple(axes))

    def repeated(self, shape: Shape, count: int, step: int) -> Shape:
        """An exact shape `count` times, `step` bytes apart, which is no less than its span."""
        is_dense = shape.size == step
        axes = ((count * step, 1),) if is_dense else ((count, step), *shape.axes)
        size = count * step if is_dense else 0
        return Shape(axes, 0, (count - 1) * step + shape.span, True, size)

    def holds(self, whole: Shape, offset: Value, part: Shape) -> bool:
        """Whether all bytes of a shape `offset` behind an exact one are bytes of that, too."""
        if whole.size and isinstance(offset, int):
            return offset + part.low >= 0 and offset + part.low + part.span <= whole.span
        if part.low or not part.axes:
            return False
        key = (whole.axes, offset, part.axes)
        if key not in self._held:
            self._held[key] = self._holds(whole, offset, part)
        return self._held[key]

    def _holds(self, whole: Shape, offset: Value, part: Shape) -> bool:
        """In the mixed radix of the axes of `whole`, no digit exceeds its extent."""
        symbols = self.symbols
        left = offset if isinstance(offset, int) else offset.const
        terms = () if isinstance(offset, int) else offset.terms
        steps = [(symbols.add(extent, -1), stride) for extent, stride in part.axes if stride]
        for extent, stride in reversed(self._nested(whole.axes)):
            digit = abs(left) // stride * (1 if left > 0 else -1)
            left -= digit * stride
            least: Value = digit
            for symbol, factor in [term for term in terms if abs(term[1]) >= stride]:
                if factor % stride:
                    return False
                least = symbols.add(
                    least, symbols.scale(Affine(0, ((symbol, 1),)), factor // stride)
                )
            terms = tuple(term for term in terms if abs(term[1]) < stride)
            most = least
            for last, step in [pair for pair in steps if pair[1] >= stride]:
                if step % stride:
                    return False
                most = symbols.add(most, symbols.scale(last, step // stride))
            steps = [pair for pair in steps if pair[1] < stride]
            room = symbols.minus(symbols.add(extent, -1), most)
            if symbols.range(least)[0] < 0 or not self._is_room(room):
                return False
        return not left and not steps

    def _is_room(self, room: Value) -> bool:
        """Whether a difference is no less than zero; of a least value, each bounds it."""
        symbols = self.symbols
        if symbols.range(room)[0] >= 0 or isinstance(room, int):
            return symbols.range(room)[0] >= 0
        for symbol, factor in room.terms:
            for bound in symbols.least_of(symbol) if factor < 0 else ():
                rest = symbols.minus(room, Affine(0, ((symbol, factor),)))
                if symbols.range(symbols.add(rest, symbols.scale(bound, factor)))[0] >= 0:
                    return True
        return False

    def _nested(self, axes: Sequence[Axis]) -> list[Axis]:
        """The axes of an exact shape by their strides; those that lie densely are one."""
        found: list[Axis] = []
        for extent, stride in sorted(axes, key=lambda axis: axis[1]):
            inner, step = found[-1] if found else (0, 0)
            if isinstance(inner, int) and stride == inner * step and found:
                found[-1] = (self.symbols.scale(extent, inner), step)
            else:
                found.append((extent, stride))
        return found

    def meets(self, shape: Shape, base: Value, low: int, high: int) -> bool:
        """Whether a byte may lie in a range; True where that takes long to say."""
        first, last = self.symbols.range(base)
        first += shape.low
        if first >= high or last + shape.low + shape.span <= low:
            return False
        if first - shape.low != last or not shape.axes:
            return True
        found = _starts(shape, last)
        return found is None or bool(((found[0] < high) & (found[0] + found[1] > low)).any())

    def runs(self, shape: Shape, base: Value) -> Runs | None:
        """The dense runs of a shape at a place, first byte and end; None where it has very many.

        Or where an extent is not known.
        """
        if not isinstance(base, int) or not shape.axes:
            return None
        found = _starts(shape, base)
        return None if found is None else [(low, low + found[1]) for low in found[0].tolist()]


def are_within(runs: Runs, others: Runs) -> bool:
    """Whether all bytes of runs are bytes of others."""
    found: list[list[int]] = []
    for low, high in sorted(others):
        if found and low <= found[-1][1]:
            found[-1][1] = max(high, found[-1][1])
        else:
            found.append([low, high])
    starts = [low for low, _ in found]
    places = [bisect_right(starts, low) - 1 for low, _ in runs]
    return all(at >= 0 and high <= found[at][1] for at, (_, high) in zip(places, runs, strict=True))


def _starts(shape: Shape, base: int) -> tuple[NDArray[np.int64], int] | None:
    """Where the dense runs of a shape begin, and how long they are."""
    *outer, (run, step) = shape.axes
    extents = [extent for extent, _ in outer]
    counts = [extent for extent in extents if isinstance(extent, int)]
    if step != 1 or not isinstance(run, int) or len(counts) < len(extents):
        return None
    if prod(counts) > MOST_RUNS:
        return None
    starts = np.array([base])
    for count, (_, stride) in zip(counts, outer, strict=True):
        starts = (starts[:, None] + np.arange(count) * stride).ravel()
    return starts, run
