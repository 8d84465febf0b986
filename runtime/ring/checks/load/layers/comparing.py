"""Whether stretches do what the rows of one do.

Exchanges are compared as wholes, since most are what they were in the stretch before.
"""

from collections.abc import Sequence
from typing import NamedTuple

from runtime.isa.spec import Inst
from runtime.ring.checks.load.control import COMPUTE
from runtime.ring.checks.load.forms import Form, Values
from runtime.ring.checks.load.layers.exchanges import Exchange, Exchanges
from runtime.ring.checks.load.layers.rows import Row
from runtime.ring.checks.load.values import Value


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


class Comparison:
    """Compares stretches of code with the rows of one."""

    def __init__(
        self, code: Sequence[Inst], forms: Sequence[Form | None], exchanges: Exchanges,
        rows: Sequence[Row],
    ) -> None:  # fmt: skip
        self.code = code
        self.forms = forms
        self.exchanges = exchanges
        self.rows = rows
        self._alike: dict[int, tuple[Exchange, object]] = {}
        """Of rows by the first one, an exchange that does what they do, and what it found."""

    def compared(self, span: range, registers: list[Value]) -> Compared | None:
        """A stretch that does what the rows do, up to what is loose; None if it does not."""
        found = Compared([], [], registers[:])
        at, row = span.start, 0
        for start, end in self.exchanges.within(span.start, span.stop):
            count = self._one_by_one(at, start, row, found)
            if count is None:
                return None
            row, at = row + count, end
            if not self._is_known(start, end, row, found.registers):
                if self._one_by_one(start, end, row, found) is None:
                    return None
                self._note(start, end, row, found.registers)
            row += end - start
        count = self._one_by_one(at, span.stop, row, found)
        return found if count is not None and row + count == len(self.rows) else None

    def _is_known(self, start: int, end: int, first: int, registers: list[Value]) -> bool:
        """Whether an exchange is that which did what the rows from `first` on do."""
        exchange, wanted = self._alike.get(first, (None, ()))
        if exchange is None or exchange is not self.exchanges.at(start, end):
            return False
        return exchange.once(registers) == wanted

    def _note(self, start: int, end: int, first: int, registers: list[Value]) -> None:
        exchange = self.exchanges.at(start, end)
        self._alike[first] = exchange, exchange.once(registers)

    def _one_by_one(self, low: int, high: int, first: int, found: Compared) -> int | None:
        """How many rows instructions do what they do, from the `first` on; None if one does not."""
        registers, events = found.registers, found.events
        number, rows = first, self.rows
        for at, inst, form in zip(
            range(low, high), self.code[low:high], self.forms[low:high], strict=True
        ):
            if form is None:
                COMPUTE[type(inst)](inst, registers)
                continue
            row = rows[number] if number < len(rows) else None
            if row is None or form.kind is not row.form.kind:
                return None
            values, number = form.get(registers), number + 1
            if values != row.values and not row.fits(values):
                return None
            if row.is_executed:
                found.later.append(Later(row, at, values, events[:]))
                events.clear()
            elif row.note.made:
                events += [at] * row.note.made
        return number - first
