"""
Instructions before their registers and branch targets are numbers.

A `Code` is an instruction class of the runtime and one value for each field of its `LAYOUT`.
Registers are plain numbers: up to 255 they are those of the machine, from `VIRTUAL` on they are
virtual. A branch target is the name of a label. As text, `v3` is the fourth virtual register:

    map2 add, (r0, r0, v0, v1), f32 v2[r0, r0, r0, v3], f32 v4[r0, r0, r0, v3], f32 ...
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

from xdsl.dialects.builtin import LocationAttr
from xdsl.ir import Data
from xdsl.irdl import irdl_attr_definition
from xdsl.parser import AttrParser
from xdsl.printer import Printer

from dialects.lpu.types import parse_dtype, parse_list
from runtime.isa import ISA, Inst, Operand
from runtime.isa.fields import Memory, Register, Registers
from runtime.isa.kinds import Bits, Choice, Integer, Kind
from runtime.numerics.elements import ElementType

VIRTUAL = 256
"""The first number of a virtual register."""


@dataclass(frozen=True, slots=True)
class Code:
    """One instruction; `values` follow `inst.LAYOUT`."""

    inst: type[Inst]
    values: tuple[Any, ...]

    @staticmethod
    def of(inst: type[Inst], **fields: Any) -> Code:
        """The instruction with these fields; fields that have a default may be left out."""
        defaults = vars(inst)
        names = [field.name for field in inst.LAYOUT]
        unknown = fields.keys() - set(names)
        assert not unknown, f"{inst.MNEMONIC} has no field {unknown}"
        return Code(inst, tuple(fields[n] if n in fields else defaults[n] for n in names))

    def reads(self) -> list[int]:
        """Registers read, each once, in order."""
        values = self.values
        found = [r for place, reads in _readers(self.inst) for r in reads(values[place])]
        return list(dict.fromkeys(found))

    def writes(self) -> tuple[int, ...]:
        """Registers written."""
        return tuple(self.values[place] for place in _written(self.inst))

    def target(self) -> str | None:
        """The label this instruction may branch to."""
        place = _target(self.inst)
        return None if place is None else self.values[place]

    def renamed(self, register: Callable[[int], int]) -> Code:
        """The instruction on other registers."""
        values = list(self.values)
        for place, renamed in _renamers(self.inst):
            values[place] = renamed(values[place], register)
        return Code(self.inst, tuple(values))

    def encoded(self, pc_of: Callable[[str], int]) -> Inst:
        """The machine instruction; ValueError when the machine has none like it."""
        return self.inst(*self._placed(pc_of))

    def unbounded(self, pc_of: Callable[[str], int]) -> Inst:
        """The instruction on its registers, however many; ValueError when there is none like it."""
        self.check()
        return self.inst.on_any_registers(self._placed(pc_of))

    def _placed(self, pc_of: Callable[[str], int]) -> Sequence[Any]:
        """The values, with the place of a branch target for its name."""
        place = _target(self.inst)
        if place is None:
            return self.values
        values = list(self.values)
        values[place] = pc_of(values[place])
        return values

    def check(self) -> None:
        """ValueError unless the fields make an instruction, whatever the virtual registers."""
        self.renamed(lambda r: min(r, VIRTUAL - 1)).encoded(lambda _: 0)

    def __str__(self) -> str:
        pairs = zip(self.inst.LAYOUT, self.values, strict=True)
        return ", ".join(_text(field.kind, value) for field, value in pairs)


@cache
def _readers(inst: type[Inst]) -> tuple[tuple[int, Callable[[Any], tuple[int, ...]]], ...]:
    """Which fields of an instruction may name registers that it reads, and what tells them."""
    kinds = [field.kind for field in inst.LAYOUT]
    return tuple((n, k.reads) for n, k in enumerate(kinds) if type(k).reads is not Kind.reads)


@cache
def _written(inst: type[Inst]) -> tuple[int, ...]:
    """Which fields of an instruction name a register that it writes."""
    kinds = [field.kind for field in inst.LAYOUT]
    return tuple(n for n, k in enumerate(kinds) if isinstance(k, Register) and k.is_written)


@cache
def _target(inst: type[Inst]) -> int | None:
    """Which field of an instruction is a branch target."""
    return next((n for n, field in enumerate(inst.LAYOUT) if _is_target(field.kind)), None)


def _is_target(kind: Kind) -> bool:
    return isinstance(kind, Integer) and kind.target


Renamed = Callable[[Any, Callable[[int], int]], Any]
"""The value of a field on other registers."""


@cache
def _renamers(inst: type[Inst]) -> tuple[tuple[int, Renamed], ...]:
    """Which fields of an instruction hold registers, and how these become others."""
    kinds = [type(field.kind) for field in inst.LAYOUT]
    return tuple((n, RENAMED[kind]) for n, kind in enumerate(kinds) if kind in RENAMED)


def _operand_renamed(value: Operand, register: Callable[[int], int]) -> Operand:
    a, b, c, d = value.strides
    strides = (register(a), register(b), register(c), register(d))
    return Operand(value.type, register(value.base), strides)


RENAMED: Mapping[type[Kind], Renamed] = {
    Register: lambda value, register: register(value),
    Registers: lambda value, register: tuple([register(r) for r in value]),
    Memory: _operand_renamed,
}
"""By the kind of a field; those that are missing hold no registers."""


def register_text(register: int) -> str:
    """`r5` for a register of the machine, `v5` for a virtual one."""
    return f"r{register}" if register < VIRTUAL else f"v{register - VIRTUAL}"


def _list_text(registers: tuple[int, ...]) -> str:
    return ", ".join(map(register_text, registers))


def _text(kind: Kind, value: Any) -> str:
    match kind:
        case Register():
            return register_text(value)
        case Registers():
            return f"({_list_text(value)})"
        case Memory():
            return f"{value.type} {register_text(value.base)}[{_list_text(value.strides)}]"
        case _ if _is_target(kind):
            return f"@{value}"
        case _:
            return str(value).lower() if isinstance(value, bool) else str(value)


def parse_register(parser: AttrParser) -> int:
    """Read `r5` or `v5`."""
    name = parser.parse_identifier("register")
    if name[0] not in "rv" or not name[1:].isdigit():
        parser.raise_error(f"expected a register, got '{name}'")
    number = int(name[1:])
    if name[0] == "r" and number >= VIRTUAL:
        parser.raise_error(f"the machine has no register '{name}'")
    return number if name[0] == "r" else number + VIRTUAL


def _parse_operand(parser: AttrParser) -> Operand:
    dtype = parse_dtype(parser)
    base = parse_register(parser)
    strides = parse_list(parser, lambda: parse_register(parser))
    if len(strides) != 4:
        parser.raise_error("an operand has four strides")
    return Operand(dtype, base, strides)


def _parse_value(parser: AttrParser, kind: Kind) -> Any:
    match kind:
        case Register():
            return parse_register(parser)
        case Registers():
            read = parser.parse_comma_separated_list
            return tuple(read(parser.Delimiter.PAREN, lambda: parse_register(parser)))
        case Memory():
            return _parse_operand(parser)
        case Choice():
            return parser.parse_identifier()
        case Bits(width=1):
            return parser.parse_boolean()
        case _ if _is_target(kind):
            return parser.parse_symbol_name().data
        case _:
            return parser.parse_integer(allow_boolean=False)


def parse_code(parser: AttrParser, inst: type[Inst]) -> Code:
    """Read the fields of an instruction, separated by commas."""
    values: list[Any] = []
    for field in inst.LAYOUT:
        if values:
            parser.parse_punctuation(",")
        values.append(_parse_value(parser, field.kind))
    return Code(inst, tuple(values))


@irdl_attr_definition
class CodeAttr(Data[Code]):
    """`#lpu_isa.code<addi v1, v0, 64>`: an instruction, as the generic form of an op shows it."""

    name = "lpu_isa.code"

    @classmethod
    def parse_parameter(cls, parser: AttrParser) -> Code:
        with parser.in_angle_brackets():
            name = parser.parse_identifier()
            if name not in ISA:
                parser.raise_error(f"unknown instruction '{name}'")
            return parse_code(parser, ISA[name])

    def print_parameter(self, printer: Printer) -> None:
        printer.print_string(f"<{f'{self.data.inst.MNEMONIC} {self.data}'.strip()}>")


class Slot(NamedTuple):
    """Where the buffer of a port lies in HBM, and what its elements are."""

    dtype: ElementType
    address: int


@irdl_attr_definition
class SlotAttr(Data[Slot]):
    """`#lpu_isa.slot<f32 at 4096>`; `lpu_isa.inputs`, `lpu_isa.outputs` hold one for each port."""

    name = "lpu_isa.slot"

    @classmethod
    def parse_parameter(cls, parser: AttrParser) -> Slot:
        with parser.in_angle_brackets():
            dtype = parse_dtype(parser)
            parser.parse_keyword("at")
            return Slot(dtype, parser.parse_integer(allow_negative=False))

    def print_parameter(self, printer: Printer) -> None:
        printer.print_string(f"<{self.data.dtype} at {self.data.address}>")


Item = tuple[Code | str, LocationAttr]
"""An instruction, or the name of a label, and where it comes from."""
