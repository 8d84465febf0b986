"""
What an instruction costs when it waits for nothing: as a formula, and as the model charges it.

    cost(Map1).steps                            'ceil(e0 * e1 * e2 * e3 / vxe_lanes)'
    charged(inst, registers, target)            cycles, and those to the last result

Formulas of the engines that compute are what `occupancy` and `latency` of the class do to symbols,
so they cannot differ from what is charged. `e0` to `e3` are the extents, `size` is that of an
element in bytes, other names are entries of the target; `bits(n)` counts the bits of a number. What
the channels of HBM take is stated below (`runtime.timing.hbm`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, cast

from runtime.isa.fields import Four, Memory, Operand, Register, Registers
from runtime.isa.instructions.matrix import Vecmat
from runtime.isa.instructions.memory import Stream, TransferInst
from runtime.isa.instructions.net import Recv, Send
from runtime.isa.kinds import Bits, Choice
from runtime.isa.spec import DataInst, Field, Inst, Unit, VectorInst
from runtime.numerics.elements import ElementType
from runtime.target import Target
from runtime.timing.engines import Engines
from runtime.timing.events import Engine
from runtime.timing.links import OTHER
from runtime.timing.scoreboard import Wait
from runtime.timing.work import work_of

LATER = 1 << 30
"""A cycle in which all that was issued before is over."""
LIMIT, ROW_BYTES, GRANULE = 1 << 12, 1 << 12, 64
SCALARS = {"limit": 5, "rowstride": 6}
"""The registers of scalar operands; those of others hold 1."""

BURSTS = "ceil(pieces * ceil(run / hbm_burst_bytes) / hbm_channels)"
CHANNELS = "ceil(clocks * beat / (hbm_nbl * units))"
"""Cycles of a request of HBM that keeps its busiest channel busy for `clocks` of the memory."""

LANES = "max(1, vxe_lanes * vxe_ports // max(vxe_ports, reads))"
SORT = "max(1, min(k, bits(row - 1) * (bits(row - 1) + 1) // 2))"
TILE = "1 if size <= 2 else f32_tile_cycles"
PIECES = "ceil(e2 / (vector_lanes * max(1, reuse_bytes // (vector_lanes * mac_trees * size))))"
SPILL = "0 if e1 <= accumulators else max(0, pieces - 1) * ceil(4 * mac_trees / vector_lanes)"
"""What the formulas of the vector and the matrix engine name."""


class Term:
    """A formula, as a number that code computes with."""

    def __init__(self, text: str, is_sum: bool = False) -> None:
        self.text = text
        self.is_sum = is_sum

    def __str__(self) -> str:
        return self.text

    @property
    def factor(self) -> str:
        """The formula within a product."""
        return f"({self.text})" if self.is_sum else self.text

    def __mul__(self, other: Term | int) -> Term:
        if other == 1:
            return self
        return Term(f"{self.factor} * {_factor(other)}")

    def __rmul__(self, other: int) -> Term:
        return self if other == 1 else Term(f"{other} * {self.factor}")

    def __truediv__(self, other: Term | int) -> Term:
        return Term(f"{self.factor} / {_factor(other)}")

    def __add__(self, other: Term | int) -> Term:
        return Term(f"{self.text} + {other}", is_sum=True)

    def __sub__(self, other: int) -> Term:
        return Term(f"{self.text} - {other}", is_sum=True)

    def __or__(self, other: int) -> Term:
        return Term(f"{self.text} | {other}", is_sum=True)

    def __ceil__(self) -> Term:
        return Term(f"ceil({self.text})")

    def bit_length(self) -> Term:
        """How many bits a number has."""
        return Term(f"bits({self.text})")


def _factor(value: Term | int) -> str:
    return value.factor if isinstance(value, Term) else str(value)


class _Symbols:
    """A target whose entries are their names."""

    def __getattr__(self, name: str) -> Term:
        return Term(name)

    def link_cycles(self, size: Any) -> Any:
        """What a target computes, of names."""
        return Target.link_cycles(cast(Any, self), size)

    def sort_passes(self, best: Any, row: Any) -> Any:
        """A name that is stated below (SORT)."""
        del best, row
        return Term("passes")

    def tile_cycles(self, size: Any) -> Any:
        """A name that is stated below (TILE)."""
        del size
        return Term("tile")

    def spill_cycles(self, rows: Any, depth: Any, size: Any) -> Any:
        """A name that is stated below (SPILL)."""
        del rows, depth, size
        return Term("spill")


class _Element:
    """An element type of which nothing is known."""

    itemsize = Term("size")


@dataclass(frozen=True)
class Cost:
    """
    `steps` are cycles of the engine, in which it takes no other instruction; its setup comes before
    or, `is_hidden`, at the same time. The last result is `latency` behind the last step.
    """

    steps: str
    latency: str
    setup: str
    is_hidden: bool = False

    @property
    def cycles(self) -> str:
        """The formula of the cycles from when an engine takes it up to the last result."""
        busy = f"max({self.setup}, {self.steps})" if self.is_hidden else self.steps
        before = [] if self.is_hidden or self.setup == "0" else [self.setup]
        return " + ".join([*before, busy, *([] if self.latency == "0" else [self.latency])])


def cost(cls: type[Inst]) -> Cost:
    """What an instruction of a class costs."""
    target: Any = _Symbols()
    inst = cls.on_any_registers([_symbol(field) for field in cls.LAYOUT])
    latency = str(inst.latency(target))
    if issubclass(cls, TransferInst):
        is_stream = cls is Stream
        return Cost(CHANNELS, latency, "0" if is_stream else "issue_latency", not is_stream)
    extents: Any = tuple(Term(f"e{axis}") for axis in range(4))
    if issubclass(cls, VectorInst):
        extents = (Term("rows"), 1, Term("lanes"), Term("row"))
    setup = "0" if cls.UNIT is Unit.ICP else "issue_latency"
    return Cost(str(inst.occupancy(extents, target)), latency, setup)


def _symbol(field: Field) -> Any:
    return Operand(cast(Any, _Element()), 0) if isinstance(field.kind, Memory) else 0


def charged(
    inst: Inst, registers: Sequence[int], target: Target, before: Sequence[Inst] = ()
) -> int:
    """
    The cycles from when an engine takes an instruction up to its last result.

    What it needs is there: the engine comes to it long after those `before` it, such as the stream
    of its panel.
    """
    engines = Engines(target)
    for number, earlier in enumerate(before):
        engines.execute(number, earlier, work_of(earlier, registers, target))
    engines.free[Engine.ICP] = Wait(LATER)
    events = engines.execute(len(before), inst, work_of(inst, registers, target))
    (event,) = [event for event in events if event.pc == len(before)]
    return event.end - event.start


Sample = tuple[Inst, list[int], list[Inst]]
"""An instruction, the values of the registers, and what comes before it."""


def sample(cls: type[Inst], extents: Four) -> Sample:
    """
    An instruction of a class on dense operands, of halves where it takes them.

    The elements of `gather` and `scatter` lie each in a row of its own.
    """
    inst = _made(cls)
    registers = [0] * 256
    registers[1:5] = extents
    registers[5:8] = (LIMIT, ROW_BYTES, 1)
    if not isinstance(inst, DataInst):
        return inst, registers, []
    shapes = dict(zip(inst.viewed(), inst.shape_reader()(registers), strict=True))
    free = 0
    for name in (field.name for field in cls.LAYOUT if isinstance(field.kind, Memory)):
        operand, shape = inst.operand(name), shapes.get(name, extents)
        registers[operand.base] = 0 if inst.in_hbm(name) else free
        step = operand.type.itemsize
        for register, extent in zip(operand.strides[::-1], shape[::-1], strict=True):
            registers[register] = step if extent > 1 else 0
            step *= extent
        free += 0 if inst.in_hbm(name) else -(-step // GRANULE) * GRANULE
    return inst, registers, _before(inst, registers, extents)


def _before(inst: DataInst, registers: list[int], extents: Four) -> list[Inst]:
    """The stream of a panel, the message that is received."""
    if isinstance(inst, Recv):
        return [Send(OTHER[inst.side], inst.extents, inst.dst)]
    if not isinstance(inst, Vecmat):
        return []
    registers[8:10] = (2, 2 * extents[3])
    return [Stream((1, 7, 3, 4), Operand(ElementType.F16, 0, (0, 0, 9, 8)))]


def _made(cls: type[Inst]) -> Inst:
    """An instruction of a class whose fields fit each other."""
    for values in product(*map(_candidates, range(len(cls.LAYOUT)), cls.LAYOUT)):
        try:
            return cls(*values)
        except ValueError:
            continue
    raise AssertionError(f"no {cls.MNEMONIC} fits")


def _candidates(place: int, field: Field) -> Sequence[Any]:
    """Values that a field may have, the registers of an operand by its place."""
    match field.kind:
        case Memory():
            a, b, c, d, e = range(10 * place + 10, 10 * place + 15)
            types = (ElementType.F16, ElementType.I64, ElementType.BOOL)
            return [Operand(t, a, (b, c, d, e)) for t in types]
        case Registers():
            return [(1, 2, 3, 4)]
        case Register():
            return [SCALARS.get(field.name, 7)]
        case Choice(names=names):
            return names
        case Bits(width=1):
            return [False]
        case _:
            return [8]
