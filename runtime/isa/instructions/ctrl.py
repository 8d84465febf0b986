"""Instructions of the control processor: scalar arithmetic, branches, loops, LMU scalars.

Registers hold 64-bit signed integers; results wrap. r0 reads 0. A register that was never written
holds None on the host, so arithmetic on it raises TypeError, which the interpreter reports as a
trap; that keeps the check out of the path of every instruction.
"""

import operator
from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Annotated, Any

from runtime.device.machine import HALF, Halted, Machine, wrap
from runtime.device.regions import View
from runtime.isa import fields, kinds
from runtime.isa.accesses import Access
from runtime.isa.spec import CtrlInst, Step, Unit
from runtime.numerics.elements import ElementType

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


def _binary(
    machine: Machine, ids: tuple[int, int, int], f: Callable[[Any, Any], Any], following: int
) -> Step:
    registers = machine.registers
    rd, ra, rb = ids

    def step() -> int:
        value = f(registers[ra], registers[rb])
        registers[rd] = value if -HALF <= value < HALF else wrap(value)
        return following

    return step


def _immediate(
    machine: Machine, ids: tuple[int, int], imm: int, f: Callable[[Any, Any], Any], following: int
) -> Step:
    registers = machine.registers
    rd, ra = ids

    def step() -> int:
        value = f(registers[ra], imm)
        registers[rd] = value if -HALF <= value < HALF else wrap(value)
        return following

    return step


class Halt(CtrlInst, opcode=0x01, unit=Unit.ICP):
    """Stop the machine; the program is complete."""

    def bind(self, machine: Machine, following: int) -> Step:
        del machine, following

        def step() -> int:
            raise Halted

        return step


class Li(CtrlInst, opcode=0x02, unit=Unit.ICP):
    """Load an immediate: `R[rd] = value`."""

    rd: WritesD
    value: Imm64

    def bind(self, machine: Machine, following: int) -> Step:
        registers, rd, value = machine.registers, self.rd, self.value

        def step() -> int:
            registers[rd] = value
            return following

        return step


class Mov(CtrlInst, opcode=0x03, unit=Unit.ICP):
    """Copy a register: `R[rd] = R[ra]`."""

    rd: WritesD
    ra: ReadsA

    def bind(self, machine: Machine, following: int) -> Step:
        return _immediate(machine, (self.rd, self.ra), 0, operator.add, following)


class Add(CtrlInst, opcode=0x04, unit=Unit.ICP):
    """Sum: `R[rd] = R[ra] + R[rb]`."""

    rd: WritesD
    ra: ReadsA
    rb: ReadsB

    def bind(self, machine: Machine, following: int) -> Step:
        return _binary(machine, (self.rd, self.ra, self.rb), operator.add, following)


class Sub(CtrlInst, opcode=0x05, unit=Unit.ICP):
    """Difference: `R[rd] = R[ra] - R[rb]`."""

    rd: WritesD
    ra: ReadsA
    rb: ReadsB

    def bind(self, machine: Machine, following: int) -> Step:
        return _binary(machine, (self.rd, self.ra, self.rb), operator.sub, following)


class Mul(CtrlInst, opcode=0x06, unit=Unit.ICP):
    """Product: `R[rd] = R[ra] * R[rb]`."""

    rd: WritesD
    ra: ReadsA
    rb: ReadsB

    def bind(self, machine: Machine, following: int) -> Step:
        return _binary(machine, (self.rd, self.ra, self.rb), operator.mul, following)


class Min(CtrlInst, opcode=0x07, unit=Unit.ICP):
    """Minimum: `R[rd] = min(R[ra], R[rb])`."""

    rd: WritesD
    ra: ReadsA
    rb: ReadsB

    def bind(self, machine: Machine, following: int) -> Step:
        return _binary(machine, (self.rd, self.ra, self.rb), min, following)


class Max(CtrlInst, opcode=0x08, unit=Unit.ICP):
    """Maximum: `R[rd] = max(R[ra], R[rb])`."""

    rd: WritesD
    ra: ReadsA
    rb: ReadsB

    def bind(self, machine: Machine, following: int) -> Step:
        return _binary(machine, (self.rd, self.ra, self.rb), max, following)


class Addi(CtrlInst, opcode=0x09, unit=Unit.ICP):
    """Sum with an immediate: `R[rd] = R[ra] + imm`."""

    rd: WritesD
    ra: ReadsA
    imm: Imm32

    def bind(self, machine: Machine, following: int) -> Step:
        return _immediate(machine, (self.rd, self.ra), self.imm, operator.add, following)


class Muli(CtrlInst, opcode=0x0A, unit=Unit.ICP):
    """Product with an immediate: `R[rd] = R[ra] * imm`."""

    rd: WritesD
    ra: ReadsA
    imm: Imm32

    def bind(self, machine: Machine, following: int) -> Step:
        return _immediate(machine, (self.rd, self.ra), self.imm, operator.mul, following)


class Divi(CtrlInst, opcode=0x0B, unit=Unit.ICP):
    """Quotient rounded down: `R[rd] = floor(R[ra] / imm)` for a positive immediate."""

    rd: WritesD
    ra: ReadsA
    imm: Positive32

    def bind(self, machine: Machine, following: int) -> Step:
        return _immediate(machine, (self.rd, self.ra), self.imm, int.__floordiv__, following)


class Loop(CtrlInst, opcode=0x0C, unit=Unit.ICP):
    """End of a loop: `R[rd] += step; if R[rd] < R[rb] goto target`."""

    rd: UpdatesD
    rb: ReadsB
    step: Imm32
    target: TargetPc

    def bind(self, machine: Machine, following: int) -> Step:
        registers, rd, rb, by, target = machine.registers, self.rd, self.rb, self.step, self.target

        def step() -> int:
            value = wrap(registers[rd] + by)
            registers[rd] = value
            return target if value < registers[rb] else following

        return step


class Bge(CtrlInst, opcode=0x0D, unit=Unit.ICP):
    """Branch: `if R[ra] >= R[rb] goto target`."""

    ra: ReadsA
    rb: ReadsB
    target: TargetPc

    def bind(self, machine: Machine, following: int) -> Step:
        registers, ra, rb, target = machine.registers, self.ra, self.rb, self.target

        def step() -> int:
            return target if registers[ra] >= registers[rb] else following

        return step


class Jump(CtrlInst, opcode=0x0E, unit=Unit.ICP):
    """Continue at `target`."""

    target: TargetPc

    def bind(self, machine: Machine, following: int) -> Step:
        del machine, following
        target = self.target

        def step() -> int:
            return target

        return step


def _scalar(machine: Machine, address: int) -> Callable[[], View]:
    """The i64 at an address of the LMU, resolved when it is first used."""
    return cache(partial(machine.lmu_view, address, ONE, FLAT, ElementType.I64))


class Lds(CtrlInst, opcode=0x0F, unit=Unit.ICP):
    """Load a scalar: `R[rd] =` the i64 at an LMU byte address."""

    rd: WritesD
    address: Address

    def bind(self, machine: Machine, following: int) -> Step:
        registers, rd, view = machine.registers, self.rd, _scalar(machine, self.address)

        def step() -> int:
            view().require_initialised()
            registers[rd] = view().array.item()
            return following

        return step

    def accesses(self, registers: Sequence[int]) -> tuple[Access, ...]:
        del registers
        return (Access(False, True, False, 8, self.address, ONE, FLAT),)


class Sts(CtrlInst, opcode=0x10, unit=Unit.ICP):
    """Store a scalar: the i64 at an LMU byte address becomes `R[ra]`."""

    ra: ReadsA
    address: Address

    def bind(self, machine: Machine, following: int) -> Step:
        registers, ra, view = machine.registers, self.ra, _scalar(machine, self.address)

        def step() -> int:
            view().array[...] = registers[ra]
            view().mark()
            return following

        return step

    def accesses(self, registers: Sequence[int]) -> tuple[Access, ...]:
        del registers
        return (Access(False, False, True, 8, self.address, ONE, FLAT),)


class Out(CtrlInst, opcode=0x11, unit=Unit.ICP):
    """Hand `R[ra]` to the host, which streams it: one token of a generated text."""

    ra: ReadsA

    def bind(self, machine: Machine, following: int) -> Step:
        registers, ra = machine.registers, self.ra

        def step() -> int:
            machine.on_token(registers[ra] + 0)
            return following

        return step
