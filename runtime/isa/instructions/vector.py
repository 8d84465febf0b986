"""Element-wise instructions of the vector engine. All operands lie in the LMU."""

from typing import Annotated

import numpy as np

from runtime.isa import fields, kinds
from runtime.isa.spec import Extents, Four, Mem0, Mem1, Mem2, Mem3, Unit, VectorInst
from runtime.isa.state import WRAP, Array, State
from runtime.numerics.elements import (
    FUNCTIONS1,
    FUNCTIONS2,
    ElementType,
    Function,
    convert,
    result_fits,
    truth,
)

Fn1 = Annotated[str, kinds.Choice(FUNCTIONS1)]
Fn2 = Annotated[str, kinds.Choice(FUNCTIONS2)]
Scalar1 = Annotated[int, fields.Register(fields.OPERANDS_AT + fields.OPERAND_BYTES)]
Steps1 = Annotated[Four, fields.Registers(fields.OPERANDS_AT + fields.OPERAND_BYTES + 1)]


def _require_fits(
    inst: VectorInst, fn: str, function: Function, dst: ElementType, *sources: ElementType
) -> None:
    if not result_fits(function, dst, *sources):
        types = " and ".join(source.value for source in sources)
        inst.require(False, f"{fn} of {types} does not give {dst.value}")


class Map1(VectorInst, opcode=0x30, unit=Unit.VXE):
    """Apply a function to every element: `dst[i] = fn(a[i])`.

    f16 and bf16 are computed in f32 and rounded once; `isnan` gives bool. In f32, step by step:
    `gelu` is `x/2 (1 + erf(x / sqrt(2)))`, `gelu_tanh` is
    `x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))`, `silu` is `x / (1 + exp(-x))`.
    """

    fn: Fn1
    extents: Extents
    dst: Mem0
    a: Mem1

    def check(self) -> None:
        _require_fits(self, self.fn, FUNCTIONS1[self.fn], self.dst.type, self.a.type)

    def execute(self, state: State) -> None:
        extents = state.four(self.extents)
        dst = state.result(self.dst, extents)
        a = state.source(self.a, extents).read()
        dst.write(_applied(FUNCTIONS1[self.fn], self.dst.type, a))


class Map2(VectorInst, opcode=0x31, unit=Unit.VXE):
    """Apply a function to pairs of elements: `dst[i] = fn(a[i], b[i])`.

    Float operands may differ in width and are computed in f32; integers must be equal. Integer
    `div` truncates towards zero, a zero divisor traps, `mod` takes the sign of the divisor and
    `fmod` that of the dividend. `shr` moves bits down, zeros entering at the top, by b modulo the
    width of the type. `max` and `min` propagate NaN. Comparisons give bool.
    """

    fn: Fn2
    extents: Extents
    dst: Mem0
    a: Mem1
    b: Mem2

    def check(self) -> None:
        types = self.a.type, self.b.type
        _require_fits(self, self.fn, FUNCTIONS2[self.fn], self.dst.type, *types)

    def execute(self, state: State) -> None:
        extents = state.four(self.extents)
        dst = state.result(self.dst, extents)
        places = (state.source(self.a, extents), state.source(self.b, extents))
        a, b = (place.read() for place in places)
        dst.write(_applied(FUNCTIONS2[self.fn], self.dst.type, a, b))


class Select(VectorInst, opcode=0x32, unit=Unit.VXE):
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

    def execute(self, state: State) -> None:
        extents = state.four(self.extents)
        dst = state.result(self.dst, extents)
        places = [state.source(o, extents) for o in (self.cond, self.a, self.b)]
        cond, a, b = (place.read() for place in places)
        dst.write(np.where(cond, a, b))


class Cast(VectorInst, opcode=0x33, unit=Unit.VXE):
    """Convert elements: `dst[i] = a[i]` in the type of dst.

    Float to integer truncates towards zero; NaN and what i64 cannot hold become the i64 minimum,
    of which narrower types keep the low bits. To bool is `!= 0`. Integers wrap; floats round half
    to even and overflow to infinity.
    """

    extents: Extents
    dst: Mem0
    a: Mem1

    def execute(self, state: State) -> None:
        extents = state.four(self.extents)
        dst = state.result(self.dst, extents)
        dst.write(convert(state.source(self.a, extents).read(), self.dst.type))


class Copy(VectorInst, opcode=0x34, unit=Unit.VXE):
    """Copy elements within the LMU: `dst[i] = a[i]`, right for overlapping operands too."""

    extents: Extents
    dst: Mem0
    a: Mem1

    def check(self) -> None:
        self.require(self.dst.type is self.a.type, "element types differ")

    def execute(self, state: State) -> None:
        extents = state.four(self.extents)
        dst = state.result(self.dst, extents)
        dst.write(state.source(self.a, extents).read())


class Fill(VectorInst, opcode=0x35, unit=Unit.VXE):
    """Write one value everywhere: the low bits of `R[value]`, taken as an element of dst's type.

    For bool the value is `R[value] != 0`.
    """

    extents: Extents
    dst: Mem0
    value: Scalar1

    def execute(self, state: State) -> None:
        extents = state.four(self.extents)
        dst, element = state.result(self.dst, extents), self.dst.type
        bits = state.get(self.value) % WRAP
        if element is ElementType.BOOL:
            bits = int(bits != 0)
        raw = bits.to_bytes(8, "little")[: element.itemsize]
        dst.write(np.full(extents, np.frombuffer(raw, element.dtype)[0]))


class Iota(VectorInst, opcode=0x36, unit=Unit.VXE):
    """Write an affine function of the position: `dst[i] = R[start] + sum of i_k * R[steps_k]`.

    dst is i64 or i32; values wrap.
    """

    extents: Extents
    dst: Mem0
    start: Scalar1
    steps: Steps1

    def check(self) -> None:
        self.require(self.dst.type in (ElementType.I64, ElementType.I32), "dst is not i64 or i32")

    def execute(self, state: State) -> None:
        extents = state.four(self.extents)
        dst = state.result(self.dst, extents)
        found = np.full(extents, state.get(self.start), np.int64)
        for axis, step in zip(np.indices(extents), state.four(self.steps), strict=True):
            found += axis * np.int64(step)
        dst.write(found.astype(self.dst.type.dtype))


def _applied(function: Function, dst: ElementType, *operands: Array) -> Array:
    """A scalar function of elements, floats in f32, rounded once to the type of the result."""
    if operands[0].dtype == np.bool_:
        operands = tuple(truth(o) for o in operands)
    if np.issubdtype(operands[0].dtype, np.integer) or operands[0].dtype == np.bool_:
        f, wide = function.on_int, operands[0].dtype
    else:
        f, wide = function.on_float, np.dtype(np.float32)
    assert f is not None, "checked with the instruction"
    found: Array = f(*(o.astype(wide) for o in operands))
    return found.astype(dst.dtype)
