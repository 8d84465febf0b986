"""What the turns of a loop write together, each a tile of it.

    c = 0, 19, 38, ... while c < B:    address + 64 * c, min(B - c, 19) rows that are 64 bytes apart

have written, when the loop ends, B rows from that address on, as one instruction would have. A
number of rows that is the same in each turn does so, too, where it is that of the step. So memory
of which a part was gathered may be used again by what is written tile by tile.

No other number of rows is believed, and none that leaves gaps.
"""

from typing import NamedTuple

from runtime.ring.checks.compile.content.areas import Kind
from runtime.ring.checks.compile.content.memory import Memory
from runtime.ring.checks.compile.content.shapes import Axis, Shape
from runtime.ring.checks.compile.values import HIGHEST, Affine, Symbols, Value


class Tile(NamedTuple):
    """What is written in each turn of the loops around: at an address that counters change."""

    base: Value
    axes: tuple[Axis, ...]


class Turns(NamedTuple):
    """The turns of a loop: the symbol of its counter, which goes from `start` up to `bound`."""

    counter: int
    start: int
    step: int
    bound: Value


def together(symbols: Symbols, tile: Tile, turns: Turns) -> Tile | None:
    """What all turns of a loop write, if each goes on where the one before ended."""
    base, counter = tile.base, Affine(0, ((turns.counter, 1),))
    factor = 0 if isinstance(base, int) else dict(base.terms).get(turns.counter, 0)
    others = symbols.minus(base, symbols.scale(counter, factor))
    for number, (extent, stride) in enumerate(tile.axes):
        before, behind = tile.axes[:number], tile.axes[number + 1 :]
        rows = _rows(symbols, extent, stride, factor, turns)
        fixed = [extent for extent, _ in before + behind]
        if rows is not None and turns.counter not in symbols.roots(fixed):
            first = symbols.add(others, factor * turns.start)
            return Tile(first, (*before, (rows, stride), *behind))
    return None


def _rows(symbols: Symbols, extent: Value, stride: int, factor: int, turns: Turns) -> Value | None:
    """How far an axis reaches with all turns, in which addresses move by `factor` for each count.

    None where turns leave gaps, or rows out, or that is not known.
    """
    left = symbols.add(turns.bound, -turns.start)
    if isinstance(extent, int):
        if not isinstance(left, int) or extent * stride != factor * turns.step:
            return None
        return extent * max(1, -(-left // turns.step))
    if extent.const or len(extent.terms) != 1:
        return None
    ((symbol, times),) = extent.terms
    rest = symbols.minus(turns.bound, Affine(0, ((turns.counter, 1),)))
    is_rest = symbols.least_of(symbol) == {rest, turns.step}
    return symbols.scale(left, times) if is_rest and times * stride == factor else None


def _dense(symbols: Symbols, axes: tuple[Axis, ...]) -> Shape | None:
    """A shape that has no gaps up to its greatest extents; None for others."""
    span = 1
    for extent, stride in sorted(axes, key=lambda axis: axis[1]):
        most = symbols.range(extent)[1]
        if most <= 0 or stride > span:
            return None
        span += (most - 1) * stride
    return Shape(axes, 0, span, False, 0) if span < HIGHEST else None


class Tiles:
    """What was written tile by tile over what was gathered since the loops around began.

    None stands for an exchange: what is there behind turns that gather need not be what was there
    before.
    """

    def __init__(self) -> None:
        self.found: list[Tile | None] = []

    def add(self, memory: Memory, base: Value, shape: Shape) -> None:
        """Something is written, in the LMU."""
        if not isinstance(base, int) and shape.axes:
            areas = memory.areas_in(*memory.hull(base, shape))
            if any(area.kind is Kind.LOST for area in areas):
                self.found.append(Tile(base, shape.axes))

    def leave(self, symbols: Symbols, begin: int, turns: Turns | None) -> list[tuple[int, Shape]]:
        """What a loop wrote as a whole, which ends, and began when so many were found.

        Where that is a tile of what loops around it write, they find it. Of turns that may leave
        something out, nobody knows which these are.
        """
        inner, self.found[begin:] = self.found[begin:], []
        written = list[tuple[int, Shape]]()
        if None in inner:
            self.found.append(None)
        elif turns is not None:
            wholes = (together(symbols, tile, turns) for tile in inner if tile is not None)
            for base, axes in (whole for whole in wholes if whole is not None):
                if not isinstance(base, int):
                    self.found.append(Tile(base, axes))
                elif (shape := _dense(symbols, axes)) is not None:
                    written.append((base, shape))
        return written
