"""Instructions of the memory engine that follow an index vector."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Annotated, Any

import numpy as np

from runtime.device.machine import Machine
from runtime.device.regions import Array, Region, View
from runtime.isa import fields, kinds
from runtime.isa.accesses import Access
from runtime.isa.binding import Run
from runtime.isa.instructions.memory import TransferInst
from runtime.isa.spec import Extents, Four, Maker, Mem0, Mem1, Mem2, Operand, Unit, values
from runtime.numerics.elements import ElementType
from runtime.target import Target
from runtime.traps import Trap, TrapKind

_AT = fields.OPERANDS_AT + 3 * fields.OPERAND_BYTES
Limit = Annotated[int, fields.Register(_AT)]
RowStride = Annotated[int, fields.Register(_AT + 1)]
ScatterFn = Annotated[str, kinds.Choice(("set", "add", "max", "min", "mul"))]

_Update = Callable[[Array, Array, Array], None]
_UPDATES: dict[str, Any] = {
    "add": np.add, "max": np.maximum, "min": np.minimum, "mul": np.multiply,
}  # fmt: skip


def _offsets(extents: Four, strides: Four) -> Array:
    """Byte offset of every point relative to the base address."""
    total = np.zeros(extents, np.int64)
    for axis, stride in enumerate(strides):
        shape = [-1 if k == axis else 1 for k in range(4)]
        total += np.arange(extents[axis], dtype=np.int64).reshape(shape) * stride
    return total


def _rows(index: Array, limit: int) -> Array:
    """Indices with the negative ones counted from the end; traps outside 0 to limit - 1."""
    rows = np.where(index < 0, index + limit, index)
    bad = (rows < 0) | (rows >= limit)
    if bad.any():
        raise Trap(TrapKind.INDEX, f"index {index[bad][0]} is outside a dimension of {limit}")
    return rows


def _is_single(index: Array) -> bool:
    """Whether every point reads the same index element."""
    return all(e == 1 or s == 0 for e, s in zip(index.shape, index.strides, strict=True))


class _Elements:
    """Elements of HBM addressed one by one through an index."""

    def __init__(self, inst: "Gather | Scatter", machine: Machine, operand: Operand) -> None:
        registers = machine.registers
        self.machine = machine
        self.base = int(registers[operand.base])
        self.extents = values(registers, inst.extents)
        self.strides = values(registers, operand.strides)
        self.limit = int(registers[inst.limit])
        self.stride = int(registers[inst.rowstride])
        self.element = operand.type

    def locate(self, index: Array) -> tuple[Region, Array]:
        """Region and byte position within it of every element; checks bounds and alignment."""
        offsets = _offsets(self.extents, self.strides)
        addresses = self.base + _rows(index, self.limit) * self.stride + offsets
        low, high = int(addresses.min()), int(addresses.max()) + self.element.itemsize
        region = self.machine.region_at(low)
        if high > region.end:
            raise Trap(TrapKind.OUT_OF_BOUNDS, f"bytes {low} to {high} leave {region.name}")
        if (addresses % self.element.itemsize).any():
            raise Trap(TrapKind.MISALIGNED, f"{self.element.value} elements are not aligned")
        positions = addresses - region.base
        if region.image is not None:
            region.image.require_at(positions)
        return region, positions

    def is_dense(self) -> bool:
        """Whether the elements of a row are packed without sharing bytes."""
        size = self.element.itemsize
        for extent, stride in zip(self.extents[::-1], self.strides[::-1], strict=True):
            if extent > 1 and stride < size:
                return False
            size = max(size, extent * stride)
        return True

    def row(self, index: Array) -> View:
        """The elements under one index, as a strided view."""
        j = int(index[0, 0, 0, 0])
        j += self.limit if j < 0 else 0
        if not 0 <= j < self.limit:
            raise Trap(TrapKind.INDEX, f"index {j} is outside a dimension of {self.limit}")
        start = self.base + j * self.stride
        return self.machine.hbm_view(start, self.extents, self.strides, self.element)

    def flat(self, region: Region) -> Array:
        """The whole region as elements."""
        size = self.element.itemsize
        return region.data[: region.data.size // size * size].view(self.element.dtype)

    def require_initialised(self, region: Region, positions: Array) -> None:
        """Trap unless every byte of the elements is initialised."""
        if region.shadow is None:
            return
        for byte in range(self.element.itemsize):
            if not region.shadow[positions + byte].all():
                raise Trap(TrapKind.UNINITIALISED, f"an indexed element of {region.name}")

    def mark(self, region: Region, positions: Array) -> None:
        """The elements were written."""
        low, high = int(positions.min()), int(positions.max()) + self.element.itemsize
        region.touch(region.base + low, region.base + high)
        if self.machine.mirror is not None:
            self.machine.mirror.forget(region.base + low, region.base + high)
        if (shadow := region.shadow) is not None:
            for byte in range(self.element.itemsize):
                shadow[positions + byte] = True

    def refuse(self, region: Region, positions: Array) -> None:
        """Trap where the elements may not be written."""
        low, machine = int(positions.min()) + region.base, self.machine
        if not region.writable:
            raise Trap(TrapKind.OUT_OF_BOUNDS, f"writes the read-only {region.name} at {low}")
        element = self.flat(region)[:1]
        for position in positions.ravel() + region.base if machine.fifo else ():
            machine.refuse_race(int(position), element)


def _indexed(inst: "Gather | Scatter", registers: Sequence[int], rows: Access) -> Access:
    """The rows of HBM that the index may choose."""
    a, b, c, d = (registers[s] != 0 for s in inst.idx.strides)
    reach = max(0, registers[inst.limit] - 1) * abs(registers[inst.rowstride])
    return rows._replace(jumps=(a, b, c, d), reach=reach)


class Gather(TransferInst, opcode=0x23, unit=Unit.MEM):
    """Read indexed rows: `LMU[dst][i] = HBM[src.base + j * R[rowstride] + sum i_k * src.stride_k]`.

    j is `idx[i]` (i64, LMU), plus `R[limit]` when negative; outside 0 to `R[limit]` - 1 it traps.
    `rowstride` is in bytes.
    """

    HBM = "src"

    extents: Extents
    dst: Mem0
    src: Mem1
    idx: Mem2
    limit: Limit
    rowstride: RowStride

    def check(self) -> None:
        self.require(self.dst.type is self.src.type, "element types differ")
        self.require(self.idx.type is ElementType.I64, "idx is not i64")

    def viewed(self) -> tuple[str, ...]:
        return ("dst", "idx")

    def maker(self, machine: Machine) -> Maker:
        def make(out: Array, index: Array) -> Run:
            elements = _Elements(self, machine, self.src)
            if not out.size:
                return _nothing
            if _is_single(index):
                return partial(_gather_row, elements, out, index)
            return partial(_gather, elements, out, index)

        return make

    def accesses(self, registers: Sequence[int]) -> tuple[Access, ...]:
        rows = _indexed(self, registers, self.access(registers, "src"))
        return (rows, *super().accesses(registers))


def _nothing() -> None:
    return None


def _gather_row(elements: _Elements, out: Array, index: Array) -> None:
    row = elements.row(index)
    row.require_initialised()
    out[...] = row.array


def _gather(elements: _Elements, out: Array, index: Array) -> None:
    region, positions = elements.locate(index)
    elements.require_initialised(region, positions)
    out[...] = elements.flat(region)[positions // out.itemsize]


class Scatter(TransferInst, opcode=0x24, unit=Unit.MEM):
    """Write indexed rows: the mirror of `gather`, `HBM[dst + ...][i] = fn(old, LMU[src][i])`.

    Points are applied in row-major order, so of duplicates under `set` the last one stays. `add`,
    `mul`, `max`, `min` need initialised elements; 16-bit floats are rounded after every update.
    """

    HBM = "dst"

    fn: ScatterFn
    extents: Extents
    dst: Mem0
    src: Mem1
    idx: Mem2
    limit: Limit
    rowstride: RowStride

    def check(self) -> None:
        self.require(self.dst.type is self.src.type, "element types differ")
        self.require(self.idx.type is ElementType.I64, "idx is not i64")
        is_bool = self.dst.type is ElementType.BOOL
        self.require(not is_bool or self.fn not in ("add", "mul"), f"{self.fn} of bool")

    def viewed(self) -> tuple[str, ...]:
        return ("src", "idx")

    def direction(self, name: str) -> tuple[bool, bool]:
        return (name != "dst" or self.fn != "set", name == "dst")

    def maker(self, machine: Machine) -> Maker:
        update = _set if self.fn == "set" else _updater(_UPDATES[self.fn])

        def make(values: Array, index: Array) -> Run:
            elements = _Elements(self, machine, self.dst)
            if not values.size:
                return _nothing
            if self.fn == "set" and _is_single(index) and elements.is_dense():
                return partial(_scatter_row, elements, values, index)
            return partial(_scatter, elements, values, index, update)

        return make

    def cycles(self, extents: Four, target: Target) -> int:
        passes = 1 if self.fn == "set" else 2
        return passes * super().cycles(extents, target)

    def accesses(self, registers: Sequence[int]) -> tuple[Access, ...]:
        return (
            *super().accesses(registers),
            _indexed(self, registers, self.access(registers, "dst")),
        )


def _scatter_row(elements: _Elements, values: Array, index: Array) -> None:
    row, machine = elements.row(index), elements.machine
    row.require_writable()
    if machine.fifo:
        machine.refuse_race(row.region.base + row.start, row.array)
    row.array[...] = values
    row.mark()
    if machine.mirror is not None:
        machine.mirror.forget(row.low, row.high)


def _scatter(elements: _Elements, values: Array, index: Array, update: _Update) -> None:
    region, positions = elements.locate(index)
    elements.refuse(region, positions)
    if update is not _set:
        elements.require_initialised(region, positions)
    places = (positions // values.itemsize).ravel()
    update(elements.flat(region), places, values.ravel())
    elements.mark(region, positions)


def _set(flat: Array, positions: Array, values: Array) -> None:
    """Assign in order; numpy lets the last of equal positions win."""
    flat[positions] = values


def _updater(function: Any) -> _Update:
    """Apply `function` in order, each update rounded to the element type."""

    def update(flat: Array, positions: Array, values: Array) -> None:
        if flat.dtype.itemsize != 2:
            function.at(flat, positions, values)
            return
        for position, value in zip(positions, values, strict=True):
            flat[position] = function(np.float32(flat[position]), np.float32(value))

    return update
