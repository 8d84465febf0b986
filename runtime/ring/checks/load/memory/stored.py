"""What devices exchanged and stored in HBM, all that one instruction stored at a known address.

Where an exchange is stored over a part of what one before it left there, the rest of that is older.
With what was stored over the other part it is no one value, so nothing reads both. What was
there of others may be read with it: so a cache has rows of before beside new ones. Rows that a
loop stores turn by turn have more rules (`memory.far`).
"""

from collections.abc import Iterator
from typing import NamedTuple

from runtime.ring.checks.load.memory.blocks import Block
from runtime.ring.checks.load.memory.growing import NEVER, Grown, has
from runtime.ring.checks.load.memory.runs import Content, Runs
from runtime.ring.checks.load.refusal import Wording


class Exchanged(NamedTuple):
    """How much one instruction stored, and the events that lay beneath some of it."""

    grown: Grown
    beneath: frozenset[int] = frozenset()


class Stored:
    """What was stored of exchanges, by event."""

    def __init__(self, wording: Wording) -> None:
        self.wording = wording
        self.known: dict[int, Exchanged] = {}

    def over(self, hbm: Runs, event: int, found: Block) -> None:
        """An exchange is about to be stored."""
        met = {other for low, high in _bytes(found) for *_, other in _within(hbm, low, high)}
        beneath = met.union(*(self.known[other].beneath for other in met & self.known.keys()))
        self.known[event] = Exchanged(found.grown, frozenset(beneath))
        hbm.is_stored = True

    def mark(self, hbm: Runs, event: int) -> None:
        """It was stored: reads are looked at if something is left of what lay there, or may be."""
        grown, beneath = self.known[event]
        if beneath and not hbm.is_mixed:
            hbm.is_mixed = not grown.is_fixed or not beneath.isdisjoint(_events(hbm))

    def check(self, hbm: Runs, at: int, found: Block) -> None:
        """Refuse a read of what exchanges stored one over a part of another."""
        for number in range(len(found.bases)):
            its = found._replace(bases=found.bases[number : number + 1])
            pairs = _bytes(its)
            self._check(at, [run for low, high in pairs for run in _within(hbm, low, high)], its)

    def _check(self, at: int, met: list[tuple[int, int, int]], found: Block) -> None:
        below = {
            other: event
            for *_, event in met
            if event in self.known
            for other in self.known[event].beneath
        }
        for first, end, event in met:
            if event in below:
                self.wording.refuse_older(at, first, below[event], event)
            if not self._is_all(event, first, end, found):
                self.wording.refuse_unknown(at, first, end)

    def _is_all(self, event: int, low: int, high: int, found: Block) -> bool:
        """Whether of some bytes no more is read than was stored, whatever symbols are."""
        grown, beneath = self.known.get(event, (NEVER, None))
        if not beneath or grown.is_fixed:
            return True
        return has(grown, found.grown, low, high)

    def is_new_to(self, first: Runs, left: Runs) -> bool:
        """Whether a turn stored something that the next one cannot take for its own.

        That is what lies over something of an exchange, and what there may be less of.
        """
        new = _events(left) - _events(first)
        known = (self.known[event] for event in new & self.known.keys())
        is_plain = all(grown.is_fixed and not beneath for grown, beneath in known)
        return not is_plain and self._rows(left) != self._rows(first)

    def _rows(self, hbm: Runs) -> list[tuple[int, int, bool]]:
        """Where bytes of exchanges begin, of which, and whether there may be less of it.

        Those are numbered as they are met.
        """
        numbers: dict[int, int] = {}
        found: list[tuple[int, int, bool]] = []
        for start, held in zip(hbm.starts, hbm.held, strict=True):
            event = held.stored if isinstance(held, Content) else -1
            number = numbers.setdefault(event, len(numbers)) if event >= 0 else -1
            if not found or number != found[-1][1]:
                known = self.known.get(event)
                found.append((start, number, known is not None and not known.grown.is_fixed))
        return found

    def pass_turn(self, loop: int) -> None:
        """A turn of a loop ends: behind it, what extents depend on are other numbers."""
        for event, (grown, beneath) in self.known.items():
            if grown.is_of(loop):
                self.known[event] = Exchanged(NEVER, beneath)


def _events(hbm: Runs) -> set[int]:
    """Those that stored what is there of exchanges."""
    helds = hbm.held if hbm.is_stored else ()
    return {held.stored for held in helds if isinstance(held, Content)}


def _bytes(found: Block) -> Iterator[tuple[int, int]]:
    base = found.bases[0]
    return ((base + low, base + high) for low, high in found.parts)


def _within(hbm: Runs, low: int, high: int) -> Iterator[tuple[int, int, int]]:
    """The runs of what was exchanged, with the events that stored them."""
    for _, first, end, held in hbm.within(low, high):
        if isinstance(held, Content) and held.stored >= 0:
            yield first, end, held.stored
