"""Instructions on data, executed on tags.

What a write leaves is the same on all devices when all that was read is, nothing of it depends on
the device, and the instruction is exact: sums, products and transcendental functions of floats are
each device's own, since machines may round them differently. Values in HBM are followed as far as
an operand is a block at a known address (`memory.far`); beyond that they are each device's own.

    extents   an extent or a stride depends on the device, one of what is exchanged on a symbol
    bounds    an operand of a link leaves the LMU, overlaps itself, or lies nobody knows where
"""

from collections.abc import Callable
from typing import NamedTuple, NoReturn

from runtime.isa.instructions.gather import Scatter
from runtime.isa.instructions.matrix import Vecmat
from runtime.isa.instructions.net import Recv, Send
from runtime.isa.instructions.reduction import Reduce, Scan
from runtime.isa.instructions.vector import Map1, Map2
from runtime.isa.spec import DataInst
from runtime.ring.checks.load.links import Ends
from runtime.ring.checks.load.memory.far import Block, Far, block
from runtime.ring.checks.load.memory.runs import Kind, Runs
from runtime.ring.checks.load.memory.tags import Tags
from runtime.ring.checks.load.refusal import Narrator
from runtime.ring.checks.load.state import State
from runtime.ring.checks.load.touches import Pieces, Touch, Touches, pieces, touches
from runtime.ring.checks.load.values import (
    HIGHEST,
    LOWEST,
    Span,
    Value,
    Varied,
    ends,
    is_uniform,
    made_of_symbols,
    sources_of,
)
from runtime.target import Target

OWN, SAME, WHOLE = Kind.OWN, Kind.SAME, Kind.WHOLE
INTEGERS = {int}
Step = Callable[[State, int], None]
"""Executes an instruction that stands at a place."""
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


def is_exact(inst: DataInst) -> bool:
    """Whether every machine makes the same bits of the same operands."""
    if isinstance(inst, Vecmat):
        return False
    if isinstance(inst, Reduce):
        return inst.fn in ("max", "min") or not inst.dst.type.is_float
    if isinstance(inst, Scatter):
        return inst.fn != "add" and inst.fn != "mul"
    if isinstance(inst, Map1 | Map2 | Scan):
        return not inst.dst.type.is_float
    return True


class Data:
    """Executes instructions on data, for all devices at once."""

    def __init__(self, narrator: Narrator, devices: int, target: Target) -> None:
        self.narrator = narrator
        self.tags = Tags(narrator, devices)
        self.ends = Ends(narrator, self.tags, devices, target)
        self.hbm = Far(self.tags, self.ends.ask)
        self.noted: dict[int, Note] | None = None
        """Notes of instructions are kept here, where somebody wants them."""

    def step(self, inst: DataInst) -> Step:
        """What executes an instruction."""
        found = touches(inst)
        if isinstance(inst, Send | Recv):
            move = self.ends.send if isinstance(inst, Send) else self.ends.recv
            touch = (*found.reads, *found.writes)[0]

            def pass_on(state: State, at: int) -> None:
                shape = self._shape(at, state.registers, touch)
                extents = self._exchanged(at, state.registers, touch)
                move(state, at, inst, state.registers[touch.base], shape, extents)

            return pass_on
        exact = SAME if is_exact(inst) else OWN
        return lambda state, at: self._execute(state, at, found, exact)

    def _execute(self, state: State, at: int, found: Touches, kind: Kind) -> None:
        registers, lmu, events = state.registers, state.lmu, self.tags.known
        kinds = [self._read(lmu, at, touch, registers) for touch in found.reads]
        if found.far_reads or found.streams:
            kinds += self._read_far(state, at, found)
        if kinds:
            kind = min(kind, *kinds)
        for register in found.numbers:
            if not is_uniform(registers[register]):
                kind = OWN
        for register in found.counts:
            if not is_uniform(registers[register]):
                self._refuse_extents(at, register)
        before = events.count
        for touch in found.writes:
            self._write(lmu, at, touch, registers, kind)
        near = events.count - before
        for touch in found.far_writes:
            base, place = self.far(at, touch, registers)
            whole = kind is SAME and kinds == [WHOLE]
            self.hbm.write(state.hbm, at, base, place, WHOLE if whole else kind)
        if self.noted is not None:
            self.noted[at] = Note(kinds, kind, near, events.count - before)

    def _read_far(self, state: State, at: int, found: Touches) -> list[Kind]:
        """Who has what is read in HBM, operand by operand; what is streamed is data of nobody."""
        registers, hbm = state.registers, state.hbm
        for touch in found.streams if hbm.is_marked else ():
            self.hbm.check(hbm, at, *self.far(at, touch, registers))
        return [
            self.hbm.read(hbm, at, *self.far(at, touch, registers)) for touch in found.far_reads
        ]

    def _shape(self, at: int, registers: list[Value], touch: Touch) -> Shape:
        """Extents and strides; those of symbols and turns count at their greatest."""
        shape = touch.shape(registers)
        if {*map(type, shape)} == INTEGERS:
            return shape
        return tuple(self._greatest(at, number) for number in shape)

    def _exchanged(self, at: int, registers: list[Value], touch: Touch) -> tuple[Value, ...]:
        """The extents of what is exchanged, whose strides are known, since none counts for all."""
        shape = touch.shape(registers)
        if {*map(type, shape[4:])} != INTEGERS:
            what = f"a stride of {self.narrator.name(at)} may be any of many"
            self.narrator.refuse("extents", what, at)
        return shape[:4]

    def _greatest(self, at: int, number: Value) -> int:
        if isinstance(number, int):
            return number
        if isinstance(number, Span) and number.high < HIGHEST:
            return number.high
        return self._refuse_extents(at, None)

    def _read(self, lmu: Runs, at: int, touch: Touch, registers: list[Value]) -> Kind:
        base, parts = registers[touch.base], self.parts(at, touch, registers)
        if not parts:
            return SAME
        if isinstance(base, int):
            return self.tags.read(lmu, at, base, parts)
        if isinstance(base, tuple):
            for device, place in enumerate(base):
                self.tags.read(lmu, at, place, parts, device=device)
            return OWN
        low, high = self._hull(at, base, parts)
        kind = self.tags.read(lmu, at, 0, ((low, high),), loose=True)
        return kind if isinstance(base, Span) else OWN

    def _write(self, lmu: Runs, at: int, touch: Touch, registers: list[Value], kind: Kind) -> None:
        base, shape = registers[touch.base], self._shape(at, registers, touch)
        parts = pieces(shape, touch.size)
        if not parts:
            return
        if isinstance(base, int):
            self.tags.put(lmu, at, base, parts, kind)
        elif isinstance(base, tuple):
            self.ends.refuse_overlap(at, shape, touch.size)
            bases = self.ends.places(at, base, shape, touch.size)
            extents = made_of_symbols(self._exchanged(at, registers, touch))
            self.tags.put_block(lmu, at, bases, parts, extents)
        else:
            low, high = self._hull(at, base, parts)
            self.tags.put_somewhere(lmu, at, low, high, kind if isinstance(base, Span) else OWN)

    def _hull(self, at: int, base: Span | Varied, parts: Pieces) -> tuple[int, int]:
        """The bytes that an operand may have whose address is not known."""
        low, high = ends(base)
        if low == LOWEST or high == HIGHEST:
            name = self.narrator.name(at)
            self.narrator.refuse("bounds", f"nothing bounds where {name} has an operand", at)
        self.ends.ask(sources_of(base))
        return max(0, low + parts[0][0]), high + parts[-1][1]

    def far(self, at: int, touch: Touch, registers: list[Value]) -> tuple[Value, Block | None]:
        """Base and block of an operand in HBM."""
        base = registers[touch.base]
        rows = (registers[touch.rows[0]], registers[touch.rows[1]]) if touch.rows else None
        parts = self.parts(at, touch, registers)
        return base, block(base, parts, rows, self.sources(touch, registers))

    def sources(self, touch: Touch, registers: list[Value]) -> int:
        """Those of the extents and strides of an operand."""
        shape = touch.shape(registers)
        if {*map(type, shape)} == INTEGERS:
            return 0
        found = 0
        for value in shape:
            found |= sources_of(value)
        return found

    def parts(self, at: int, touch: Touch, registers: list[Value]) -> Pieces:
        """The bytes of an operand, relative to its base."""
        return pieces(self._shape(at, registers, touch), touch.size)

    def _refuse_extents(self, at: int, register: int | None) -> NoReturn:
        which = "an extent or a stride" if register is None else f"r{register}"
        message = f"{which} of {self.narrator.name(at)} may depend on the device"
        self.narrator.refuse("extents", message, at)
