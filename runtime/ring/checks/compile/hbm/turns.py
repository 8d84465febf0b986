"""What instructions touch in all turns of the loops around them.

    counters.begin(c, range(0, 5, 2))
    sweeps(shapes, counters, view)    # at base + 12 * c, min(5 - c, 2) rows: five rows, together

The turns of a loop whose end a symbol gives are those that it has at most. An address in which
there is something else than counters is that of several reads, each of which is one alone.
"""

from collections.abc import Iterator, Mapping
from itertools import product

from runtime.ring.checks.compile.content.shapes import Runs, Shape, Shapes
from runtime.ring.checks.compile.hbm.stored import View, merged
from runtime.ring.checks.compile.values import Affine, Symbols, Value, symbols_of

MOST_PLACES = 1 << 10
"""Places of a read, or of one for each other thing that it depends on, that are looked at."""


class Counters:
    """The turns of loops by the symbols of their counters, as far as they are known."""

    def __init__(self, symbols: Symbols) -> None:
        self.symbols = symbols
        self.turns: dict[int, range] = {}

    def values(self, symbol: int) -> range:
        """What a symbol may be."""
        low, high = self.symbols.ranges[symbol]
        return self.turns.get(symbol, range(low, high + 1))


def sweeps(shapes: Shapes, counters: Counters, view: View) -> Iterator[Runs]:
    """The bytes that one instruction may touch in the turns around it.

    All between the first and the last where that takes long to say.
    """
    symbols = symbols_of(view.base)
    inner = [symbol for symbol in symbols if symbol in counters.turns]
    outer = [symbol for symbol in symbols if symbol not in counters.turns]
    found = [counters.values(symbol) for symbol in (*outer, *inner)]
    places = 1
    for values in found:
        places *= values.stop - values.start if values.step == 1 else len(values)
    if places > MOST_PLACES:
        low, high = shapes.symbols.range(view.base)
        yield [(low + view.shape.low, high + view.shape.low + view.shape.span)]
        return
    for others in product(*found[: len(outer)]):
        runs: Runs = []
        for turns in product(*found[len(outer) :]):
            known = dict(zip((*outer, *inner), (*others, *turns), strict=True))
            runs += _touched(shapes, view, known)
        yield merged(runs)


def _touched(shapes: Shapes, view: View, known: Mapping[int, int]) -> Runs:
    """The bytes of an operand where some symbols are known, with the greatest extents."""
    base = most(shapes.symbols, view.base, known)
    axes = tuple((most(shapes.symbols, extent, known), step) for extent, step in view.shape.axes)
    if any(extent <= 0 for extent, _ in axes):
        return []
    axes = tuple(axis for axis in axes if axis[1])
    found = shapes.runs(Shape(axes, view.shape.low, view.shape.span, True, 0), base)
    low = base + view.shape.low
    return [(low, low + view.shape.span)] if found is None else found


def most(symbols: Symbols, value: Value, known: Mapping[int, int]) -> int:
    """The greatest that a value may be where some symbols are known."""
    if isinstance(value, int):
        return value
    found = value.const
    for symbol, factor in value.terms:
        if symbol in known:
            found += factor * known[symbol]
        elif factor > 0 and (least := symbols.least_of(symbol)):
            found += factor * min(most(symbols, other, known) for other in least)
        else:
            found += symbols.range(Affine(0, ((symbol, factor),)))[1]
    return found
