"""Instructions of the vector engine that combine elements along axes. Operands lie in the LMU."""

from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np

from runtime.isa import fields, kinds
from runtime.isa.accesses import Access
from runtime.isa.spec import Bit, DataInst, Extents, Four, Mem0, Mem1, Mem2, Plan, Unit, values
from runtime.machine import Machine
from runtime.numerics import ElementType
from runtime.regions import Array
from runtime.target import Target
from runtime.traps import Trap, TrapKind

_UFUNCS: dict[str, Any] = {
    "sum": np.add, "max": np.maximum, "min": np.minimum, "mul": np.multiply,
}  # fmt: skip
_AT = fields.OPERANDS_AT + 3 * fields.OPERAND_BYTES
ReduceFn = Annotated[str, kinds.Choice(_UFUNCS)]
Axes = Annotated[int, kinds.Bits(0, 4)]
Onto = Annotated[bool, kinds.Bits(4, 1)]
Count = Annotated[int, fields.Register(_AT)]
Largest = Annotated[int, fields.Register(_AT + 1)]


def accumulator(element: ElementType) -> np.dtype[Any]:
    """Type in which sums of an element type are kept: f32 for floats, i64 for integers."""
    if element.is_float:
        return np.dtype(np.float32)
    return element.dtype if element is ElementType.BOOL else np.dtype(np.int64)


def identity(fn: str, element: ElementType) -> int | float | bool:
    """Result over no elements: 0, 1, or the least or greatest value of the type."""
    if fn in ("sum", "mul"):
        return int(fn == "mul")
    sign = -1 if fn == "max" else 1
    if element.is_float:
        return sign * float("inf")
    if element is ElementType.BOOL:
        return fn == "min"
    limits = np.iinfo(element.dtype)
    return int(limits.min if fn == "max" else limits.max)


def _compatible(dst: ElementType, a: ElementType) -> bool:
    return dst is a or (dst.is_float and a.is_float) or (dst.is_int and a.is_int)


class _TreeInst(DataInst):
    """A pass whose lanes are combined by a tree of adders or comparators at its end."""

    def latency(self, target: Target) -> int:
        levels = (target.vxe_lanes - 1).bit_length()
        return max(1, levels) * target.vector_latency


class Reduce(_TreeInst, opcode=0x38, unit=Unit.VXE):
    """Combine along the axes of a bit mask (bit k = axis k): `dst = fn over axes of a`.

    Extents are those of a; dst has extent 1 on reduced axes and its strides there are ignored.
    `accumulate` combines with the content of dst. Floats are combined in f32, integers in i64, and
    converted once to the type of dst. An empty axis gives the identity: 0, 1, -inf or the integer
    minimum for max, inf or the integer maximum for min. max and min propagate NaN.
    """

    fn: ReduceFn
    extents: Extents
    dst: Mem0
    a: Mem1
    axes: Axes
    accumulate: Onto = False

    def check(self) -> None:
        self.require(self.axes != 0, "no axis is reduced")
        self.require(_compatible(self.dst.type, self.a.type), "dst cannot hold the result")
        is_bool = self.a.type is ElementType.BOOL
        self.require(not is_bool or self.fn in ("max", "min"), f"{self.fn} of bool")

    def prepare(self, machine: Machine) -> Plan:
        extents = self.extent_values(machine)
        axes = tuple(k for k in range(4) if self.axes >> k & 1)
        a, b, c, d = (1 if k in axes else e for k, e in enumerate(extents))
        source, dst = self.view(machine, self.a), self.view(machine, self.dst, (a, b, c, d))
        x, out, ufunc = source.array, dst.array, _UFUNCS[self.fn]
        kind, start = accumulator(self.a.type), identity(self.fn, self.a.type)

        def run() -> None:
            wide = x.astype(kind, copy=False)
            out[...] = ufunc.reduce(wide, axis=axes, dtype=kind, keepdims=True, initial=start)

        def run_onto() -> None:
            wide = x.astype(kind, copy=False)
            total = ufunc.reduce(wide, axis=axes, dtype=kind, keepdims=True, initial=start)
            out[...] = ufunc(out.astype(kind, copy=False), total)

        if self.accumulate:
            return Plan(run_onto, [source, dst], [dst])
        return Plan(run, [source], [dst])

    def accesses(self, registers: Sequence[int]) -> tuple[Access, ...]:
        extents = values(registers, self.extents)
        a, b, c, d = (1 if self.axes >> k & 1 else e for k, e in enumerate(extents))
        source = self.access(registers, "a")
        shape: Four = (a, b, c, d)
        dst = self.access(registers, "dst", shape, writes=True, reads=self.accumulate)
        return (source, dst)


class Scan(_TreeInst, opcode=0x39, unit=Unit.VXE):
    """Running sum along axis 3 from a carry: `dst[..., n] = carry + sum of a[..., 0 to n]`.

    `exclusive` leaves out a[..., n]. The carry is read as the initial value and becomes the total;
    its stride of axis 3 is ignored. Floats are summed in f32, integers in i64.
    """

    extents: Extents
    dst: Mem0
    a: Mem1
    carry: Mem2
    exclusive: Bit = False

    def check(self) -> None:
        fits = all(_compatible(o.type, self.a.type) for o in (self.dst, self.carry))
        self.require(fits and self.a.type is not ElementType.BOOL, "element types do not fit")

    def prepare(self, machine: Machine) -> Plan:
        e0, e1, e2, _ = self.extent_values(machine)
        source, dst = self.view(machine, self.a), self.view(machine, self.dst)
        carry = self.view(machine, self.carry, (e0, e1, e2, 1))
        kind, exclusive = accumulator(self.a.type), self.exclusive
        x, out, initial = source.array, dst.array, carry.array

        def run() -> None:
            terms = np.concatenate((initial.astype(kind), x.astype(kind)), axis=3)
            sums = np.cumsum(terms, axis=3, dtype=kind)
            out[...] = sums[..., :-1] if exclusive else sums[..., 1:]
            initial[...] = sums[..., -1:]

        return Plan(run, [source, carry], [dst, carry])

    def accesses(self, registers: Sequence[int]) -> tuple[Access, ...]:
        e0, e1, e2, _ = values(registers, self.extents)
        carry = self.access(registers, "carry", (e0, e1, e2, 1), writes=True, reads=True)
        return (self.access(registers, "a"), self.access(registers, "dst", writes=True), carry)


class TopK(_TreeInst, opcode=0x3A, unit=Unit.VXE):
    """The R[k] first elements of a along axis 3 in sorted order, and their indices (i64).

    Descending when `R[largest]` is 1, ascending when it is 0. Ties go to the lower index, and NaN
    counts as greater than every number. Extents are those of a; dst and indices have R[k] along
    axis 3.
    """

    extents: Extents
    dst: Mem0
    indices: Mem1
    a: Mem2
    k: Count
    largest: Largest

    def check(self) -> None:
        self.require(self.dst.type is self.a.type, "element types differ")
        self.require(self.indices.type is ElementType.I64, "indices are not i64")

    def prepare(self, machine: Machine) -> Plan:
        e0, e1, e2, e3 = self.extent_values(machine)
        count, largest = machine.registers[self.k], machine.registers[self.largest]
        if largest not in (0, 1) or not 0 <= count <= e3:
            message = f"k = {count} of {e3} elements, largest = {largest}"
            raise Trap(TrapKind.ILLEGAL, message)
        shape: Four = (e0, e1, e2, count)
        source = self.view(machine, self.a)
        dst, indices = self.view(machine, self.dst, shape), self.view(machine, self.indices, shape)
        x, out, places = source.array, dst.array, indices.array
        kind = self.a.type.compute

        def run() -> None:
            order = _order(x.astype(kind, copy=False), count, bool(largest))
            values = np.take_along_axis(x, order, axis=3)
            out[...] = values
            places[...] = order

        return Plan(run, [source], [dst, indices])

    def accesses(self, registers: Sequence[int]) -> tuple[Access, ...]:
        e0, e1, e2, _ = values(registers, self.extents)
        shape: Four = (e0, e1, e2, registers[self.k])
        dst, indices = (self.access(registers, n, shape, writes=True) for n in ("dst", "indices"))
        return (self.access(registers, "a"), dst, indices)


def _order(x: Array, count: int, largest: bool) -> Array:
    """Indices of the `count` first elements along axis 3."""
    if not largest:
        return np.argsort(x, axis=3, kind="stable")[..., :count]
    if count == 1 and x.size:
        return np.argmax(x, axis=3, keepdims=True)
    backwards = np.argsort(x[..., ::-1], axis=3, kind="stable")[..., ::-1]
    return (x.shape[3] - 1 - backwards)[..., :count]
