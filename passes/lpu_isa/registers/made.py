"""
Values that are made anew where they are wanted, and never stored.

A constant is loaded by `li`. What follows from the number of a device alone is a multiple of its
symbol and a number added: there is such an address for each part of whatever devices exchange, too
many to store on a small machine.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from dialects.lpu_isa.code import VIRTUAL, Code
from runtime.isa import Add, Addi, Inst, Lds, Li, Muli

IMM32 = 1 << 31
MAKERS = frozenset({Li, Addi, Muli, Add})
"""Instructions that make such a value, in the register of their first field."""


@dataclass(frozen=True, slots=True)
class Constant:
    """A number; `owner` keeps it apart from equal ones."""

    value: int
    owner: int = 0

    def code(self, register: int, slots: Mapping[int, int]) -> list[Code]:
        """What makes it in a register."""
        del slots
        return [Code(Li, (register, self.value))]


@dataclass(frozen=True, slots=True)
class Derived:
    """The symbol in a register, and the instructions that follow, each with a number."""

    symbol: int
    steps: tuple[tuple[type[Inst], int], ...]

    def code(self, register: int, slots: Mapping[int, int]) -> list[Code]:
        """What makes it in a register, from the slot of the symbol if it has one."""
        slot = slots.get(self.symbol)
        code = [] if slot is None else [Code(Lds, (register, slot))]
        source = self.symbol if slot is None else register
        for inst, number in self.steps:
            code.append(Code(inst, (register, source, number)))
            source = register
        return code


Made = Constant | Derived


def made_in(items: Iterable[Code | str], devices: Collection[int]) -> dict[int, Made]:
    """The values among those of virtual registers; `devices` are registers of their symbols."""
    code = [item for item in items if isinstance(item, Code)]
    writes: dict[int, int] = {}
    for item in code:
        for register in item.writes():
            writes[register] = writes.get(register, 0) + 1
    found: dict[int, Made] = {}
    for item in code:
        if item.inst not in MAKERS:
            continue
        register = item.values[0]
        if register < VIRTUAL or writes[register] > 1:
            continue
        value = _constant(item) or (_derived(item, found, devices) if devices else None)
        if value is not None:
            found[register] = value
    return found


def _constant(code: Code) -> Constant | None:
    """What an instruction loads: `li` a number, `addi` of r0 one that shares no register."""
    if code.inst is Li:
        return Constant(code.values[1])
    if code.inst is Addi and code.values[1] == 0:
        return Constant(code.values[2], code.values[0])
    return None


def _derived(code: Code, found: Mapping[int, Made], devices: Collection[int]) -> Derived | None:
    """What an instruction makes of the symbol of a device, or of what was made of one."""
    _, first, other = code.values
    if code.inst is Add:
        if isinstance(found.get(first), Constant):
            first, other = other, first
        number = found.get(other)
        if not isinstance(number, Constant) or not -IMM32 <= number.value < IMM32:
            return None
        step = (Addi, number.value)
    else:
        step = (code.inst, other)
    source = found.get(first)
    if isinstance(source, Derived):
        return Derived(source.symbol, (*source.steps, step))
    return Derived(first, (step,)) if first in devices else None
