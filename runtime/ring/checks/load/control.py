"""Instructions of the control unit that are no branches, executed on values of all devices.

branch    a token, or what a branch or a loop compares, depends on the device
"""

from collections.abc import Callable
from typing import Any

from runtime.isa.instructions.ctrl import (
    Add,
    Addi,
    Divi,
    Lds,
    Li,
    Max,
    Min,
    Mov,
    Mul,
    Muli,
    Out,
    Sts,
    Sub,
)
from runtime.isa.spec import CtrlInst
from runtime.ring.checks.load.memory.runs import Content, Kind
from runtime.ring.checks.load.memory.tags import Tags
from runtime.ring.checks.load.refusal import Narrator
from runtime.ring.checks.load.state import State
from runtime.ring.checks.load.values import (
    OF_TWO,
    UNKNOWN,
    Value,
    any_number,
    combined,
    is_uniform,
)

Function = Callable[[int, int], int]
Compute = Callable[[Any, list[Value]], None]
"""Executes an instruction that writes a register, and does nothing else."""


class Control:
    """Executes scalar instructions that do something else than compute."""

    def __init__(self, narrator: Narrator, tags: Tags) -> None:
        self.narrator = narrator
        self.tags = tags

    def execute(self, at: int, inst: CtrlInst, state: State) -> None:
        """Execute an instruction."""
        if isinstance(inst, Out):
            self.require_uniform(at, state.registers, inst.ra)
        else:
            assert isinstance(inst, Lds | Sts)
            self._scalar(at, inst, state)

    def require_uniform(self, at: int, registers: list[Value], register: int) -> None:
        """Refuse a register that may differ from device to device."""
        if not is_uniform(registers[register]):
            message = f"r{register} of {self.narrator.name(at)} may depend on the device"
            self.narrator.refuse("branch", message, at)

    def _scalar(self, at: int, inst: Lds | Sts, state: State) -> None:
        registers, low = state.registers, inst.address
        if isinstance(inst, Sts):
            value = registers[inst.ra]
            kind = Kind.SAME if is_uniform(value) else Kind.OWN
            state.lmu.put(low, low + 8, Content(kind, self.tags.known.new(at), value))
            return
        kind, number = self.tags.number(state.lmu, at, low)
        unknown = any_number() if kind >= Kind.SAME else UNKNOWN
        registers[inst.rd] = unknown if number is None else number


def _li(inst: Li, registers: list[Value]) -> None:
    registers[inst.rd] = inst.value


def _mov(inst: Mov, registers: list[Value]) -> None:
    registers[inst.rd] = registers[inst.ra]


def _of_two(function: Function) -> Compute:
    def compute(inst: Add | Sub | Mul | Min | Max, registers: list[Value]) -> None:
        registers[inst.rd] = combined(function, registers[inst.ra], registers[inst.rb])

    return compute


def _immediate(function: Function) -> Compute:
    def compute(inst: Addi | Muli | Divi, registers: list[Value]) -> None:
        registers[inst.rd] = combined(function, registers[inst.ra], inst.imm)

    return compute


COMPUTE: dict[type[object], Compute] = {
    Li: _li,
    Mov: _mov,
    **{cls: _of_two(OF_TWO[cls.MNEMONIC]) for cls in (Add, Sub, Mul, Min, Max)},
    **{cls: _immediate(OF_TWO[cls.MNEMONIC]) for cls in (Addi, Muli, Divi)},
}
"""By what instructions are."""
