"""Whether stretches do what the rows of one do.

A stretch is compared piece by piece (`texts`). Of a piece whose text was compared before only those
values are looked at that are others than before.
"""

from collections.abc import Callable, Sequence
from functools import partial
from operator import itemgetter
from typing import Any, NamedTuple

from runtime.ring.checks.load.control import COMPUTE
from runtime.ring.checks.load.data import INTEGERS
from runtime.ring.checks.load.forms import Values
from runtime.ring.checks.load.layers.rows import Row
from runtime.ring.checks.load.layers.texts import Text, Texts, reader
from runtime.ring.checks.load.values import OF_TWO, Value, combined

Getter = Callable[[Sequence[Any]], Any]
_COMBINED = {name: partial(combined, function) for name, function in OF_TWO.items()}


class Later(NamedTuple):
    """An instruction that is executed although its stretch is left out.

    `events` are the instructions of the events that are left out before it.
    """

    row: Row
    at: int
    values: Values
    events: list[int]


class Compared(NamedTuple):
    """A stretch that is like the one that it was compared with, and what it leaves."""

    later: list[Later]
    events: list[int]
    registers: list[Value]


class Alike:
    """A piece that does what some rows do: its text, and what its places had.

    Others have the same in the places that `strict` reads, and numbers in the `addresses`. Of what
    is executed of a piece `later` has the row, what reads its values, its offset, and those of the
    events before it; `behind` are the events behind the last one.
    """

    def __init__(self, text: Text, values: list[Value], rows: Sequence[Row]) -> None:
        strict, addresses = set[int](), set[int]()
        self.later: list[tuple[Row, Getter, int, list[int]]] = []
        self.behind: list[int] = []
        self.ties: list[tuple[int, int]] = []
        for row, own in zip(rows, text.rows, strict=True):
            if row.loose:
                strict.update(place for at, place in enumerate(own.places) if at not in row.loose)
                addresses.update(own.places[at] for at in row.addresses)
                self.ties += [(own.places[one], own.places[other]) for one, other in row.ties]
            else:
                strict.update(own.places)
            if row.is_executed:
                self.later.append((row, reader(own.places), own.at, self.behind))
                self.behind = []
            else:
                self.behind += [own.at] * row.note.made
        self.strict = reader(sorted(strict))
        self.wanted = self.strict(values)
        self.addresses = reader(sorted(addresses))

    def fits(self, values: list[Value]) -> bool:
        """Whether a piece with other values does what the rows do, up to what is loose."""
        return (
            self.strict(values) == self.wanted
            and {*map(type, self.addresses(values))} <= INTEGERS
            and all(values[one] == values[other] for one, other in self.ties)
        )


class Comparison:
    """Compares stretches with the rows of one."""

    def __init__(self, texts: Texts, rows: Sequence[Row]) -> None:
        self.texts = texts
        self.rows = rows
        self.known: dict[tuple[int, int], Alike] = {}

    def compared(self, span: range, registers: list[Value]) -> Compared | None:
        """A stretch that does what the rows do, up to what is loose; None if it does not."""
        found = Compared([], [], registers[:])
        at, piece, row = span.start, self.texts.at(span.start), 0
        while at < span.stop:
            end = span.stop if piece is None else self.texts.cuts[piece + 1]
            text = None if piece is None or end > span.stop else self.texts.text(piece)
            if text is None:
                end = min(end, span.stop)
                count = self._one_by_one(at, end, row, found)
            else:
                assert piece is not None
                count = self._by_text(text, piece, row, found)
            if count is None:
                return None
            row += count
            at, piece = end, None if piece is None else piece + 1
        return found if row == len(self.rows) else None

    def _by_text(self, text: Text, piece: int, first: int, found: Compared) -> int | None:
        """How many rows a piece has, from the row `first` on; None if it does something else."""
        texts, start, registers = self.texts, self.texts.cuts[piece], found.registers
        values = text.values(registers, texts.loaded(text, start), _COMBINED)
        key = texts.numbers[piece], first
        alike = self.known.get(key)
        if alike is None:
            rows = self.rows[first : first + len(text.rows)]
            if len(rows) < len(text.rows) or not _are_alike(text, values, rows):
                return None
            alike = self.known[key] = Alike(text, values, rows)
        elif not alike.fits(values):
            return None
        events = found.events
        for row, get, offset, before in alike.later:
            events += [start + at for at in before]
            found.later.append(Later(row, start + offset, get(values), events[:]))
            events.clear()
        events += [start + at for at in alike.behind]
        text.leave(registers, values)
        return len(text.rows)

    def _one_by_one(self, low: int, high: int, first: int, found: Compared) -> int | None:
        """The same of instructions of which no text is known."""
        registers, events = found.registers, found.events
        number, code, forms = first, self.texts.code, self.texts.forms
        for at in range(low, high):
            inst, form = code[at], forms[at]
            if form is None:
                COMPUTE[type(inst)](inst, registers)
                continue
            row = self.rows[number] if number < len(self.rows) else None
            if row is None or form.kind.what != row.form.kind.what:
                return None
            values, number = form.get(registers), number + 1
            if values != row.values and not row.fits(values):
                return None
            if row.is_executed:
                found.later.append(Later(row, at, values, events[:]))
                events.clear()
            else:
                events += [at] * row.note.made
        return number - first


def _are_alike(text: Text, values: list[Value], rows: Sequence[Row]) -> bool:
    """Whether a piece does what as many rows do, up to what is loose."""
    for own, row in zip(text.rows, rows, strict=True):
        its = itemgetter(*own.places)(values)
        if own.form.kind.what != row.form.kind.what or (its != row.values and not row.fits(its)):
            return False
    return True
