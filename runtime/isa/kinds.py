"""Kinds of instruction fields that hold no register: function names, integers, bits.

`runtime.isa.fields` describes the word and has the kinds that hold registers.
"""

from collections.abc import Iterable
from typing import Any

DATA_IMM_AT = 28
CTRL_IMM32_AT = 4
CTRL_IMM64_AT = 8


class Kind:
    """One kind of field: its bytes, its text and the registers it names."""

    usage = ""
    pattern = ""

    def check(self, value: Any) -> None:
        """Raise ValueError when the value does not fit the field."""
        raise NotImplementedError

    def put(self, raw: bytearray, value: Any) -> None:
        """Write the value into a zeroed instruction."""
        raise NotImplementedError

    def get(self, raw: bytes) -> Any:
        """Read the value; raises ValueError where no value has this encoding."""
        raise NotImplementedError

    def show(self, value: Any) -> str:
        """The value as assembly text."""
        raise NotImplementedError

    def parse(self, text: str) -> Any:
        """The value of a text that matches `pattern`."""
        raise NotImplementedError

    def reads(self, value: Any) -> tuple[int, ...]:
        """Registers that executing the field reads."""
        del value
        return ()

    def writes(self, value: Any) -> tuple[int, ...]:
        """Registers that executing the field writes."""
        del value
        return ()

    def where(self) -> str:
        """Place in the word, for the reference."""
        raise NotImplementedError


def _check_integer(value: object, low: int, high: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise ValueError(f"{value!r} is not an integer from {low} to {high}")


class Choice(Kind):
    """A function name in the byte behind the opcode; part of the mnemonic in text."""

    def __init__(self, names: Iterable[str]) -> None:
        self.names = tuple(names)
        self.usage = "|".join(self.names)
        self.pattern = self.usage

    def check(self, value: Any) -> None:
        if value not in self.names:
            raise ValueError(f"unknown function {value!r}; known are {', '.join(self.names)}")

    def put(self, raw: bytearray, value: Any) -> None:
        raw[1] = self.names.index(value)

    def get(self, raw: bytes) -> str:
        if raw[1] >= len(self.names):
            raise ValueError(f"unknown function number {raw[1]}")
        return self.names[raw[1]]

    def show(self, value: Any) -> str:
        return value

    def parse(self, text: str) -> str:
        return text

    def where(self) -> str:
        return "byte 1"


class Integer(Kind):
    """A signed integer of `size` bytes, not below `low`; `target` marks a pc."""

    usage = "N"
    pattern = r"[+-]?\d+"

    def __init__(self, at: int, size: int, low: int | None = None, target: bool = False) -> None:
        self.at = at
        self.size = size
        self.low = -(1 << (8 * size - 1)) if low is None else low
        self.high = (1 << (8 * size - 1)) - 1
        self.target = target
        if target:
            self.usage = "label"
            self.pattern = r"[A-Za-z_]\w*"

    def check(self, value: Any) -> None:
        _check_integer(value, self.low, self.high)

    def put(self, raw: bytearray, value: Any) -> None:
        raw[self.at : self.at + self.size] = value.to_bytes(self.size, "little", signed=True)

    def get(self, raw: bytes) -> int:
        return int.from_bytes(raw[self.at : self.at + self.size], "little", signed=True)

    def show(self, value: Any) -> str:
        return f"L{value}" if self.target else str(value)

    def parse(self, text: str) -> int:
        return int(text)

    def where(self) -> str:
        return f"bytes {self.at} to {self.at + self.size - 1}"


class Bits(Kind):
    """`width` bits of a data instruction's immediate; one bit is a bool."""

    usage = "N"
    pattern = r"\d+"

    def __init__(self, shift: int, width: int) -> None:
        self.shift = shift
        self.width = width

    def check(self, value: Any) -> None:
        if self.width == 1 and isinstance(value, bool):
            return
        if self.width == 1:
            raise ValueError(f"{value!r} is not a bool")
        _check_integer(value, 0, (1 << self.width) - 1)

    def put(self, raw: bytearray, value: Any) -> None:
        imm = int.from_bytes(raw[DATA_IMM_AT:], "little") | int(value) << self.shift
        raw[DATA_IMM_AT:] = imm.to_bytes(4, "little")

    def get(self, raw: bytes) -> int | bool:
        imm = int.from_bytes(raw[DATA_IMM_AT:], "little") >> self.shift
        value = imm & ((1 << self.width) - 1)
        return bool(value) if self.width == 1 else value

    def show(self, value: Any) -> str:
        return str(int(value))

    def parse(self, text: str) -> int | bool:
        value = int(text)
        if self.width == 1 and value > 1:
            raise ValueError(f"{text} is not 0 or 1")
        return bool(value) if self.width == 1 else value

    def where(self) -> str:
        last = self.shift + self.width - 1
        return f"immediate bit {last}" if self.width == 1 else f"immediate bits {self.shift}-{last}"
