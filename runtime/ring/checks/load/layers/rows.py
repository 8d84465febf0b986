"""The stretch that others are compared with, as rows: its instructions on data.

Two instructions do the same if they are of one form and find the same numbers in their registers.
What may differ are *loose* numbers: addresses in HBM, and addresses in the LMU that lie apart from
what all stretches touch alike.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, NamedTuple

from runtime.isa.instructions.net import Recv, Send
from runtime.isa.spec import DataInst
from runtime.ring.checks.load.data import Data, Note
from runtime.ring.checks.load.forms import Form, Values
from runtime.ring.checks.load.memory.blocks import Block, block
from runtime.ring.checks.load.memory.growing import Grown
from runtime.ring.checks.load.memory.runs import Kind
from runtime.ring.checks.load.touches import Pieces, Touch
from runtime.ring.checks.load.values import Value, ends

Bounds = list[tuple[int, int]]
NO_NOTE = Note([], Kind.OWN, 0, 0)
"""Of an instruction that exchanges, which makes no event."""


class View(NamedTuple):
    """An operand: the place of its address among the registers, and its bytes from there on.

    `rows`, `sources`, `shape` and `size` are as in `far.block`. It `is_growing` if there is more or
    less of it, as symbols and turns say.
    """

    place: int
    parts: Pieces
    rows: tuple[Value, Value] | None = None
    sources: int = 0
    shape: tuple[Value, ...] = ()
    size: int = 0
    is_growing: bool = True

    def grown(self, base: int) -> Grown:
        """The operand, one in the LMU."""
        return Grown((base,), self.shape, self.size)

    def growing(self, base: int) -> Grown | None:
        """The same where there is not as much of it whatever symbols and turns are."""
        return self.grown(base) if self.is_growing else None

    def block(self, values: Values) -> Block | None:
        """The operand, one in HBM."""
        base = values[self.place]
        return block(base, self.parts, self.rows, self.sources, self.shape, self.size)

    def hull(self, values: Values) -> Bounds:
        """The bytes that it may have; none where it has no element."""
        low, high = ends(values[self.place])
        return [(low + self.parts[0][0], high + self.parts[-1][1])] if self.parts else []


class Fill(NamedTuple):
    """What a row does that loads bytes of each device's own from one place to another.

    `source` and `place` are those of the addresses among the registers.
    """

    source: int
    loaded: Pieces
    place: int
    parts: Pieces


@dataclass(slots=True)
class Row:
    """The instruction `at` a place, what it found in its registers, and what came of it.

    Of what is `loose`, `addresses` are in the LMU, and `ties` are those that one register has. Of
    the `operands` in the LMU and in HBM those are in `reads`, `writes`, `far_reads` and
    `far_writes` that have to be executed (`is_executed`) although a stretch is left out, the reads
    with who had what was read; `aside` are first and last byte of those in the LMU, from what is in
    a place among the registers on. It `is_more` if not all of that are reads of the LMU.
    """

    at: int
    inst: DataInst
    form: Form
    values: Values
    note: Note
    loose: frozenset[int] = frozenset()
    addresses: tuple[int, ...] = ()
    ties: Sequence[tuple[int, int]] = ()
    near: Sequence[View] = ()
    reads: Sequence[tuple[View, Kind]] = ()
    writes: Sequence[View] = ()
    far_reads: Sequence[tuple[View, Kind]] = ()
    far_writes: Sequence[View] = ()
    aside: Sequence[tuple[int, int, int]] = ()
    is_executed: bool = False
    is_more: bool = False
    fill: Fill | None = None
    strict: Callable[[Values], Any] = tuple
    wanted: Any = ()

    def loosen(self, values: Values) -> bool:
        """Let differ what differs from the first stretch that is compared; whether it may."""
        if values == self.values:
            return True
        pairs = enumerate(zip(self.values, values, strict=True))
        unlike = {place for place, (one, other) in pairs if one != other}
        bases, far = self.form.kind.bases, self.form.kind.far
        if isinstance(self.inst, Send | Recv) or not unlike <= {*bases, *far}:
            return False
        registers = self.form.registers
        named = {registers[place] for place in unlike}
        self.loose = frozenset(p for p in (*bases, *far) if registers[p] in named)
        self.addresses = tuple(self.loose.intersection(bases))
        first = {registers[place]: place for place in self.loose}
        ties = ((first[registers[place]], place) for place in self.loose)
        self.ties = [(one, other) for one, other in ties if one != other]
        return self.are_numbers(self.values) and self.are_numbers(values)

    def bind(self, data: Data) -> None:
        """Find the operands."""
        if self.loose:
            kept = [place for place in range(len(self.values)) if place not in self.loose]
            self.strict = itemgetter(*kept)
        self.wanted = self.strict(self.values)
        touched, kinds, values = self.form.kind.touches, iter(self.note.kinds), (*self.values, 1)
        reads = [(self._view(data, t, values), next(kinds, Kind.OWN)) for t in touched.reads]
        writes = [self._view(data, touch, values) for touch in touched.writes]
        for touch in touched.far_reads:
            self.far_reads = (*self.far_reads, (self._view(data, touch, values), next(kinds)))
        for touch in touched.far_writes:
            self.far_writes = (*self.far_writes, self._view(data, touch, values))
        views = [*(view for view, _ in reads), *writes]
        self.near = [view for view in views if view.place not in self.loose]
        if self.loose:
            self.reads = [(view, kind) for view, kind in reads if view.place in self.loose]
            self.writes = [view for view in writes if view.place in self.loose]
            views = [*(view for view, _ in self.reads), *self.writes]
            self.aside = [(v.place, v.parts[0][0], v.parts[-1][1]) for v in views if v.parts]
        self.is_more = bool(self.writes or self.far_reads or self.far_writes)
        self.is_executed = bool(self.reads or self.is_more)
        self.fill = self._fill()

    def _fill(self) -> Fill | None:
        """What a load does of which as much is loaded whatever symbols and turns are."""
        if len(self.far_reads) != 1 or len(self.writes) != 1 or self.far_writes or self.reads:
            return None
        ((source, kind),), (view,) = self.far_reads, self.writes
        if kind is not Kind.OWN or source.rows or view.is_growing or not view.parts:
            return None
        return Fill(source.place, source.parts, view.place, view.parts)

    def _view(self, data: Data, touch: Touch, values: Values) -> View:
        rows = (values[touch.rows[0]], values[touch.rows[1]]) if touch.rows else None
        shape, (parts, is_fixed) = touch.shape(values), data.bytes_of(self.at, touch, values)
        sources = 0 if is_fixed else data.sources(touch, values)
        return View(touch.base, parts, rows, sources, shape, touch.size, not is_fixed)

    def fits(self, values: Values) -> bool:
        """Whether an instruction finds the same, up to what is loose."""
        if self.strict(values) != self.wanted:
            return False
        return not self.addresses or self.are_numbers(values)

    def are_numbers(self, values: Values) -> bool:
        """Whether loose addresses in the LMU are the same on all devices, and known.

        Operands that have one address here have one in each stretch.
        """
        for place in self.addresses:
            if type(values[place]) is not int:
                return False
        for one, other in self.ties:  # noqa: SIM110
            if values[one] != values[other]:
                return False
        return True
