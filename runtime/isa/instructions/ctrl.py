"""Instructions of the control processor: scalar arithmetic, branches, loops, LMU scalars.

Registers hold 64-bit signed integers; results wrap. r0 reads 0. A register that was never written
cannot be read.
"""

from collections.abc import Sequence
from typing import Annotated

import numpy as np

from runtime.isa import fields, kinds
from runtime.isa.accesses import Access
from runtime.isa.spec import CtrlInst, Unit
from runtime.isa.state import State

WritesD = Annotated[int, fields.Register(1, reads=False, writes=True)]
UpdatesD = Annotated[int, fields.Register(1, reads=True, writes=True)]
ReadsA = Annotated[int, fields.Register(2)]
ReadsB = Annotated[int, fields.Register(3)]
Imm32 = Annotated[int, kinds.Integer(kinds.CTRL_IMM32_AT, 4)]
Positive32 = Annotated[int, kinds.Integer(kinds.CTRL_IMM32_AT, 4, low=1)]
Imm64 = Annotated[int, kinds.Integer(kinds.CTRL_IMM64_AT, 8)]
Address = Annotated[int, kinds.Integer(kinds.CTRL_IMM64_AT, 8, low=0)]
TargetPc = Annotated[int, kinds.Integer(kinds.CTRL_IMM64_AT, 8, low=0, target=True)]

ONE = (1, 1, 1, 1)
FLAT = (0, 0, 0, 0)


class Halt(CtrlInst, opcode=0x01, unit=Unit.ICP):
    """Stop the machine; the program is complete."""

    def execute(self, state: State) -> None:
        state.halt()


class Li(CtrlInst, opcode=0x02, unit=Unit.ICP):
    """Load an immediate: `R[rd] = value`."""

    rd: WritesD
    value: Imm64

    def execute(self, state: State) -> None:
        state.set(self.rd, self.value)


class Mov(CtrlInst, opcode=0x03, unit=Unit.ICP):
    """Copy a register: `R[rd] = R[ra]`."""

    rd: WritesD
    ra: ReadsA

    def execute(self, state: State) -> None:
        state.set(self.rd, state.get(self.ra))


class Add(CtrlInst, opcode=0x04, unit=Unit.ICP):
    """Sum: `R[rd] = R[ra] + R[rb]`."""

    rd: WritesD
    ra: ReadsA
    rb: ReadsB

    def execute(self, state: State) -> None:
        state.set(self.rd, state.get(self.ra) + state.get(self.rb))


class Sub(CtrlInst, opcode=0x05, unit=Unit.ICP):
    """Difference: `R[rd] = R[ra] - R[rb]`."""

    rd: WritesD
    ra: ReadsA
    rb: ReadsB

    def execute(self, state: State) -> None:
        state.set(self.rd, state.get(self.ra) - state.get(self.rb))


class Mul(CtrlInst, opcode=0x06, unit=Unit.ICP):
    """Product: `R[rd] = R[ra] * R[rb]`."""

    rd: WritesD
    ra: ReadsA
    rb: ReadsB

    def execute(self, state: State) -> None:
        state.set(self.rd, state.get(self.ra) * state.get(self.rb))


class Min(CtrlInst, opcode=0x07, unit=Unit.ICP):
    """Minimum: `R[rd] = min(R[ra], R[rb])`."""

    rd: WritesD
    ra: ReadsA
    rb: ReadsB

    def execute(self, state: State) -> None:
        state.set(self.rd, min(state.get(self.ra), state.get(self.rb)))


class Max(CtrlInst, opcode=0x08, unit=Unit.ICP):
    """Maximum: `R[rd] = max(R[ra], R[rb])`."""

    rd: WritesD
    ra: ReadsA
    rb: ReadsB

    def execute(self, state: State) -> None:
        state.set(self.rd, max(state.get(self.ra), state.get(self.rb)))


class Addi(CtrlInst, opcode=0x09, unit=Unit.ICP):
    """Sum with an immediate: `R[rd] = R[ra] + imm`."""

    rd: WritesD
    ra: ReadsA
    imm: Imm32

    def execute(self, state: State) -> None:
        state.set(self.rd, state.get(self.ra) + self.imm)


class Muli(CtrlInst, opcode=0x0A, unit=Unit.ICP):
    """Product with an immediate: `R[rd] = R[ra] * imm`."""

    rd: WritesD
    ra: ReadsA
    imm: Imm32

    def execute(self, state: State) -> None:
        state.set(self.rd, state.get(self.ra) * self.imm)


class Divi(CtrlInst, opcode=0x0B, unit=Unit.ICP):
    """Quotient rounded down: `R[rd] = floor(R[ra] / imm)` for a positive immediate."""

    rd: WritesD
    ra: ReadsA
    imm: Positive32

    def execute(self, state: State) -> None:
        state.set(self.rd, state.get(self.ra) // self.imm)


class Loop(CtrlInst, opcode=0x0C, unit=Unit.ICP):
    """End of a loop: `R[rd] += step; if R[rd] < R[rb] goto target`."""

    rd: UpdatesD
    rb: ReadsB
    step: Imm32
    target: TargetPc

    def execute(self, state: State) -> None:
        state.set(self.rd, state.get(self.rd) + self.step)
        if state.get(self.rd) < state.get(self.rb):
            state.pc = self.target


class Bge(CtrlInst, opcode=0x0D, unit=Unit.ICP):
    """Branch: `if R[ra] >= R[rb] goto target`."""

    ra: ReadsA
    rb: ReadsB
    target: TargetPc

    def execute(self, state: State) -> None:
        if state.get(self.ra) >= state.get(self.rb):
            state.pc = self.target


class Jump(CtrlInst, opcode=0x0E, unit=Unit.ICP):
    """Continue at `target`."""

    target: TargetPc

    def execute(self, state: State) -> None:
        state.pc = self.target


class Lds(CtrlInst, opcode=0x0F, unit=Unit.ICP):
    """Load a scalar: `R[rd] =` the i64 at an LMU byte address."""

    rd: WritesD
    address: Address

    def execute(self, state: State) -> None:
        state.set(self.rd, state.scalar(self.address).read().item())

    def accesses(self, registers: Sequence[int]) -> tuple[Access, ...]:
        del registers
        return (Access(False, True, False, 8, self.address, ONE, FLAT),)


class Sts(CtrlInst, opcode=0x10, unit=Unit.ICP):
    """Store a scalar: the i64 at an LMU byte address becomes `R[ra]`."""

    ra: ReadsA
    address: Address

    def execute(self, state: State) -> None:
        state.scalar(self.address).write(np.array(state.get(self.ra), np.int64))

    def accesses(self, registers: Sequence[int]) -> tuple[Access, ...]:
        del registers
        return (Access(False, False, True, 8, self.address, ONE, FLAT),)


class Out(CtrlInst, opcode=0x11, unit=Unit.ICP):
    """Hand `R[ra]` to the host, which streams it: one token of a generated text."""

    ra: ReadsA

    def execute(self, state: State) -> None:
        state.out(state.get(self.ra))
