"""Field kinds: where a field of an instruction lies in the word, and how it is written as text.

A control word is `opcode rd ra rb imm32 imm64`, 16 bytes. A data instruction takes two words:
`opcode fn types(2) extents(4) operand(5) x 4 imm32`, 32 bytes, where an operand is a base register
and four stride registers, and `types` holds one nibble per operand. All numbers are little endian.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, cast

from runtime.isa.kinds import Kind
from runtime.numerics.elements import TYPES, ElementType

Four = tuple[int, int, int, int]

TYPES_AT = 2
EXTENTS_AT = 4
OPERANDS_AT = 8
OPERAND_BYTES = 5

REGISTERS = frozenset(range(256))
"""The ids that a byte holds."""

_REGISTER = r"r\d+"
_TYPE = "|".join(t.value for t in TYPES)


@dataclass(frozen=True)
class Operand:
    """A strided 4-D operand: element type, base address register, byte stride registers."""

    type: ElementType
    base: int
    strides: Four = (0, 0, 0, 0)

    def registers(self) -> tuple[int, ...]:
        """Registers the operand reads."""
        return (self.base, *self.strides)


def check_register(value: object) -> None:
    """Raise ValueError unless `value` is a register id."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 255:
        raise ValueError(f"{value!r} is not a register id from 0 to 255")


def check_registers(values: object) -> None:
    """Raise ValueError unless `values` is a tuple of four register ids."""
    four = cast(tuple[object, ...], values)
    if not isinstance(values, tuple) or len(four) != 4:
        raise ValueError(f"{values!r} is not a tuple of four register ids")
    if {*map(type, four)} == {int} and REGISTERS.issuperset(four):
        return
    for value in four:
        check_register(value)


def _four(text: str) -> Four:
    a, b, c, d = (int(r) for r in re.findall(r"r(\d+)", text))
    return (a, b, c, d)


def _list(values: Iterable[int]) -> str:
    return ",".join(f"r{v}" for v in values)


class Register(Kind):
    """One register id at a byte of the word."""

    usage = "rN"
    pattern = _REGISTER

    def __init__(self, at: int, reads: bool = True, writes: bool = False) -> None:
        self.at = at
        self.is_read = reads
        self.is_written = writes

    def check(self, value: Any) -> None:
        check_register(value)
        if self.is_written and value == 0:
            raise ValueError("r0 always reads 0 and cannot be written")

    def put(self, raw: bytearray, value: Any) -> None:
        raw[self.at] = value

    def get(self, raw: bytes) -> int:
        return raw[self.at]

    def show(self, value: Any) -> str:
        return f"r{value}"

    def parse(self, text: str) -> int:
        return int(text[1:])

    def reads(self, value: Any) -> tuple[int, ...]:
        return (value,) if self.is_read else ()

    def writes(self, value: Any) -> tuple[int, ...]:
        return (value,) if self.is_written else ()

    def where(self) -> str:
        return f"byte {self.at}"


class Registers(Kind):
    """Four register ids at consecutive bytes."""

    usage = "(rN,rN,rN,rN)"
    pattern = rf"\({_REGISTER}(?:,\s*{_REGISTER}){{3}}\)"

    def __init__(self, at: int) -> None:
        self.at = at

    def check(self, value: Any) -> None:
        check_registers(value)

    def put(self, raw: bytearray, value: Any) -> None:
        raw[self.at : self.at + 4] = bytes(value)

    def get(self, raw: bytes) -> Four:
        a, b, c, d = raw[self.at : self.at + 4]
        return (a, b, c, d)

    def show(self, value: Any) -> str:
        return f"({_list(value)})"

    def parse(self, text: str) -> Four:
        return _four(text)

    def reads(self, value: Any) -> tuple[int, ...]:
        return tuple(value)

    def where(self) -> str:
        return f"bytes {self.at} to {self.at + 3}"


class Memory(Kind):
    """A strided operand in slot 0 to 3."""

    usage = "type rN[rN,rN,rN,rN]"
    pattern = rf"(?:{_TYPE})\s+{_REGISTER}\[{_REGISTER}(?:,\s*{_REGISTER}){{3}}\]"

    def __init__(self, slot: int) -> None:
        self.slot = slot
        self.at = OPERANDS_AT + OPERAND_BYTES * slot

    def check(self, value: Any) -> None:
        if not isinstance(value, Operand) or value.type not in TYPES:
            raise ValueError(f"{value!r} is not an operand")
        check_register(value.base)
        check_registers(value.strides)

    def put(self, raw: bytearray, value: Any) -> None:
        raw[self.at : self.at + OPERAND_BYTES] = bytes((value.base, *value.strides))
        raw[TYPES_AT + self.slot // 2] |= value.type.code << 4 * (self.slot % 2)

    def get(self, raw: bytes) -> Operand:
        base, a, b, c, d = raw[self.at : self.at + OPERAND_BYTES]
        code = raw[TYPES_AT + self.slot // 2] >> 4 * (self.slot % 2) & 15
        if code >= len(TYPES):
            raise ValueError(f"operand {self.slot} has the unknown element type {code}")
        return Operand(TYPES[code], base, (a, b, c, d))

    def show(self, value: Any) -> str:
        return f"{value.type.value} r{value.base}[{_list(value.strides)}]"

    def parse(self, text: str) -> Operand:
        kind, rest = text.split(maxsplit=1)
        base, strides = rest.split("[")
        return Operand(ElementType(kind), int(base.strip()[1:]), _four(strides))

    def reads(self, value: Any) -> tuple[int, ...]:
        return value.registers()

    def where(self) -> str:
        return f"bytes {self.at} to {self.at + 4}, type nibble {self.slot}"
