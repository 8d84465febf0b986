"""What was exchanged and stored in HBM, and may be left in part when the next one comes.

A program that gathers again, and stores that over what it gathered before, leaves rows of before if
it stores fewer: what is read then is of both, and no value. So of what an exchange stored over
another nothing is read with what is left of that, be it by one instruction or by the turns of a
loop around it. Bytes that were no such thing may be read with it: a cache has them. What is *alone*
is read with no other bytes at all: what loops stored whose turns are walked one by one, or as much
as a symbol says of parts that were put (`staging`).

Where an exchange stores some rows over another that nobody knows, both are there: of what it may
have replaced nothing is read any more.
"""

from collections.abc import Iterable, Iterator
from itertools import count
from typing import NamedTuple

from runtime.ring.checks.compile.content.shapes import Runs, Shape, Shapes, are_within
from runtime.ring.checks.compile.content.slots import slot_of
from runtime.ring.checks.compile.values import Symbols, Value


class View(NamedTuple):
    """An operand in HBM: its address, its bytes from there on, and what those are made of."""

    base: Value
    shape: Shape
    sizes: tuple[Value, ...]


class Whole(NamedTuple):
    """What the instruction `at` stored of an exchange, and what is left of it.

    It has a number of its own, and those `under` it that it was stored over and of which something
    is left; where there may be less of it, all of them. `is_vague` says that
    it is some of the bytes that are left, and nobody knows which.
    """

    number: int
    at: int
    base: Value
    shape: Shape
    left: Runs
    under: frozenset[int]
    is_alone: bool = False
    is_vague: bool = False

    @property
    def is_counted(self) -> bool:
        """Whether there is more or less of it."""
        return not all(isinstance(extent, int) for extent, _ in self.shape.axes)

    @property
    def is_plain(self) -> bool:
        """Whether it may be read with anything."""
        return not (self.under or self.is_counted or self.is_alone)


class Stored:
    """All that is there, oldest first; `last` is the number of what was stored last.

    `covered` are the bytes over which exchanges, and parts of them, were stored so far.
    """

    def __init__(self, numbers: Iterator[int] | None = None) -> None:
        self._numbers = count() if numbers is None else numbers
        self.found: list[Whole] = []
        self.covered: set[tuple[tuple[int, int], ...]] = set()
        self.last = -1
        self.is_mixed = False
        """Whether something is there that may not be read with something else, or not all."""

    def copy(self) -> "Stored":
        """The same contents, to be changed apart."""
        other = Stored(self._numbers)
        other.found, other.last, other.is_mixed = list(self.found), self.last, self.is_mixed
        other.covered = set(self.covered)
        return other

    def join(self, other: "Stored") -> None:
        """What may be there on either way; what was stored on one is newer than what it covers."""
        wholes = {whole.number: whole for whole in self.found}
        for whole in other.found:
            known = wholes.get(whole.number)
            left = whole.left if known is None else merged([*known.left, *whole.left])
            wholes[whole.number] = whole._replace(left=left)
        for number in sorted(wholes):
            whole = wholes[number]
            for under in () if whole.is_vague else whole.under & wholes.keys():
                left = _without(wholes[under].left, whole.left)
                wholes[under] = wholes[under]._replace(left=left)
        self.last, self.covered = max(self.last, other.last), self.covered | other.covered
        self._keep(wholes[number] for number in sorted(wholes))

    def is_new_to(self, other: "Stored") -> bool:
        """Whether something was stored since that may not be read with what was there, or not all.

        Or that may be so in the turn to come, as an exchange was stored over a part of such bytes.
        """
        known = {whole.number for whole in other.found}
        new = (whole for whole in self.found if whole.number not in known)
        return not all(map(self._is_settled, new)) and self._rows() != other._rows()

    def _is_settled(self, whole: Whole) -> bool:
        met = (runs for runs in self.covered if _meet(whole.left, list(runs)))
        return whole.is_plain and all(are_within(whole.left, list(runs)) for runs in met)

    def _rows(self) -> list[object]:
        """Which bytes are of one exchange, whichever it was, and how they may be read."""
        return [
            (place, *run, whole.is_counted, whole.is_alone, whole.is_vague)
            for place, whole in enumerate(self.found)
            for run in whole.left
        ]

    def pass_turn(self, symbols: Symbols, counter: int) -> None:
        """A turn ends: behind it, how many rows its counter said nobody knows."""
        for place, whole in enumerate(self.found):
            if counter in symbols.roots(extent for extent, _ in whole.shape.axes):
                shape = whole.shape._replace(axes=((symbols.unknown(), 1),))
                self.found[place] = whole._replace(shape=shape)

    def meets(self, low: int, high: int) -> bool:
        """Whether something of exchanges may lie in a range."""
        return any(whole.left[0][0] < high and low < whole.left[-1][1] for whole in self.found)

    def under(self, runs: Runs) -> frozenset[int]:
        """The numbers of what lies in bytes over which an exchange is stored, and below that."""
        self.covered.add(tuple(merged(runs)))
        met = [whole for whole in self.found if _meet(whole.left, runs)]
        return frozenset(whole.number for whole in met).union(*(whole.under for whole in met))

    def put(self, runs: Runs) -> None:
        """Something is stored over some bytes."""
        cut = (whole._replace(left=_without(whole.left, runs)) for whole in self.found)
        self._keep(cut)

    def put_whole(
        self,
        at: int,
        view: View,
        runs: Runs,
        under: frozenset[int] = frozenset(),
        is_alone: bool = False,
    ) -> None:
        """What was exchanged is stored, over this, and over what was there."""
        under |= self.under(runs)
        self.put(runs)
        self.last = next(self._numbers)
        new = Whole(self.last, at, view.base, view.shape, merged(runs), under, is_alone)
        self._keep([*self.found, new])

    def put_somewhere(self, at: int, runs: Runs) -> None:
        """What was exchanged is stored over some of these bytes."""
        under = self.under(runs)
        if not under:
            return
        known = next((w for w in self.found if w.is_vague and w.at == at), None)
        if known is not None:
            runs = [*runs, *known.left]
            under = (under | known.under) - {known.number}
        else:
            self.last = next(self._numbers)
        number = self.last if known is None else known.number
        new = Whole(number, at, 0, Shape((), 0, 0, False, 0), merged(runs), under, is_vague=True)
        self._keep([*(whole for whole in self.found if whole is not known), new])

    def _keep(self, found: Iterable[Whole]) -> None:
        found = [whole for whole in found if whole.left]
        numbers = {whole.number for whole in found}
        self.found = [
            whole if whole.is_counted else whole._replace(under=whole.under & numbers)
            for whole in found
        ]
        self.is_mixed = any(
            whole.is_alone
            or (whole.under and (whole.is_counted or not numbers.isdisjoint(whole.under)))
            for whole in self.found
        )

    def mixed(self, runs: Runs) -> tuple[Whole, Whole] | None:
        """The two exchanges of which bytes are, one of which was stored over the other."""
        met = [whole for whole in self.found if _meet(whole.left, runs)]
        pairs = ((one, other) for one in met for other in met if other.number in one.under)
        return next(pairs, None)

    def beyond(self, shapes: Shapes, view: View, runs: Runs) -> Whole | None:
        """The exchange of which a read takes more than there is, with the bytes of all its turns.

        The view is that of one turn.
        """
        for whole in self.found:
            if not _meet(whole.left, runs):
                continue
            if whole.is_alone and not are_within(runs, whole.left):
                return whole
            if whole.is_counted and (whole.under or whole.is_alone):
                offset = shapes.symbols.minus(view.base, whole.base)
                if not shapes.holds(whole.shape, offset, view.shape):
                    return whole
        return None


def bases_of(shapes: Shapes, base: Value) -> list[int]:
    """The addresses of an operand, one or one for each device; none where they are not known."""
    if isinstance(base, int):
        return [base]
    slot = slot_of(shapes.symbols, base)
    if slot is None or not isinstance(slot.base, int):
        return []
    return [slot.base + slot.step * k for k in range(shapes.symbols.devices)]


def merged(runs: Runs) -> Runs:
    """Runs in order, those that touch as one."""
    found: Runs = []
    for low, high in sorted(runs):
        if found and low <= found[-1][1]:
            found[-1] = found[-1][0], max(high, found[-1][1])
        else:
            found.append((low, high))
    return found


def _meet(one: Runs, other: Runs) -> bool:
    """Whether runs in order have a byte of others."""
    return _without(one, other) != one


def _without(runs: Runs, others: Runs) -> Runs:
    """What is left of runs in order without others."""
    found: Runs = []
    cuts = merged(others)
    at = 0
    for low, high in runs:
        while at < len(cuts) and cuts[at][1] <= low:
            at += 1
        place = at
        while place < len(cuts) and cuts[place][0] < high:
            if low < cuts[place][0]:
                found.append((low, cuts[place][0]))
            low = max(low, cuts[place][1])
            place += 1
        if low < high:
            found.append((low, high))
    return found
