"""Instructions on data, executed on tags.

What a write leaves is the same on all devices when all that was read is, nothing of it depends on
the device, and the instruction is exact: sums, products and transcendental functions of floats are
each device's own, since machines may round them differently. Values in HBM are followed as far as
an operand is a block at a known address (`memory.far`); beyond that they are each device's own.

    extents   an extent or a stride depends on the device, one of what is exchanged on a symbol
    bounds    an operand of a link leaves the LMU, overlaps itself, or lies nobody knows where
"""

from functools import lru_cache
from typing import NamedTuple, NoReturn

from runtime.isa.instructions.net import Send
from runtime.ring.checks.load.forms import Form, Values
from runtime.ring.checks.load.links import Ends
from runtime.ring.checks.load.memory.blocks import Block, block
from runtime.ring.checks.load.memory.far import Far
from runtime.ring.checks.load.memory.growing import Grown
from runtime.ring.checks.load.memory.runs import Kind, Runs
from runtime.ring.checks.load.memory.tags import Tags
from runtime.ring.checks.load.refusal import Narrator
from runtime.ring.checks.load.state import State
from runtime.ring.checks.load.touches import Pieces, Touch, Touches, pieces
from runtime.ring.checks.load.values import (
    HIGHEST,
    LOWEST,
    Span,
    Value,
    Varied,
    ends,
    is_uniform,
    sources_of,
)
from runtime.target import Target

OWN, SAME, WHOLE = Kind.OWN, Kind.SAME, Kind.WHOLE
Shape = tuple[int, ...]


class Note(NamedTuple):
    """What an instruction found: who has what it read, operand by operand, and what it made.

    It made `made` events, `near` of them by what it wrote to the LMU.
    """

    kinds: list[Kind]
    kind: Kind
    near: int
    made: int

    @property
    def far(self) -> Kind:
        """What of it reaches HBM: exchanged bytes stay so where nothing else was read."""
        return WHOLE if self.kind is SAME and self.kinds == [WHOLE] else self.kind


class Data:
    """Executes instructions on data, for all devices at once."""

    def __init__(self, narrator: Narrator, devices: int, target: Target) -> None:
        self.narrator = narrator
        self.tags = Tags(narrator, devices)
        self.ends = Ends(narrator, self.tags, devices, target)
        self.hbm = Far(self.tags, self.ends.ask_counted)
        self.noted: dict[int, Note] | None = None
        """Notes of instructions are kept here, where somebody wants them."""

    def execute(self, state: State, at: int, form: Form) -> None:
        """Execute an instruction that stands at a place."""
        values, lmu, events = (*form.get(state.registers), 1), state.lmu, self.tags.known.at
        found, kind = form.kind.touches, SAME if form.kind.is_exact else OWN
        if form.is_exchange:
            self._pass_on(state, at, (*found.reads, *found.writes)[0], values)
            return
        kinds = [self._read(lmu, at, touch, values) for touch in found.reads]
        if found.far_reads or found.streams:
            kinds += self._read_far(state.hbm, at, found, values)
        kind = min(kind, *kinds, WHOLE)
        for place in found.numbers:
            if not is_uniform(values[place]):
                kind = OWN
        for place in found.counts:
            if not is_uniform(values[place]):
                self._refuse_extents(at, form.registers[place])
        before = len(events)
        for touch in found.writes:
            self._write(lmu, at, touch, values, kind)
        near = len(events) - before
        for touch in found.far_writes:
            base, place = self.far(at, touch, values)
            whole = kind is SAME and kinds == [WHOLE]
            self.hbm.write(state.hbm, at, base, place, WHOLE if whole else kind)
        if self.noted is not None:
            self.noted[at] = Note(kinds, kind, near, len(events) - before)

    def _pass_on(self, state: State, at: int, touch: Touch, values: Values) -> None:
        """Send or receive."""
        inst, found = self.narrator.code[at], touch.shape(values)
        shape = greatest(found) or self._refuse_extents(at, None)
        extents = self._exchanged(at, found, shape)
        move = self.ends.send if isinstance(inst, Send) else self.ends.recv
        move(state, at, inst, values[touch.base], shape, extents)

    def _read_far(self, hbm: Runs, at: int, found: Touches, values: Values) -> list[Kind]:
        """Who has what is read in HBM, operand by operand; what is streamed is data of nobody."""
        for touch in found.streams if hbm.is_marked or hbm.is_mixed else ():
            self.hbm.check(hbm, at, *self.far(at, touch, values))
        return [self.hbm.read(hbm, at, *self.far(at, touch, values)) for touch in found.far_reads]

    def _shape(self, at: int, values: Values, touch: Touch) -> Shape:
        """Extents and strides; those of symbols and turns count at their greatest."""
        shape = greatest(touch.shape(values))
        return self._refuse_extents(at, None) if shape is None else shape

    def _exchanged(self, at: int, shape: tuple[Value, ...], greatest: Shape) -> tuple[Value, ...]:
        """The extents of what is exchanged, whose strides are known, since none counts for all."""
        if shape[4:] != greatest[4:]:
            what = f"a stride of {self.narrator.name(at)} may be any of many"
            self.narrator.refuse("extents", what, at)
        return shape[:4]

    def _read(self, lmu: Runs, at: int, touch: Touch, values: Values) -> Kind:
        base, (parts, _) = values[touch.base], self.bytes_of(at, touch, values)
        if not parts:
            return SAME
        if isinstance(base, int):
            if self.tags.is_own(lmu, base, parts):
                return OWN
            return self.tags.read(lmu, at, base, parts, self._grown(touch, values, base))
        if isinstance(base, tuple):
            for device, place in enumerate(base):
                its = self._grown(touch, values, place)
                self.tags.read(lmu, at, place, parts, its, device=device)
            return OWN
        low, high = self._hull(at, base, parts)
        its = Grown((0,), touch.shape(values), touch.size, base)
        kind = self.tags.read(lmu, at, 0, ((low, high),), its, loose=True)
        return kind if isinstance(base, Span) else OWN

    def _write(self, lmu: Runs, at: int, touch: Touch, values: Values, kind: Kind) -> None:
        base, (parts, is_fixed) = values[touch.base], self.bytes_of(at, touch, values)
        if not parts:
            return
        if isinstance(base, int):
            its = None if is_fixed else self._grown(touch, values, base)
            self.tags.put(lmu, at, base, parts, kind, its)
        elif isinstance(base, tuple):
            shape = self._shape(at, values, touch)
            self.ends.refuse_overlap(at, shape, touch.size)
            bases = self.ends.places(at, base, shape, touch.size)
            self._exchanged(at, touch.shape(values), shape)
            self.tags.put_block(lmu, at, bases, parts, self._grown(touch, values, *bases))
        else:
            low, high = self._hull(at, base, parts)
            self.tags.put_somewhere(lmu, at, low, high, kind if isinstance(base, Span) else OWN)

    def _grown(self, touch: Touch, values: Values, *bases: int) -> Grown:
        """An operand, at one address or at one for each device."""
        return Grown(bases, touch.shape(values), touch.size)

    def _hull(self, at: int, base: Span | Varied, parts: Pieces) -> tuple[int, int]:
        """The bytes that an operand may have whose address is not known."""
        low, high = ends(base)
        if low == LOWEST or high == HIGHEST:
            name = self.narrator.name(at)
            self.narrator.refuse("bounds", f"nothing bounds where {name} has an operand", at)
        self.ends.ask(sources_of(base))
        return max(0, low + parts[0][0]), high + parts[-1][1]

    def far(self, at: int, touch: Touch, values: Values) -> tuple[Value, Block | None]:
        """Base and block of an operand in HBM."""
        base = values[touch.base]
        rows = (values[touch.rows[0]], values[touch.rows[1]]) if touch.rows else None
        parts = self.parts(at, touch, values)
        shape = touch.shape(values)
        return base, block(base, parts, rows, _sources(shape), shape, touch.size)

    def sources(self, touch: Touch, values: Values) -> int:
        """Those of the extents and strides of an operand."""
        return _sources(touch.shape(values))

    def parts(self, at: int, touch: Touch, values: Values) -> Pieces:
        """The bytes of an operand, relative to its base."""
        return self.bytes_of(at, touch, values)[0]

    def bytes_of(self, at: int, touch: Touch, values: Values) -> tuple[Pieces, bool]:
        """The same, and whether there are as many whatever symbols and turns are."""
        found = _parts(touch.shape(values), touch.size)
        return self._refuse_extents(at, None) if found is None else found

    def _refuse_extents(self, at: int, register: int | None) -> NoReturn:
        which = "an extent or a stride" if register is None else f"r{register}"
        message = f"{which} of {self.narrator.name(at)} may depend on the device"
        self.narrator.refuse("extents", message, at)


@lru_cache(1 << 14)
def greatest(shape: tuple[Value, ...]) -> Shape | None:
    """Extents and strides with each at its greatest; None where one has none for all devices."""
    numbers: list[int] = []
    for number in shape:
        if isinstance(number, Span) and number.high < HIGHEST:
            numbers.append(number.high)
        elif isinstance(number, int):
            numbers.append(number)
        else:
            return None
    return tuple(numbers)


@lru_cache(1 << 14)
def _parts(shape: tuple[Value, ...], size: int) -> tuple[Pieces, bool] | None:
    """The bytes of an operand at its greatest, and whether that is how many there always are."""
    found = greatest(shape)
    return None if found is None else (pieces(found, size), found == shape)


@lru_cache(1 << 14)
def _sources(shape: tuple[Value, ...]) -> int:
    """What extents and strides depend on."""
    found = 0
    for number in shape:
        found |= sources_of(number)
    return found
