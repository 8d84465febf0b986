"""Numbers in the registers, as what a program was meant to do is told (`runtime.isa.meant`)."""

from collections.abc import Callable
from typing import Any

from runtime.isa.instructions.ctrl import Add, Addi, Divi, Li, Max, Min, Mov, Mul, Muli, Sub
from runtime.isa.meant import MASK, mixed
from runtime.isa.spec import Inst

Registers = list[int]


def _li(inst: Li, registers: Registers) -> None:
    registers[inst.rd] = inst.value & MASK


def _mov(inst: Mov, registers: Registers) -> None:
    registers[inst.rd] = registers[inst.ra]


def _add(inst: Add, registers: Registers) -> None:
    registers[inst.rd] = registers[inst.ra] + registers[inst.rb] & MASK


def _sub(inst: Sub, registers: Registers) -> None:
    registers[inst.rd] = registers[inst.ra] - registers[inst.rb] & MASK


def _mul(inst: Mul, registers: Registers) -> None:
    registers[inst.rd] = registers[inst.ra] * registers[inst.rb] & MASK


def _addi(inst: Addi, registers: Registers) -> None:
    registers[inst.rd] = registers[inst.ra] + inst.imm & MASK


def _muli(inst: Muli, registers: Registers) -> None:
    registers[inst.rd] = registers[inst.ra] * inst.imm & MASK


def _either(inst: Min | Max, registers: Registers) -> None:
    registers[inst.rd] = mixed(inst.MNEMONIC, registers[inst.ra], registers[inst.rb])


def _divi(inst: Divi, registers: Registers) -> None:
    registers[inst.rd] = mixed("divi", registers[inst.ra], inst.imm)


TELL: dict[type[Inst], Callable[[Any, Registers], None]] = {
    Li: _li, Mov: _mov, Add: _add, Sub: _sub, Mul: _mul, Addi: _addi, Muli: _muli, Min: _either,
    Max: _either, Divi: _divi,
}  # fmt: skip
"""What each instruction does that writes a register and nothing else."""
