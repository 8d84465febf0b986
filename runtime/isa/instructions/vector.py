"""Element-wise instructions of the vector engine. All operands lie in the LMU."""

from functools import partial
from operator import itemgetter
from typing import Annotated, Any

import numpy as np

from runtime.device.machine import WRAP, Machine
from runtime.device.regions import Array
from runtime.isa import fields, kinds
from runtime.isa.binding import Run, applying
from runtime.isa.instructions.memory import assign
from runtime.isa.spec import DataInst, Extents, Four, Maker, Mem0, Mem1, Mem2, Mem3, Unit
from runtime.numerics.elements import (
    FUNCTIONS1,
    FUNCTIONS2,
    ElementType,
    binary_into,
    convert,
    result_fits,
    unary_into,
)

Fn1 = Annotated[str, kinds.Choice(FUNCTIONS1)]
Fn2 = Annotated[str, kinds.Choice(FUNCTIONS2)]
Scalar1 = Annotated[int, fields.Register(fields.OPERANDS_AT + fields.OPERAND_BYTES)]
Steps1 = Annotated[Four, fields.Registers(fields.OPERANDS_AT + fields.OPERAND_BYTES + 1)]


class Map1(DataInst, opcode=0x30, unit=Unit.VXE):
    """Apply a function to every element: `dst[i] = fn(a[i])`.

    f16 and bf16 are computed in f32 and rounded once; `isnan` gives bool. In f32, step by step:
    `gelu` is `x/2 (1 + erf(x / sqrt(2)))`, `gelu_tanh` is
    `x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))`, `silu` is `x / (1 + exp(-x))`.
    """

    ELEMENTWISE = True

    fn: Fn1
    extents: Extents
    dst: Mem0
    a: Mem1

    def check(self) -> None:
        fits = result_fits(FUNCTIONS1[self.fn], self.dst.type, self.a.type)
        self.require(fits, f"{self.fn} of {self.a.type.value} does not give {self.dst.type.value}")

    def maker(self, machine: Machine) -> Maker:
        del machine
        kernel = unary_into(self.fn, self.dst.type, self.a.type)

        def make(out: Array, a: Array) -> Run:
            return partial(kernel, a, out)

        return make


class Map2(DataInst, opcode=0x31, unit=Unit.VXE):
    """Apply a function to pairs of elements: `dst[i] = fn(a[i], b[i])`.

    Float operands may differ in width and are computed in f32; integers must be equal. Integer
    `div` truncates towards zero, a zero divisor traps, `mod` takes the sign of the divisor and
    `fmod` that of the dividend. `shr` moves bits down, zeros entering at the top, by b modulo the
    width of the type. `max` and `min` propagate NaN. Comparisons give bool.
    """

    ELEMENTWISE = True

    fn: Fn2
    extents: Extents
    dst: Mem0
    a: Mem1
    b: Mem2

    def check(self) -> None:
        fits = result_fits(FUNCTIONS2[self.fn], self.dst.type, self.a.type, self.b.type)
        types = f"{self.a.type.value} and {self.b.type.value}"
        self.require(fits, f"{self.fn} of {types} does not give {self.dst.type.value}")

    def maker(self, machine: Machine) -> Maker:
        del machine
        kernel = binary_into(self.fn, self.dst.type, self.a.type, self.b.type)

        def make(out: Array, a: Array, b: Array) -> Run:
            if kernel in (np.maximum, np.minimum):
                return partial(kernel, a, b, out=out)
            return partial(kernel, a, b, out)

        return make


class Select(DataInst, opcode=0x32, unit=Unit.VXE):
    """Choose by a condition: `dst[i] = a[i] if cond[i] else b[i]`. cond is bool."""

    ELEMENTWISE = True

    extents: Extents
    dst: Mem0
    cond: Mem1
    a: Mem2
    b: Mem3

    def check(self) -> None:
        self.require(self.cond.type is ElementType.BOOL, "cond is not bool")
        same = self.dst.type is self.a.type is self.b.type
        self.require(same, "element types of dst, a and b differ")

    def maker(self, machine: Machine) -> Maker:
        del machine
        return applying(_select)


class Cast(DataInst, opcode=0x33, unit=Unit.VXE):
    """Convert elements: `dst[i] = a[i]` in the type of dst.

    Float to integer truncates towards zero; NaN and what i64 cannot hold become the i64 minimum,
    of which narrower types keep the low bits. To bool is `!= 0`. Integers wrap; floats round half
    to even and overflow to infinity.
    """

    ELEMENTWISE = True

    extents: Extents
    dst: Mem0
    a: Mem1

    def maker(self, machine: Machine) -> Maker:
        del machine
        element = self.dst.type
        if element is ElementType.BOOL or (self.a.type.is_float and not element.is_float):
            return applying(_convert, element)
        return assign


class Copy(DataInst, opcode=0x34, unit=Unit.VXE):
    """Copy elements within the LMU: `dst[i] = a[i]`, right for overlapping operands too."""

    ELEMENTWISE = True

    extents: Extents
    dst: Mem0
    a: Mem1

    def check(self) -> None:
        self.require(self.dst.type is self.a.type, "element types differ")

    def maker(self, machine: Machine) -> Maker:
        del machine
        return assign


class Fill(DataInst, opcode=0x35, unit=Unit.VXE):
    """Write one value everywhere: the low bits of `R[value]`, taken as an element of dst's type.

    For bool the value is `R[value] != 0`.
    """

    ELEMENTWISE = True

    extents: Extents
    dst: Mem0
    value: Scalar1

    def maker(self, machine: Machine) -> Maker:
        registers, register, element = machine.registers, self.value, self.dst.type

        def make(out: Array) -> Run:
            bits = int(registers[register]) % WRAP
            if element is ElementType.BOOL:
                bits = int(bits != 0)
            raw = bits.to_bytes(8, "little")[: element.itemsize]
            return assign(out, np.frombuffer(raw, element.dtype))

        return make


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

    def maker(self, machine: Machine) -> Maker:
        registers, start, element = machine.registers, self.start, self.dst.type
        steps_of = itemgetter(*self.steps)

        def make(out: Array) -> Run:
            values: Any = np.int64(registers[start])
            for axis, step in enumerate(steps_of(registers)):
                if out.shape[axis] > 1 and step:
                    shape = [-1 if k == axis else 1 for k in range(4)]
                    count = np.arange(out.shape[axis], dtype=np.int64).reshape(shape)
                    values = values + count * np.int64(step)
            return assign(out, values.astype(element.dtype))

        return make


def _select(out: Array, cond: Array, a: Array, b: Array) -> None:
    out[...] = np.where(cond, a, b)


def _convert(element: ElementType, out: Array, a: Array) -> None:
    out[...] = convert(a, element)
