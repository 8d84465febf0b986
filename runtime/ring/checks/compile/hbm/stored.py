"""What was exchanged and stored in HBM as one, and may be left in part when the next one comes.

A program that gathers again, and stores that over what it gathered before, leaves rows of before if
it stores fewer: what one instruction reads then is of both, and no value. So of what an exchange
stored over another nothing is read with what is left of that. Bytes that were no such thing may be
read with it: a cache has them. Stores in a loop whose turns are walked one by one are in families
(`staging`).
"""

from itertools import count
from typing import NamedTuple

from runtime.ring.checks.compile.content.shapes import Runs, Shape, Shapes
from runtime.ring.checks.compile.content.slots import slot_of
from runtime.ring.checks.compile.values import Symbols, Value

_numbers = count()


class View(NamedTuple):
    """An operand in HBM: its address, its bytes from there on, and what those are made of."""

    base: Value
    shape: Shape
    sizes: tuple[Value, ...]


class Whole(NamedTuple):
    """What the instruction `at` stored of an exchange, and what is left of it.

    It has a number of its own, and those `under` it that it was stored over.
    """

    number: int
    at: int
    base: int
    shape: Shape
    left: Runs
    under: frozenset[int]


class Stored:
    """All that is there, oldest first; `last` is the number of what was stored last."""

    def __init__(self) -> None:
        self.found: list[Whole] = []
        self.last = -1
        self.is_mixed = False
        """Whether something is there that may not be read with something else, or not all."""

    def copy(self) -> "Stored":
        """The same contents, to be changed apart."""
        other = Stored()
        other.found, other.last, other.is_mixed = list(self.found), self.last, self.is_mixed
        return other

    def join(self, other: "Stored") -> None:
        """What may be there on either way; what was stored on one is newer than what it covers."""
        wholes = {whole.number: whole for whole in self.found}
        for whole in other.found:
            known = wholes.get(whole.number)
            left = whole.left if known is None else _merged([*known.left, *whole.left])
            wholes[whole.number] = whole._replace(left=left)
        for number in sorted(wholes):
            for under in wholes[number].under & wholes.keys():
                left = _without(wholes[under].left, wholes[number].left)
                wholes[under] = wholes[under]._replace(left=left)
        self.last = max(self.last, other.last)
        self._keep([wholes[number] for number in sorted(wholes)])

    def is_new_to(self, other: "Stored") -> bool:
        """Whether something was stored since over what was there, or that may be fewer rows.

        Anything else the same instruction stores again before somebody reads it with something.
        """
        known = {whole.number for whole in other.found}
        new = (whole for whole in self.found if whole.number not in known)
        is_plain = not any(whole.under or _is_counted(whole.shape) for whole in new)
        return not is_plain and self._rows() != other._rows()

    def _rows(self) -> list[object]:
        """Which bytes are of one exchange, whichever it was, and whether there may be fewer."""
        return [
            (place, *run, _is_counted(whole.shape))
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

    def put(self, runs: Runs) -> list[Whole]:
        """Something is stored over some bytes; what of exchanges was there."""
        met = [whole for whole in self.found if _meet(whole.left, runs)]
        if met:
            cut = (
                whole._replace(left=_without(whole.left, runs)) if whole in met else whole
                for whole in self.found
            )  # fmt: skip
            self._keep([whole for whole in cut if whole.left])
        return met

    def put_whole(self, at: int, base: int, shape: Shape, runs: Runs) -> None:
        """What was exchanged is stored."""
        met = self.put(runs)
        under = frozenset(whole.number for whole in met).union(*(whole.under for whole in met))
        self.last = next(_numbers)
        new = Whole(self.last, at, base, shape, _merged(runs), under)
        self._keep([*self.found, new])

    def _keep(self, found: list[Whole]) -> None:
        self.found = found
        numbers = {whole.number for whole in found}
        self.is_mixed = any(
            whole.under and (_is_counted(whole.shape) or not numbers.isdisjoint(whole.under))
            for whole in found
        )

    def wrong(self, shapes: Shapes, view: View) -> tuple[Whole, Whole] | None:
        """What of two exchanges an instruction reads, or of one more than was stored."""
        for base in bases_of(shapes, view.base):
            runs = shapes.runs(shapes.greatest(view.shape), base)
            if runs is not None and (found := self._wrong(shapes, view, base, runs)):
                return found
        return None

    def _wrong(
        self, shapes: Shapes, view: View, base: int, runs: Runs
    ) -> tuple[Whole, Whole] | None:
        met = [whole for whole in self.found if _meet(whole.left, runs)]
        for whole in met:
            for other in met:
                if other.number in whole.under:
                    return whole, other
            if whole.under and _is_counted(whole.shape):
                offset = shapes.symbols.minus(base, whole.base)
                if not shapes.holds(whole.shape, offset, view.shape):
                    return whole, whole
        return None


def bases_of(shapes: Shapes, base: Value) -> list[int]:
    """The addresses of an operand, one or one for each device; none where they are not known."""
    if isinstance(base, int):
        return [base]
    slot = slot_of(shapes.symbols, base)
    if slot is None or not isinstance(slot.base, int):
        return []
    return [slot.base + slot.step * k for k in range(shapes.symbols.devices)]


def _is_counted(shape: Shape) -> bool:
    """Whether there is more or less of something."""
    return not all(isinstance(extent, int) for extent, _ in shape.axes)


def _merged(runs: Runs) -> Runs:
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
    cuts = _merged(others)
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
