"""Whether stretches do what the rows of one do.

Groups are compared as wholes, since most are what they were in the stretch before.
"""

from collections.abc import Callable, Sequence
from itertools import chain
from operator import itemgetter
from typing import NamedTuple

from runtime.isa.instructions.ctrl import Li
from runtime.ring.checks.load.control import COMPUTE
from runtime.ring.checks.load.forms import Form, Step, Values
from runtime.ring.checks.load.layers.groups import Group, Groups
from runtime.ring.checks.load.layers.rows import Row
from runtime.ring.checks.load.values import Value

Later = tuple[Row, int, Values, list[int]]
"""An instruction that is executed although its stretch is left out: its row, where it stands, what
it finds, and the instructions of the events that are left out before it.
"""


class Compared(NamedTuple):
    """A stretch that is like the one that it was compared with, and what it leaves."""

    later: list[Later]
    events: list[int]
    registers: list[Value]


class Part(NamedTuple):
    """A row with numbers that are loose: what reads all of them, how far from the first it stands.

    `made` says by which instructions events are made before it, counted from the first one, too.
    """

    row: Row
    aside: int
    get: Callable[[Sequence[Value]], Values]
    made: Sequence[int]


class Alike(NamedTuple):
    """What a group has to find to do what some rows do: `strict` reads what has to be `wanted`.

    `made` is as that of parts, of the events behind the last one.
    """

    strict: Callable[[Sequence[Value]], object]
    wanted: object
    parts: Sequence[Part]
    made: Sequence[int]


class Comparison:
    """Compares stretches of code with the rows of one."""

    def __init__(
        self, steps: Sequence[Step], groups: Groups,
        rows: Sequence[Row],
    ) -> None:  # fmt: skip
        self.steps = steps
        self.groups = groups
        self.rows = rows
        self._alike: dict[tuple[int, Group], Alike] = {}
        """By the first of some rows and a group."""

    def compared(self, span: range, registers: list[Value]) -> Compared | None:
        """A stretch that does what the rows do, up to what is loose; None if it does not."""
        found = Compared([], [], registers[:])
        registers, at, row = found.registers, span.start, 0
        for start, end, group in self.groups.within(span.start, span.stop):
            count = self._one_by_one(at, start, row, found)
            if count is None:
                return None
            row, at = row + count, end
            alike = self._alike.get((row, group)) or self._alike_to(row, group, registers)
            if alike is None or alike.strict(registers) != alike.wanted:
                return None
            if not _take(alike, start, found):
                return None
            row += end - start
        count = self._one_by_one(at, span.stop, row, found)
        return found if count is not None and row + count == len(self.rows) else None

    def _alike_to(self, first: int, group: Group, registers: list[Value]) -> Alike | None:
        """What a group has to find to do what rows do; None where it does not, as it is found."""
        rows = self.rows[first : first + len(group.forms)]
        if [form.kind for form in group.forms] != [row.form.kind for row in rows]:
            return None
        found = _wanted(rows, group, registers)
        if found is not None:
            self._alike[first, group] = found
        return found

    def _one_by_one(self, low: int, high: int, first: int, found: Compared) -> int | None:
        """How many rows instructions do what they do, from the `first` on; None if one does not."""
        registers, events = found.registers, found.events
        number, rows, count, at = first, self.rows, len(self.rows), low - 1
        for step in self.steps[low:high]:
            at += 1
            if type(step) is not Form:
                if type(step) is Li:
                    registers[step.rd] = step.value
                else:
                    COMPUTE[type(step)](step, registers)
                continue
            row = rows[number] if number < count else None
            if row is None or step.kind is not row.form.kind:
                return None
            values, number = step.get(registers), number + 1
            if not (row.fits(values) if row.loose else values == row.values):
                return None
            if row.is_executed:
                found.later.append((row, at, values, events[:]))
                events.clear()
            elif row.note.made:
                events += [at] * row.note.made
        return number - first


def _wanted(rows: Sequence[Row], group: Group, registers: list[Value]) -> Alike | None:
    parts, made = list[Part](), list[int]()
    for aside, (row, form) in enumerate(zip(rows, group.forms, strict=True)):
        if row.loose:
            parts.append(Part(row, aside, form.get, tuple(made)))
            made.clear()
        if row.note.made and not row.is_executed:
            made += [aside] * row.note.made
    if parts:
        wanted = _strict(rows, group.forms)
        if not wanted:
            return None
        strict = itemgetter(*wanted)
        return Alike(strict, strict(wanted), parts, made)
    if group.get(registers) != tuple(chain.from_iterable([row.values for row in rows])):
        return None
    return Alike(group.once, group.once(registers), parts, made)


def _strict(rows: Sequence[Row], forms: Sequence[Form]) -> dict[int, Value] | None:
    """What registers hold but for loose numbers; None where one would hold several."""
    wanted: dict[int, Value] = {}
    for row, form in zip(rows, forms, strict=True):
        pairs = zip(form.registers, row.values, strict=True)
        if row.loose:
            pairs = (pair for place, pair in enumerate(pairs) if place not in row.loose)
        for register, value in pairs:
            if wanted.setdefault(register, value) is not value and wanted[register] != value:
                return None
    return wanted


def _take(alike: Alike, first: int, found: Compared) -> bool:
    """Note what a group from its first instruction on leaves; whether loose numbers are numbers."""
    events = found.events
    for row, aside, get, made in alike.parts:
        values = get(found.registers)
        if not row.are_numbers(values):
            return False
        events += [first + aside for aside in made]
        if row.is_executed:
            found.later.append((row, first + aside, values, events[:]))
            events.clear()
    events += [first + aside for aside in alike.made]
    return True
