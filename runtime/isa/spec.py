"""Base classes of instructions and the table `ISA` they register in.

An instruction class lists its fields as annotations that carry a field kind, gives its semantics in
`execute`, its cost in `occupancy` and `latency`, and its contract as docstring; what the channels
of HBM take is the subject of `runtime.timing`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from dataclasses import fields as dataclass_fields
from enum import StrEnum
from functools import cache
from math import ceil
from operator import itemgetter
from typing import (
    Annotated,
    Any,
    ClassVar,
    NamedTuple,
    Protocol,
    Self,
    cast,
    dataclass_transform,
)

from runtime.isa import fields, kinds
from runtime.isa.accesses import Access
from runtime.isa.fields import Four, Operand
from runtime.isa.kinds import Kind
from runtime.isa.state import State
from runtime.target import Target

__all__ = [
    "ISA",
    "ISA_VERSION",
    "OPCODES",
    "POINT_LIMIT",
    "WORD_BYTES",
    "Bit",
    "CtrlInst",
    "DataInst",
    "Extents",
    "Inst",
    "Kind",
    "Mem0",
    "Mem1",
    "Mem2",
    "Mem3",
    "Operand",
    "State",
    "Unit",
    "VectorInst",
]  # fmt: skip

ISA_VERSION = 1
WORD_BYTES = 16
POINT_LIMIT = 1 << 31
"""Points of an instruction at most; extents that make more are illegal."""

Extents = Annotated[Four, fields.Registers(fields.EXTENTS_AT)]
Mem0 = Annotated[Operand, fields.Memory(0)]
Mem1 = Annotated[Operand, fields.Memory(1)]
Mem2 = Annotated[Operand, fields.Memory(2)]
Mem3 = Annotated[Operand, fields.Memory(3)]
Bit = Annotated[bool, kinds.Bits(0, 1)]


class Unit(StrEnum):
    """The engine that executes an instruction."""

    MEM = "MEM"
    SXE = "SXE"
    VXE = "VXE"
    NET = "NET"
    ICP = "ICP"


class Field(NamedTuple):
    """A named field of an instruction and its kind."""

    name: str
    kind: Kind


ISA: "dict[str, type[Inst]]" = {}
OPCODES: "dict[int, type[Inst]]" = {}


@dataclass_transform(frozen_default=True)
class Inst:
    """One instruction. Constructors raise ValueError for fields that no instruction word holds.

    Classes are frozen dataclasses. What is the same in all stands here: `dataclass` would write it
    for each of them, which takes a quarter of a millisecond whenever Python starts.
    """

    OPCODE: ClassVar[int]
    UNIT: ClassVar[Unit]
    MNEMONIC: ClassVar[str]
    WORDS: ClassVar[int]
    LAYOUT: ClassVar[tuple[Field, ...]]

    def __init_subclass__(cls, opcode: int | None = None, unit: Unit | None = None) -> None:
        super().__init_subclass__()
        if opcode is None or unit is None:
            return
        assert cls.__doc__, f"{cls.__name__} has no docstring"
        assert opcode not in OPCODES and 0 < opcode < 256, f"opcode {opcode} is taken"
        dataclass(frozen=True, eq=False, repr=False)(cls)
        listed = dataclass_fields(cast(Any, cls))
        facts: dict[str, object] = {
            "OPCODE": opcode,
            "UNIT": unit,
            "MNEMONIC": cls.__name__.lower(),
            "LAYOUT": tuple(Field(f.name, cast(Any, f.type).__metadata__[0]) for f in listed),
        }
        for name, value in facts.items():
            setattr(cls, name, value)
        OPCODES[opcode] = cls
        ISA[cls.MNEMONIC] = cls

    def __post_init__(self) -> None:
        for field in self.LAYOUT:
            try:
                field.kind.check(getattr(self, field.name))
            except ValueError as error:
                raise ValueError(f"{self.MNEMONIC}: {field.name}: {error}") from None
        self.check()

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.__dict__ == other.__dict__

    def __hash__(self) -> int:
        return hash(tuple(self.__dict__.values()))

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={value!r}" for name, value in self.__dict__.items())
        return f"{type(self).__qualname__}({fields})"

    @classmethod
    def on_any_registers(cls, fields: Sequence[Any]) -> Self:
        """An instruction that no word may hold: nobody checks how high its registers are.

        `fields` follow `LAYOUT`. It executes like any other on a device with such registers.
        """
        inst = object.__new__(cls)
        for field, value in zip(cls.LAYOUT, fields, strict=True):
            object.__setattr__(inst, field.name, value)
        return inst

    def check(self) -> None:
        """Raise ValueError for a combination of fields that is not legal."""

    def reads(self) -> tuple[int, ...]:
        """Registers read, r0 and repetitions included."""
        return tuple(r for f in self.LAYOUT for r in f.kind.reads(getattr(self, f.name)))

    def writes(self) -> tuple[int, ...]:
        """Registers written."""
        return tuple(r for f in self.LAYOUT for r in f.kind.writes(getattr(self, f.name)))

    def execute(self, state: State) -> None:
        """Do what the instruction specifies: this is the reference that all else is held to."""
        raise NotImplementedError

    def occupancy(self, extents: Four, target: Target) -> int:
        """Cycles for which the engine can accept no other instruction, its setup aside.

        `extents` are the values of the extent registers.
        """
        raise NotImplementedError

    def latency(self, target: Target) -> int:
        """Cycles from the last element that enters or leaves the engine to its result."""
        raise NotImplementedError

    def accesses(self, registers: Sequence[int]) -> tuple[Access, ...]:
        """The memory that executing the instruction with these register values touches."""
        del registers
        return ()

    def require(self, condition: bool, message: str) -> None:
        """Raise ValueError with the mnemonic unless `condition` holds."""
        if not condition:
            raise ValueError(f"{self.MNEMONIC}: {message}")


class CtrlInst(Inst):
    """An instruction of the control processor: one word, scalar registers only."""

    WORDS = 1

    def occupancy(self, extents: Four, target: Target) -> int:
        del extents
        return target.control_latency

    def latency(self, target: Target) -> int:
        del target
        return 0


class _Extended(Protocol):
    @property
    def extents(self) -> Four: ...


class DataInst(Inst):
    """An instruction on strided 4-D operands: two words, extents and strides from registers.

    Operands are read completely before the result is written, and no element of a result is written
    twice: each axis steps over all bytes of the axes with smaller strides. An extent of zero means
    that there are no points; nothing is read or written. There are at most `POINT_LIMIT` points.
    """

    WORDS = 2

    HBM: ClassVar[str] = ""

    def viewed(self) -> tuple[str, ...]:
        """Operands that are strided views, in the order of their slots."""
        return _memory_operands(type(self))

    def shape_reader(self) -> Callable[[Sequence[int]], tuple[Four, ...]]:
        """The extents of the viewed operands for register values: by default those of `extents`."""
        extents, count = itemgetter(*cast("_Extended", self).extents), len(self.viewed())
        return lambda registers: (extents(registers),) * count

    def operand(self, name: str) -> Operand:
        """An operand by name."""
        return getattr(self, name)

    def in_hbm(self, name: str) -> bool:
        """Whether an operand lies in HBM; the others lie in the LMU."""
        return name == self.HBM

    def direction(self, name: str) -> tuple[bool, bool]:
        """Whether an operand is read, and whether it is written: by default the first is."""
        is_result = name == self.viewed()[0]
        return (not is_result, is_result)

    def accesses(self, registers: Sequence[int]) -> tuple[Access, ...]:
        shapes = self.shape_reader()(registers)
        return tuple(
            self.access(registers, name, shape)
            for name, shape in zip(self.viewed(), shapes, strict=True)
        )

    def access(
        self, registers: Sequence[int], name: str, shape: Four | None = None,
        direction: tuple[bool, bool] | None = None,
    ) -> Access:  # fmt: skip
        """The bytes of the operand `name`, by default of the extents and in its direction."""
        operand = self.operand(name)
        reads, writes = self.direction(name) if direction is None else direction
        extents = values(registers, cast("_Extended", self).extents) if shape is None else shape
        return Access(
            self.in_hbm(name), reads, writes, operand.type.itemsize,
            registers[operand.base], extents, values(registers, operand.strides),
        )  # fmt: skip


class VectorInst(DataInst):
    """A pass of the vector engine over operands in the LMU."""

    def occupancy(self, extents: Four, target: Target) -> int:
        """Of so many rows, elements that are chosen of each, lanes and elements of a row."""
        del target
        rows, _, lanes, row = extents
        return rows * ceil(row / lanes)

    def latency(self, target: Target) -> int:
        return getattr(target, latency_entry(getattr(self, "fn", "")))


LATENCIES = {
    "mul_latency": ("mul",),
    "exp_latency": ("exp",),
    "function_latency": (
        "sqrt", "recip", "log", "tanh", "sigmoid", "erf", "sin", "cos", "gelu", "gelu_tanh", "silu",
        "div", "pow", "mod", "fmod",
    ),
}  # fmt: skip
"""Entries that say when the result of a function is there; `vector_latency` of others."""


def latency_entry(fn: str) -> str:
    """The entry of a target for a function of the vector engine, an adder's by default."""
    return next((entry for entry, names in LATENCIES.items() if fn in names), "vector_latency")


@cache
def _memory_operands(cls: type[Inst]) -> tuple[str, ...]:
    return tuple(f.name for f in cls.LAYOUT if isinstance(f.kind, fields.Memory))


def values(registers: Sequence[int], ids: Four) -> Four:
    """Values of four registers."""
    a, b, c, d = ids
    return (registers[a], registers[b], registers[c], registers[d])
