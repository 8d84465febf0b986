"""Instructions of the vector engine that combine elements along axes. Operands lie in the LMU."""

from collections.abc import Callable, Sequence
from functools import partial
from operator import itemgetter
from typing import Annotated, Any

import numpy as np

from runtime.device.machine import Machine
from runtime.device.regions import Array
from runtime.isa import fields, kinds
from runtime.isa.binding import Run, applying
from runtime.isa.spec import Bit, DataInst, Extents, Four, Maker, Mem0, Mem1, Mem2, Unit, values
from runtime.numerics.elements import ElementType
from runtime.target import Target
from runtime.traps import Trap, TrapKind

_UFUNCS: dict[str, Any] = {
    "sum": np.add, "max": np.maximum, "min": np.minimum, "mul": np.multiply,
}  # fmt: skip
# A row this many times longer than what is wanted of it is not sorted as a whole.
FEW = 8
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

    def shape_reader(self) -> Callable[[Sequence[int]], tuple[Four, ...]]:
        extents, (p, q, r, s) = itemgetter(*self.extents), (self.axes >> k & 1 for k in range(4))

        def shapes(registers: Sequence[int]) -> tuple[Four, ...]:
            a, b, c, d = shape = extents(registers)
            return ((1 if p else a, 1 if q else b, 1 if r else c, 1 if s else d), shape)

        return shapes

    def direction(self, name: str) -> tuple[bool, bool]:
        return (self.accumulate, True) if name == "dst" else (True, False)

    def maker(self, machine: Machine) -> Maker:
        del machine
        axes = tuple(k for k in range(4) if self.axes >> k & 1)
        kind, ufunc = accumulator(self.a.type), _UFUNCS[self.fn]
        start = identity(self.fn, self.a.type)
        combine = partial(ufunc.reduce, axis=axes, dtype=kind, keepdims=True, initial=start)

        def run(out: Array, x: Array) -> None:
            out[...] = combine(x.astype(kind, copy=False))

        def run_onto(out: Array, x: Array) -> None:
            total = combine(x.astype(kind, copy=False))
            out[...] = ufunc(out.astype(kind, copy=False), total)

        def make(out: Array, x: Array) -> Run:
            return partial(ufunc.reduce, x, axes, kind, out, True, start)

        if self.accumulate:
            return applying(run_onto)
        is_native = self.a.type.dtype == self.dst.type.dtype == kind
        return make if is_native else applying(run)


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

    def shape_reader(self) -> Callable[[Sequence[int]], tuple[Four, ...]]:
        def shapes(registers: Sequence[int]) -> tuple[Four, ...]:
            shape = values(registers, self.extents)
            return (shape, shape, (*shape[:3], 1))

        return shapes

    def direction(self, name: str) -> tuple[bool, bool]:
        return (name != "dst", name != "a")

    def maker(self, machine: Machine) -> Maker:
        del machine
        kind, exclusive = accumulator(self.a.type), self.exclusive

        def run(out: Array, x: Array, initial: Array) -> None:
            terms = np.concatenate((initial.astype(kind), x.astype(kind)), axis=3)
            sums = np.cumsum(terms, axis=3, dtype=kind)
            out[...] = sums[..., :-1] if exclusive else sums[..., 1:]
            initial[...] = sums[..., -1:]

        return applying(run)


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

    def shape_reader(self) -> Callable[[Sequence[int]], tuple[Four, ...]]:
        def shapes(registers: Sequence[int]) -> tuple[Four, ...]:
            shape = values(registers, self.extents)
            best = (*shape[:3], registers[self.k])
            return (best, best, shape)

        return shapes

    def direction(self, name: str) -> tuple[bool, bool]:
        return (name == "a", name != "a")

    def maker(self, machine: Machine) -> Maker:
        registers, kind = machine.registers, self.a.type.compute

        def run(out: Array, places: Array, x: Array, count: int, largest: bool) -> None:
            order = _order(x.astype(kind, copy=False), count, largest)
            found = np.take_along_axis(x, order, axis=3)
            out[...] = found
            places[...] = order

        def make(out: Array, places: Array, x: Array) -> Run:
            count, largest = out.shape[3], registers[self.largest]
            if largest not in (0, 1) or count > x.shape[3]:
                message = f"k = {count} of {x.shape[3]} elements, largest = {largest}"
                raise Trap(TrapKind.ILLEGAL, message)
            return partial(run, out, places, x, count, bool(largest))

        return make


def _order(x: Array, count: int, largest: bool) -> Array:
    """Indices of the `count` first elements along axis 3."""
    if not largest:
        return np.argsort(x, axis=3, kind="stable")[..., :count]
    if count == 1 and x.size:
        return np.argmax(x, axis=3, keepdims=True)
    if x.shape[:3] == (1, 1, 1) and 0 < FEW * count < x.shape[3]:
        return _few(x[0, 0, 0], count).reshape(1, 1, 1, count)
    return _descending(x)[..., :count]


def _descending(x: Array) -> Array:
    """Indices along the last axis, the greatest first, ties to the lower index."""
    backwards = np.argsort(x[..., ::-1], axis=-1, kind="stable")[..., ::-1]
    return x.shape[-1] - 1 - backwards


def _few(row: Array, count: int) -> Array:
    """The first indices of a long row: only what is not below the last of them is sorted."""
    least = np.partition(row, row.size - count)[row.size - count]
    places = np.flatnonzero(~(row < least))
    return places[_descending(row[places])][:count]
