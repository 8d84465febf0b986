"""Base classes of instructions and the table `ISA` they register in.

An instruction class lists its fields as annotations that carry a field kind, gives its semantics in
`bind` (control) or `prepare` (data), its cost in `cycles`, and its contract as docstring.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from dataclasses import fields as dataclass_fields
from enum import StrEnum
from math import ceil, prod
from operator import itemgetter
from typing import Annotated, Any, ClassVar, Protocol, cast, dataclass_transform, get_type_hints

from runtime.isa import fields, kinds
from runtime.isa.accesses import Access
from runtime.isa.fields import Four, Operand
from runtime.isa.kinds import Choice, Kind
from runtime.machine import Machine
from runtime.regions import View
from runtime.target import Target
from runtime.traps import Trap, TrapKind

__all__ = [
    "ISA",
    "ISA_VERSION",
    "OPCODES",
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
    "Plan",
    "Step",
    "Unit",
]  # fmt: skip

ISA_VERSION = 1
WORD_BYTES = 16
PLAN_LIMIT = 16384

Step = Callable[[], int]
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
    ICP = "ICP"


@dataclass(frozen=True)
class Field:
    """A named field of an instruction and its kind."""

    name: str
    kind: Kind


ISA: "dict[str, type[Inst]]" = {}
OPCODES: "dict[int, type[Inst]]" = {}


@dataclass_transform(frozen_default=True)
class Inst:
    """One instruction. Constructors raise ValueError for fields that no instruction word holds."""

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
        dataclass(frozen=True)(cls)
        hints = get_type_hints(cls, include_extras=True)
        names = [f.name for f in dataclass_fields(cast(Any, cls))]
        facts: dict[str, object] = {
            "OPCODE": opcode,
            "UNIT": unit,
            "MNEMONIC": cls.__name__.lower(),
            "LAYOUT": tuple(Field(n, hints[n].__metadata__[0]) for n in names),
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

    def check(self) -> None:
        """Raise ValueError for a combination of fields that is not legal."""

    def reads(self) -> tuple[int, ...]:
        """Registers read, r0 and repetitions included."""
        return tuple(r for f in self.LAYOUT for r in f.kind.reads(getattr(self, f.name)))

    def writes(self) -> tuple[int, ...]:
        """Registers written."""
        return tuple(r for f in self.LAYOUT for r in f.kind.writes(getattr(self, f.name)))

    def bind(self, machine: Machine, following: int) -> Step:
        """A callable that executes the instruction on `machine` and returns the next pc."""
        raise NotImplementedError

    def cycles(self, extents: Four, target: Target) -> int:
        """Cycles of one pass; `extents` are the values of the extent registers."""
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

    def cycles(self, extents: Four, target: Target) -> int:
        del extents
        return target.control_latency


class Plan:
    """A data instruction with its register values resolved to views.

    `run` may be repeated while the registers keep their values. `sources` must be initialised
    before the first run and `results` are initialised behind it.
    """

    __slots__ = ("results", "run", "sources")

    def __init__(
        self, run: Callable[[], None], sources: Sequence[View], results: Sequence[View]
    ) -> None:
        self.run = run
        self.sources = tuple(sources)
        self.results = tuple(results)

    def first(self) -> None:
        """Run with the checks that later runs need not repeat: memory never loses a value."""
        for view in self.sources:
            view.require_initialised()
        self.run()
        for view in self.results:
            view.mark()


class _Extended(Protocol):
    @property
    def extents(self) -> Four: ...


class DataInst(Inst):
    """An instruction on strided 4-D operands: two words, extents and strides from registers.

    Operands are read completely before the result is written. An extent of zero means that there
    are no points; nothing is read or written.
    """

    WORDS = 2

    def prepare(self, machine: Machine) -> Plan:
        """Resolve registers to views, with all checks that depend on nothing else."""
        raise NotImplementedError

    def bind(self, machine: Machine, following: int) -> Step:
        read = itemgetter(*sorted({0, *self.reads()}), 0)
        registers = machine.registers
        ready: dict[Any, Callable[[], None]] = {}
        plans: dict[Any, Plan] = {}
        machine.ready.append(ready)

        def first(key: Any) -> None:
            plan = plans.get(key)
            if plan is None:
                if None in key:
                    self._refuse_unset(machine)
                if len(plans) >= PLAN_LIMIT:
                    plans.clear()
                    ready.clear()
                plan = plans[key] = self.prepare(machine)
            plan.first()
            ready[key] = plan.run

        def step() -> int:
            key = read(registers)
            run = ready.get(key)
            if run is None:
                first(key)
            else:
                run()
            return following

        return step

    def _refuse_unset(self, machine: Machine) -> None:
        for register in self.reads():
            if machine.registers[register] is None:
                raise Trap(TrapKind.UNINITIALISED, f"r{register} is read before it is written")

    def extent_values(self, machine: Machine) -> Four:
        """Values of the extent registers."""
        return four(machine, cast("_Extended", self).extents)

    def view(self, machine: Machine, operand: Operand, extents: Four | None = None) -> View:
        """The LMU elements of an operand; `extents` replaces those of the instruction."""
        shape = self.extent_values(machine) if extents is None else extents
        address = machine.registers[operand.base]
        return machine.lmu_view(address, shape, four(machine, operand.strides), operand.type)

    def cycles(self, extents: Four, target: Target) -> int:
        return self.occupancy(extents, target) + self.latency(target)

    def occupancy(self, extents: Four, target: Target) -> int:
        """Cycles for which the engine can accept no other instruction."""
        return ceil(prod(extents) / target.vxe_lanes)

    def latency(self, target: Target) -> int:
        """Cycles from the last element that enters the engine to its result."""
        return target.vector_latency

    def accesses(self, registers: Sequence[int]) -> tuple[Access, ...]:
        """By default operand 0 is written, the others are read, and all lie in the LMU."""
        return tuple(
            self.access(registers, f.name, writes=f.kind.slot == 0)
            for f in self.LAYOUT
            if isinstance(f.kind, fields.Memory)
        )

    def access(
        self, registers: Sequence[int], name: str, extents: Four | None = None,
        writes: bool = False, reads: bool | None = None, hbm: bool = False,
    ) -> Access:  # fmt: skip
        """The bytes of the operand `name`; it is read unless it is written."""
        operand: Operand = getattr(self, name)
        shape = values(registers, cast("_Extended", self).extents) if extents is None else extents
        return Access(
            hbm, (not writes) if reads is None else reads, writes, operand.type.itemsize,
            registers[operand.base], shape, values(registers, operand.strides),
        )  # fmt: skip


def values(registers: Sequence[int], ids: Four) -> Four:
    """Values of four registers."""
    a, b, c, d = ids
    return (registers[a], registers[b], registers[c], registers[d])


def four(machine: Machine, ids: Four) -> Four:
    """Values of four registers of a machine."""
    return values(machine.registers, ids)


def choice_of(cls: type[Inst]) -> Choice | None:
    """The function field of an instruction class, None when it has none."""
    return next((f.kind for f in cls.LAYOUT if isinstance(f.kind, Choice)), None)
