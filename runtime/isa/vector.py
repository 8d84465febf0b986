"""Element-wise instructions of the vector engine. All operands lie in the LMU."""

from typing import Annotated

import numpy as np

from runtime.isa import fields, kinds
from runtime.isa.spec import DataInst, Extents, Four, Mem0, Mem1, Mem2, Mem3, Plan, Unit, four
from runtime.machine import WRAP, Machine
from runtime.numerics import (
    FUNCTIONS1,
    FUNCTIONS2,
    ElementType,
    binary,
    convert,
    result_fits,
    unary,
)

Fn1 = Annotated[str, kinds.Choice(FUNCTIONS1)]
Fn2 = Annotated[str, kinds.Choice(FUNCTIONS2)]
Scalar1 = Annotated[int, fields.Register(fields.OPERANDS_AT + fields.OPERAND_BYTES)]
Steps1 = Annotated[Four, fields.Registers(fields.OPERANDS_AT + fields.OPERAND_BYTES + 1)]


class Map1(DataInst, opcode=0x30, unit=Unit.VXE):
    """Apply a function to every element: `dst[i] = fn(a[i])`.

    f16 and bf16 are computed in f32 and rounded once; `isnan` gives bool.
    """

    fn: Fn1
    extents: Extents
    dst: Mem0
    a: Mem1

    def check(self) -> None:
        fits = result_fits(FUNCTIONS1[self.fn], self.dst.type, self.a.type)
        self.require(fits, f"{self.fn} of {self.a.type.value} does not give {self.dst.type.value}")

    def prepare(self, machine: Machine) -> Plan:
        a, dst = self.view(machine, self.a), self.view(machine, self.dst)
        kernel = unary(self.fn, self.dst.type, self.a.type)
        x, out = a.array, dst.array

        def run() -> None:
            kernel(out, x)

        return Plan(run, [a], [dst])


class Map2(DataInst, opcode=0x31, unit=Unit.VXE):
    """Apply a function to pairs of elements: `dst[i] = fn(a[i], b[i])`.

    Float operands may differ in width and are computed in f32; integers must be equal. Integer
    `div` truncates towards zero, a zero divisor traps, `mod` takes the sign of the divisor and
    `fmod` that of the dividend. `max` and `min` propagate NaN. Comparisons give bool.
    """

    fn: Fn2
    extents: Extents
    dst: Mem0
    a: Mem1
    b: Mem2

    def check(self) -> None:
        fits = result_fits(FUNCTIONS2[self.fn], self.dst.type, self.a.type, self.b.type)
        types = f"{self.a.type.value} and {self.b.type.value}"
        self.require(fits, f"{self.fn} of {types} does not give {self.dst.type.value}")

    def prepare(self, machine: Machine) -> Plan:
        a, b = self.view(machine, self.a), self.view(machine, self.b)
        dst = self.view(machine, self.dst)
        kernel = binary(self.fn, self.dst.type, self.a.type, self.b.type)
        x, y, out = a.array, b.array, dst.array

        def run() -> None:
            kernel(out, x, y)

        return Plan(run, [a, b], [dst])


class Select(DataInst, opcode=0x32, unit=Unit.VXE):
    """Choose by a condition: `dst[i] = a[i] if cond[i] else b[i]`. cond is bool."""

    extents: Extents
    dst: Mem0
    cond: Mem1
    a: Mem2
    b: Mem3

    def check(self) -> None:
        self.require(self.cond.type is ElementType.BOOL, "cond is not bool")
        same = self.dst.type is self.a.type is self.b.type
        self.require(same, "element types of dst, a and b differ")

    def prepare(self, machine: Machine) -> Plan:
        cond, a, b = (self.view(machine, o) for o in (self.cond, self.a, self.b))
        dst = self.view(machine, self.dst)
        c, x, y, out = cond.array, a.array, b.array, dst.array

        def run() -> None:
            out[...] = np.where(c, x, y)

        return Plan(run, [cond, a, b], [dst])


class Cast(DataInst, opcode=0x33, unit=Unit.VXE):
    """Convert elements: `dst[i] = a[i]` in the type of dst.

    Float to integer truncates towards zero; NaN and what i64 cannot hold become the i64 minimum,
    of which narrower types keep the low bits. To bool is `!= 0`. Integers wrap; floats round half
    to even and overflow to infinity.
    """

    extents: Extents
    dst: Mem0
    a: Mem1

    def prepare(self, machine: Machine) -> Plan:
        a, dst = self.view(machine, self.a), self.view(machine, self.dst)
        x, out, element = a.array, dst.array, self.dst.type

        def run() -> None:
            out[...] = convert(x, element)

        return Plan(run, [a], [dst])


class Copy(DataInst, opcode=0x34, unit=Unit.VXE):
    """Copy elements within the LMU: `dst[i] = a[i]`, right for overlapping operands too."""

    extents: Extents
    dst: Mem0
    a: Mem1

    def check(self) -> None:
        self.require(self.dst.type is self.a.type, "element types differ")

    def prepare(self, machine: Machine) -> Plan:
        a, dst = self.view(machine, self.a), self.view(machine, self.dst)
        x, out = a.array, dst.array

        def run() -> None:
            out[...] = x

        return Plan(run, [a], [dst])


class Fill(DataInst, opcode=0x35, unit=Unit.VXE):
    """Write one value everywhere: the low bits of `R[value]`, taken as an element of dst's type.

    For bool the value is `R[value] != 0`.
    """

    extents: Extents
    dst: Mem0
    value: Scalar1

    def prepare(self, machine: Machine) -> Plan:
        dst = self.view(machine, self.dst)
        bits = int(machine.registers[self.value]) % WRAP
        if self.dst.type is ElementType.BOOL:
            bits = int(bits != 0)
        raw = bits.to_bytes(8, "little")[: self.dst.type.itemsize]
        element, out = np.frombuffer(raw, self.dst.type.dtype)[0], dst.array

        def run() -> None:
            out[...] = element

        return Plan(run, [], [dst])


class Iota(DataInst, opcode=0x36, unit=Unit.VXE):
    """Write an affine function of the position: `dst[i] = R[start] + sum of i_k * R[steps_k]`.

    dst is i64 or i32; values wrap.
    """

    extents: Extents
    dst: Mem0
    start: Scalar1
    steps: Steps1

    def check(self) -> None:
        self.require(self.dst.type in (ElementType.I64, ElementType.I32), "dst is not i64 or i32")

    def prepare(self, machine: Machine) -> Plan:
        dst = self.view(machine, self.dst)
        values = np.full(dst.array.shape, machine.registers[self.start], np.int64)
        for axis, step in enumerate(four(machine, self.steps)):
            shape = [-1 if k == axis else 1 for k in range(4)]
            values += np.arange(dst.array.shape[axis], dtype=np.int64).reshape(shape) * step
        result, out = values.astype(self.dst.type.dtype), dst.array

        def run() -> None:
            out[...] = result

        return Plan(run, [], [dst])
