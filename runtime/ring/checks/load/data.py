"""Instructions on data, executed on tags.

What a write leaves is the same on all devices when all that was read is, nothing of it depends on
the device, and the instruction is exact: sums, products and transcendental functions of floats are
each device's own, since machines may round them differently. Values in HBM are followed as far as
an operand is a block at a known address; beyond that they count as each device's own.

    extents   an extent or a stride depends on the device, one of what is exchanged on a symbol
    bounds    an operand of a link leaves the LMU, overlaps itself, or lies nobody knows where
"""

from collections.abc import Callable
from typing import NoReturn

from runtime.isa.instructions.gather import Scatter
from runtime.isa.instructions.matrix import Vecmat
from runtime.isa.instructions.net import Recv, Send
from runtime.isa.instructions.reduction import Reduce, Scan
from runtime.isa.instructions.vector import Map1, Map2
from runtime.isa.spec import DataInst
from runtime.ring.checks.load.links import Ends
from runtime.ring.checks.load.refusal import Narrator
from runtime.ring.checks.load.runs import Content, Kind, Runs
from runtime.ring.checks.load.state import State
from runtime.ring.checks.load.tags import Tags
from runtime.ring.checks.load.touches import Pieces, Touch, Touches, pieces, touches
from runtime.ring.checks.load.values import (
    HIGHEST,
    LOWEST,
    Span,
    Value,
    Varied,
    all_sources,
    ends,
    is_uniform,
)
from runtime.target import Target

OWN, SAME = Kind.OWN, Kind.SAME
INTEGERS = {int}
MOST_FAR = 64
"""Pieces of HBM that are followed one by one."""
Step = Callable[[State, int], None]
"""Executes an instruction that stands at a place."""
Shape = tuple[int, ...]


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
        self.far_older: dict[tuple[int, int], Content] = {}

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
        registers, lmu = state.registers, state.lmu
        for touch in found.reads:
            shape = self._shape(at, registers, touch)
            parts = pieces(shape, touch.size)
            kind = min(kind, self._read(lmu, at, registers[touch.base], parts))
        for touch in found.far_reads:
            kind = min(kind, self._read_far(state, at, touch))
        for register in found.numbers:
            if not is_uniform(registers[register]):
                kind = OWN
        for register in found.counts:
            if not is_uniform(registers[register]):
                self._refuse_extents(at, register)
        for touch in found.writes:
            self._write(lmu, at, touch, registers, kind)
        for touch in found.far_writes:
            self._write_far(state, at, touch, kind)

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

    def _read(self, lmu: Runs, at: int, base: Value, parts: Pieces) -> Kind:
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
            content = Content(kind, self.tags.known.new(at))
            for low, high in parts:
                lmu.put(base + low, base + high, content)
        elif isinstance(base, tuple):
            self.ends.refuse_overlap(at, shape, touch.size)
            bases = self.ends.places(at, base, shape, touch.size)
            sources = all_sources(self._exchanged(at, registers, touch))
            self.tags.put_block(lmu, at, bases, parts, sources)
        else:
            low, high = self._hull(at, base, parts)
            self.tags.put_somewhere(lmu, at, low, high, kind if isinstance(base, Span) else OWN)

    def _hull(self, at: int, base: Span | Varied, parts: Pieces) -> tuple[int, int]:
        """The bytes that an operand may have whose address is not known."""
        low, high = ends(base)
        if low == LOWEST or high == HIGHEST:
            name = self.narrator.name(at)
            self.narrator.refuse("bounds", f"nothing bounds where {name} has an operand", at)
        self.ends.ask_turns(base)
        return max(0, low + parts[0][0]), high + parts[-1][1]

    def _read_far(self, state: State, at: int, touch: Touch) -> Kind:
        base = state.registers[touch.base]
        found = self._far(state, at, touch)
        if not is_uniform(base) or found is None:
            return OWN
        worst = SAME
        for low, high in found[1] or (found[0],):
            for _, first, end, held in state.hbm.within(low, high):
                assert isinstance(held, Content)
                if held.kind is not SAME:
                    return OWN
                if held.event < self.tags.oldest:
                    self.far_older[first, end] = held
        return worst

    def _write_far(self, state: State, at: int, touch: Touch, kind: Kind) -> None:
        if not is_uniform(state.registers[touch.base]):
            kind = OWN
        found = self._far(state, at, touch)
        hbm = state.hbm
        if found is None:
            if kind is OWN:
                hbm.put(0, HIGHEST, Content(OWN, 0))
            return
        hull, parts = found
        event = self.tags.known.new(at) if kind is SAME else 0
        if kind is OWN:
            held = hbm.only(*hull)
            if not isinstance(held, Content) or held.kind is not OWN:
                hbm.put(*hull, Content(OWN, event))
        elif parts is not None:
            for low, high in parts:
                hbm.put(low, high, Content(SAME, event))
        else:
            for _, first, end, held in list(hbm.within(*hull)):
                if isinstance(held, Content) and held.kind is Kind.NOTHING:
                    hbm.put(first, end, Content(SAME, event))

    def _far(
        self, state: State, at: int, touch: Touch
    ) -> tuple[tuple[int, int], list[tuple[int, int]] | None] | None:
        """The hull of an operand in HBM, and its bytes where they are few pieces at one place.

        None where nothing bounds it.
        """
        registers = state.registers
        parts = pieces(self._shape(at, registers, touch), touch.size)
        low, high = ends(registers[touch.base])
        if not parts:
            return (0, 0), []
        for limit, step in (touch.rows,) if touch.rows else ():
            (_, most), (least, widest) = ends(registers[limit]), ends(registers[step])
            low, high = low + min(0, most * least), high + max(0, most * widest)
        if low <= LOWEST >> 1 or high >= HIGHEST >> 1:
            return None
        hull = (max(0, low + parts[0][0]), high + parts[-1][1])
        if low < high or len(parts) > MOST_FAR:
            return hull, None
        return hull, [(low + first, low + end) for first, end in parts]

    def _refuse_extents(self, at: int, register: int | None) -> NoReturn:
        which = "an extent or a stride" if register is None else f"r{register}"
        message = f"{which} of {self.narrator.name(at)} may depend on the device"
        self.narrator.refuse("extents", message, at)
