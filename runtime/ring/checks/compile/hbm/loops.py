"""The loops around what touches HBM: which of their turns are to be known, and what they reach."""

from collections.abc import Iterable

from runtime.ring.checks.compile.content.families import Family, Piece
from runtime.ring.checks.compile.content.shapes import Runs, Shapes
from runtime.ring.checks.compile.hbm.staged import Far
from runtime.ring.checks.compile.hbm.stored import View
from runtime.ring.checks.compile.hbm.turns import Counters, sweeps
from runtime.ring.checks.compile.proof import Report, Rule
from runtime.ring.checks.compile.values import symbols_of


class Loops:
    """The loops of one walk by the symbols of their counters.

    `counters` are those of the loops around, `asked` those of which the turns are looked at if they
    are known, `needed` those of which they have to be, since what is exchanged does, and
    `uncounted` those of which nobody knows them; `turns` has what counters are at most. `run` is
    the number of the outermost loop whose turns are walked one by one, or 0.
    """

    def __init__(self, shapes: Shapes, report: Report) -> None:
        self.shapes = shapes
        self.symbols = shapes.symbols
        self.report = report
        self.counters: set[int] = set()
        self.asked: set[int] = set()
        self.needed: set[int] = set()
        self.uncounted: set[int] = set()
        self.turns = Counters(self.symbols)
        self.run = 0

    def enter(self, counter: Iterable[int], values: range, is_counted: bool) -> None:
        """A loop begins whose counter takes such values at most, in turns that are counted."""
        for symbol in counter:
            self.counters.add(symbol)
            self.turns.turns[symbol] = values
            if not is_counted:
                self.uncounted.add(symbol)

    def asks(self, view: View, is_needed: bool = True) -> bool:
        """Whether an address depends on the counter of a loop, whose turns have to be known then.

        The turns are asked for where extents depend on it, too.
        """
        found = self.counters & self.symbols.roots((view.base,))
        self.asked |= self.counters & self.symbols.roots((view.base, *view.sizes))
        if is_needed:
            self.needed |= found
        return bool(found)

    def refuse(self, rule: Rule, words: str, at: int, by: int, view: View) -> None:
        """Refuse an operand; not yet where extents depend on turns with which it may be right."""
        found = self.counters & self.symbols.roots(view.sizes)
        self.needed |= found
        if not found:
            self.report.refuse(rule, words, at, by)

    def reach(self, view: View) -> tuple[int, int]:
        """The addresses that an operand may touch in all turns of loops around it."""
        runs = self.swept(view)
        return (min(runs)[0], max(high for _, high in runs)) if runs else (0, 0)

    def swept(self, view: View) -> Runs:
        """The bytes that it may touch then."""
        return [run for runs in sweeps(self.shapes, self.turns, view) for run in runs]

    def need(self, far: Far, at: int, view: View) -> None:
        """Turns are needed where an instruction meets what another stores in all of them."""
        low, high = self.reach(view) if far.late else (0, 0)
        for late in far.late:
            first, last = self.reach(late.view)
            if late.at != at and first < high and low < last:
                found = self.uncounted & symbols_of(late.view.base)
                self.asked |= found
                self.needed |= found

    def has(self, family: Family, piece: Piece, view: View) -> bool:
        """Whether an operand may have a byte of a piece in any slot."""
        most = self.shapes.greatest(view.shape)
        starts = (start_of(family, piece) + family.step * k for k in range(len(family.slots)))
        return any(
            self.shapes.meets(most, view.base, start, start + piece.shape.span) for start in starts
        )

    def hull(self, view: View) -> tuple[int, int]:
        """The addresses between which an operand lies, with the greatest extents."""
        low, high = self.symbols.range(view.base)
        return low + view.shape.low, high + view.shape.low + view.shape.span

    def runs(self, family: Family, piece: Piece) -> Runs:
        """The bytes of a piece in all slots, with its greatest extents."""
        most = self.shapes.greatest(piece.shape)
        starts = (family.step * k + start_of(family, piece) for k in range(len(family.slots)))
        return [run for start in starts for run in self.shapes.runs(most, start) or ()]


def start_of(family: Family, piece: Piece) -> int:
    """Where the slot of device 0 has a piece."""
    return place_of(family) + piece.start


def place_of(family: Family) -> int:
    """Where the slots of a family begin, which is known in HBM."""
    assert isinstance(family.base, int)
    return family.base
