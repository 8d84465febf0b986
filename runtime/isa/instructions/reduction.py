"""Instructions of the vector engine that combine elements along axes. Operands lie in the LMU."""

from collections.abc import Callable, Sequence
from math import ceil
from operator import itemgetter
from typing import Annotated, Any

import numpy as np

from runtime.isa import fields, kinds
from runtime.isa.parts import parts, tree
from runtime.isa.spec import Bit, Extents, Four, Mem0, Mem1, Mem2, Unit, VectorInst, values
from runtime.isa.state import Array, State
from runtime.numerics.elements import ElementType
from runtime.target import Target
from runtime.traps import Trap, TrapKind

_COMBINE: dict[str, Any] = {
    "sum": np.add, "max": np.maximum, "min": np.minimum, "mul": np.multiply,
}  # fmt: skip
SORTED = 1 << 16
"""Elements of a row that are sorted at a time, with the best of those before."""
_AT = fields.OPERANDS_AT + 3 * fields.OPERAND_BYTES
ReduceFn = Annotated[str, kinds.Choice(_COMBINE)]
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


class _TreeInst(VectorInst):
    """A pass whose lanes are combined by a tree of adders or comparators at its end."""

    def latency(self, target: Target) -> int:
        levels = (target.vxe_lanes - 1 | 1).bit_length()
        return levels * super().latency(target)


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

    def execute(self, state: State) -> None:
        extents = state.four(self.extents)
        axes = tuple(k for k in range(4) if self.axes >> k & 1)
        kept = [1 if k in axes else extent for k, extent in enumerate(extents)]
        dst = state.result(self.dst, (kept[0], kept[1], kept[2], kept[3]))
        a = state.source(self.a, extents).read()
        combine, wide = _COMBINE[self.fn], accumulator(self.a.type)
        total = np.full(kept, identity(self.fn, self.a.type), wide)
        for part in parts(extents):
            box = tuple(slice(0, 1) if k in axes else at for k, at in enumerate(part))
            total[box] = combine(total[box], tree(combine, a[part].astype(wide), axes))
        if self.accumulate:
            total = combine(total, dst.read().astype(wide))
        dst.write(total.astype(self.dst.type.dtype))


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

    def execute(self, state: State) -> None:
        extents = state.four(self.extents)
        dst = state.result(self.dst, extents)
        a = state.source(self.a, extents)
        carry = state.result(self.carry, (*extents[:3], 1))
        terms, wide = a.read(), accumulator(self.a.type)
        total, found = carry.read().astype(wide), np.zeros(extents, wide)
        for n in range(extents[3]):
            before = total
            total = total + terms[..., n : n + 1].astype(wide)
            found[..., n : n + 1] = before if self.exclusive else total
        dst.write(found.astype(self.dst.type.dtype))
        carry.write(total.astype(self.carry.type.dtype))


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

    def occupancy(self, extents: Four, target: Target) -> int:
        """Passes over each row, of which each ends with its comparators before the next begins."""
        rows, best, lanes, row = extents
        return rows * target.sort_passes(best, row) * (ceil(row / lanes) + super().latency(target))

    def latency(self, target: Target) -> int:
        del target
        return 0

    def execute(self, state: State) -> None:
        extents = state.four(self.extents)
        count, largest = state.get(self.k), state.get(self.largest)
        best = (*extents[:3], count)
        dst, indices = state.result(self.dst, best), state.result(self.indices, best)
        a = state.source(self.a, extents)
        if largest not in (0, 1) or count > extents[3]:
            message = f"k = {count} of {extents[3]} elements, largest = {largest}"
            raise Trap(TrapKind.ILLEGAL, message)
        rows = a.read()
        order = np.zeros(best, np.int64)
        for row in np.ndindex(*extents[:3]) if count else ():
            found: list[int] = []
            for start in range(0, extents[3], SORTED):
                more = range(start, min(start + SORTED, extents[3]))
                found = _order(rows[row], [*found, *more], bool(largest))[:count]
            order[row] = found
        dst.write(np.take_along_axis(rows, order, axis=3))
        indices.write(order)


def _order(row: Array, indices: list[int], largest: bool) -> list[int]:
    """Indices from the first element to the last: NaN is the greatest, ties to the former."""

    def rank(index: int) -> tuple[bool, Any]:
        value = row[index].item()
        is_nan = value != value
        return (is_nan, 0 if is_nan else value)

    return sorted(indices, key=rank, reverse=largest)
