"""What devices exchanged and stored in HBM.

Where an exchange is stored over a part of what one before it left there, the rest of that is older.
With what was stored over the other part it is no one value, so no instruction reads both, neither
at once nor in several turns of a loop. What was there of others may be read with it: so a cache has
rows of before beside new ones. Rows that one instruction stores turn by turn are one exchange until
it stores some of them again; they have more rules (`memory.far`).
"""

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager

from runtime.ring.checks.load.memory.blocks import Block, put_in
from runtime.ring.checks.load.memory.growing import NEVER, Grown, has
from runtime.ring.checks.load.memory.late import Late, Turning, has_everywhere, swept
from runtime.ring.checks.load.memory.runs import Content, Kind, Runs
from runtime.ring.checks.load.refusal import Wording

Run = tuple[int, int, int]
"""First byte, end, and the event that stored it."""
Swept = dict[int, tuple[int, int]]
"""By the event that stored them, when bytes were read last, and the first one of those."""


class Stored:
    """What was stored of exchanges, by event.

    `known` is how much was stored by those that are no rows. Of what was stored over a part of
    others `beneath` has the events of the others, and since which event that is so. `hidden` are
    those over which parts of devices were put, by the event that put them.
    """

    def __init__(self, wording: Wording) -> None:
        self.wording = wording
        self.known: dict[int, Grown] = {}
        self.beneath: dict[int, dict[int, int]] = {}
        self.hidden: dict[int, set[int]] = {}
        self.wiped: dict[int, set[int]] = {}
        """Those over which an instruction puts parts in turns that nobody counts."""
        self._rows_of: dict[tuple[int, int], int] = {}
        """The event of the rows that an instruction stores since some event."""
        self._swept: dict[int, Swept] | None = None
        """By instruction, what it read in the turns so far where they are executed one by one."""

    @contextmanager
    def one_by_one(self) -> Generator[None]:
        """The turns of a loop are executed one by one."""
        outer = self._swept
        self._swept = {} if outer is None else outer
        try:
            yield
        finally:
            self._swept = outer

    def over(self, hbm: Runs, event: int, found: Block) -> None:
        """An exchange is about to be stored at once; no more of it is read than over parts."""
        self.known[event] = found.grown
        parts = set[int]() if found.grown.is_fixed else _put_in(hbm, _bytes(found))
        self._lay(self._met(hbm, found) | parts, event, event)
        hbm.is_stored = True

    def over_by_row(self, hbm: Runs, at: int, began: int, event: int, found: Block) -> int:
        """Rows are about to be stored in loops that began; the event of their exchange."""
        met, first = self._met(hbm, found), self._rows_of.get((began, at), event)
        if first in met:
            first, met = event, met & {h.stored for h in hbm.held if isinstance(h, Content)}
        self._rows_of[began, at] = first
        self._lay(met, first, event)
        return first

    def hide(self, hbm: Runs, at: int, late: Late, loops: Sequence[Turning]) -> bool:
        """An exchange is stored somewhere in all turns of loops; whether over others.

        Of those nothing is read any more, since nobody knows what is left.
        """
        hidden = [run for low, high in swept(late, loops) for run in _within(hbm, low, high)]
        if not hidden:
            return False
        event, met = self.wording.known.new(at), {event for *_, event in hidden}
        self.known[event] = NEVER
        self._lay(met.union(*(self.beneath.get(event, ()) for event in met)), event, event)
        for first, end, _ in hidden:
            hbm.put(first, end, Content(Kind.SAME, event, stored=event))
        hbm.is_stored = hbm.is_mixed = True
        return True

    def put_over(self, hbm: Runs, event: int, found: Block) -> None:
        """Parts of devices are about to be put."""
        ranges = [pair for base in found.bases for pair in _bytes(found._replace(bases=(base,)))]
        before = self.wiped.get(self.wording.known.at[event], set())
        self.hidden[event] = self._met_in(hbm, ranges) | before

    def wipe(self, hbm: Runs, at: int, ranges: Sequence[tuple[int, int]]) -> None:
        """Parts are about to be put in turns of a loop, behind which they are known."""
        self.wiped[at] = self.wiped.get(at, set()) | self._met_in(hbm, ranges)

    def _met(self, hbm: Runs, found: Block) -> set[int]:
        """Those that stored what an operand has, or what lay there before."""
        return self._met_in(hbm, [*_bytes(found)])

    def _met_in(self, hbm: Runs, ranges: Sequence[tuple[int, int]]) -> set[int]:
        met = {event for low, high in ranges for *_, event in _within(hbm, low, high)}
        met = met.union(*(self.hidden.get(event, ()) for event in _put_in(hbm, ranges)))
        return met.union(*(self.beneath.get(event, ()) for event in met))

    def _lay(self, met: set[int], event: int, since: int) -> None:
        beneath = self.beneath.setdefault(event, {})
        for older in met - {event}:
            beneath.setdefault(older, since)

    def mark(self, hbm: Runs, event: int) -> None:
        """It was stored: reads are looked at if something is left of what lay there, or may be."""
        beneath = self.beneath[event]
        if beneath and not hbm.is_mixed:
            is_fixed = self.known[event].is_fixed
            hbm.is_mixed = not is_fixed or not beneath.keys().isdisjoint(_events(hbm))

    def is_mixed(self, hbm: Runs, low: int, high: int) -> bool:
        """Whether of some bytes not all are of one exchange, or may not be."""
        events = {event for *_, event in _within(hbm, low, high)}
        return any(
            self._may_be_less(event) or not events.isdisjoint(beneath)
            for event in events
            if (beneath := self.beneath.get(event))
        )

    def is_unclear(self, hbm: Runs, late: Late, loops: Sequence[Turning]) -> bool:
        """Whether what is read somewhere may not be all of one exchange, in all turns of loops."""
        if not self.is_mixed(hbm, *late.found.hull):
            return False
        ranges = [late.found.hull] if self._swept is not None else swept(late, loops)
        if not any(self.is_mixed(hbm, *pair) for pair in ranges):
            return False
        events = {event for pair in ranges for *_, event in _within(hbm, *pair)}
        below = set[int]().union(*(self.beneath.get(event, ()) for event in events))
        if self._swept is not None or not events.isdisjoint(below):
            return True
        counted = [self.known[event] for event in events if self._may_be_less(event)]
        return not all(has_everywhere(whole, late, loops) for whole in counted)

    def _may_be_less(self, event: int) -> bool:
        known = self.known.get(event)
        return known is not None and not known.is_fixed

    def check(self, hbm: Runs, at: int, found: Block) -> None:
        """Refuse a read of what exchanges stored one over a part of another."""
        for number in range(len(found.bases)):
            its = found._replace(bases=found.bases[number : number + 1])
            met = [run for low, high in _bytes(its) for run in _within(hbm, low, high)]
            self._check(at, met, its)
            if self._swept is not None:
                self._sweep(at, met, self._swept.setdefault(at, {}))

    def _check(self, at: int, met: Sequence[Run], found: Block) -> None:
        below = {other: event for *_, event in met for other in self.beneath.get(event, ())}
        for first, end, event in met:
            if event in below:
                self.wording.refuse_older(at, first, below[event], event)
            if not self._is_all(event, first, end, found):
                self.wording.refuse_unknown(at, first, end)

    def _sweep(self, at: int, met: Sequence[Run], swept: Swept) -> None:
        """Refuse what is read with older bytes of another turn, or with newer ones.

        Older ones do not count that were read before something was stored over others of them.
        """
        for first, _, event in met:
            beneath = self.beneath.get(event, {})
            for other, (when, place) in swept.items():
                if event in self.beneath.get(other, ()):
                    self.wording.refuse_older(at, first, other, event)
                if beneath.get(other, when) < when:
                    self.wording.refuse_older(at, place, event, other)
        now = self.wording.known.count
        swept.update((event, (now, first)) for first, _, event in met)

    def _is_all(self, event: int, low: int, high: int, found: Block) -> bool:
        """Whether of some bytes no more is read than was stored, whatever symbols are."""
        if not self.beneath.get(event) or not self._may_be_less(event):
            return True
        return has(self.known[event], found.grown, low, high)

    def is_new_to(self, first: Runs, left: Runs) -> bool:
        """Whether a turn stored something that the next one cannot take for its own.

        That is what lies over something of an exchange, and what there may be less of.
        """
        new = (_events(left) - _events(first)) & self.known.keys()
        is_plain = all(self.known[event].is_fixed and not self.beneath[event] for event in new)
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
                found.append((start, number, self._may_be_less(event)))
        return found

    def pass_turn(self, loop: int) -> None:
        """A turn of a loop ends: behind it, what extents depend on are other numbers."""
        for event, grown in self.known.items():
            if grown.is_of(loop):
                self.known[event] = NEVER


def _events(hbm: Runs) -> set[int]:
    """Those that stored what is there of exchanges."""
    helds = hbm.held if hbm.is_stored else ()
    return {held.stored for held in helds if isinstance(held, Content)}


def _bytes(found: Block) -> Iterator[tuple[int, int]]:
    base = found.bases[0]
    return ((base + low, base + high) for low, high in found.parts)


def _within(hbm: Runs, low: int, high: int) -> Iterator[Run]:
    """The runs of what was exchanged, with the events that stored them."""
    for _, first, end, held in hbm.within(low, high):
        if isinstance(held, Content) and held.stored >= 0:
            yield first, end, held.stored


def _put_in(hbm: Runs, ranges: Iterable[tuple[int, int]]) -> set[int]:
    """The events of the parts of devices that lie in some ranges."""
    return set[int]().union(*(put_in(hbm, low, high) for low, high in ranges))
