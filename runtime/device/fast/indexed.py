"""Makers of the transfers that follow an index vector."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from runtime.device.device import Device
from runtime.device.fast.making import Maker, Run
from runtime.device.fast.transfers import keep_panels
from runtime.device.fast.views import hbm_view, refuse_parameters
from runtime.device.memory import Array, Memory
from runtime.isa.fields import Four, Operand
from runtime.isa.instructions.gather import Gather, IndexedInst, Scatter
from runtime.isa.parts import Box, parts
from runtime.isa.spec import DataInst, values
from runtime.traps import Trap, TrapKind

_Update = Callable[[Array, Array, Array], None]
_UPDATES: dict[str, Any] = {
    "add": np.add, "max": np.maximum, "min": np.minimum, "mul": np.multiply,
}  # fmt: skip
_EXACT = 1 << 62


def _offsets(part: Box, strides: Four, dtype: Any) -> Array:
    """Byte offset of every point of a box relative to the base address."""
    total: Array = np.zeros([at.stop - at.start for at in part], dtype)
    for axis, (at, stride) in enumerate(zip(part, strides, strict=True)):
        shape = [-1 if k == axis else 1 for k in range(4)]
        places = np.arange(at.start, at.stop, dtype=np.int64).reshape(shape)
        total += places.astype(dtype) * stride
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

    def __init__(self, inst: IndexedInst, device: Device, operand: Operand) -> None:
        registers = device.registers
        self.device = device
        self.base = int(registers[operand.base])
        self.extents = values(registers, inst.extents)
        self.strides = values(registers, operand.strides)
        self.limit = int(registers[inst.limit])
        self.stride = int(registers[inst.rowstride])
        self.element = operand.type

    def locate(self, index: Array, part: Box) -> tuple[Memory, Array]:
        """The memory, and the byte position in it of every element of a box; all are checked."""
        size = self.element.itemsize
        addresses = self._addresses(_rows(index, self.limit), part)
        low, high = int(addresses.min()), int(addresses.max()) + size
        memory = self.device.hbm_at(low)
        if (addresses % size).any():
            raise Trap(TrapKind.MISALIGNED, f"{self.element.value} elements are not aligned")
        if high > memory.end:
            raise Trap(TrapKind.OUT_OF_BOUNDS, f"bytes {low} to {high} leave {memory.name}")
        return memory, (addresses - memory.base).astype(np.int64, copy=False)

    def _addresses(self, rows: Array, part: Box) -> Array:
        """Byte addresses, as Python's integers where int64 might wrap."""
        pairs = zip(self.extents, self.strides, strict=True)
        reach = abs(self.base) + abs(self.limit * self.stride) + sum(e * abs(s) for e, s in pairs)
        if reach < _EXACT:
            return self.base + rows * self.stride + _offsets(part, self.strides, np.int64)
        offsets = _offsets(part, self.strides, object)
        return self.base + rows.astype(object) * self.stride + offsets

    def is_dense(self) -> bool:
        """Whether the elements of a row are packed without sharing bytes."""
        size = self.element.itemsize
        for extent, stride in zip(self.extents[::-1], self.strides[::-1], strict=True):
            if extent > 1 and stride < size:
                return False
            size = max(size, extent * stride)
        return True

    def row(self, index: Array) -> tuple[Memory, Array, tuple[int, int]]:
        """The elements under one index, as a strided view with the bytes that it spans."""
        j = int(index[0, 0, 0, 0])
        j += self.limit if j < 0 else 0
        if not 0 <= j < self.limit:
            raise Trap(TrapKind.INDEX, f"index {j} is outside a dimension of {self.limit}")
        start = self.base + j * self.stride
        return hbm_view(self.device, start, self.extents, self.strides, self.element)

    def flat(self, memory: Memory) -> Array:
        """The whole memory as elements."""
        size = self.element.itemsize
        return memory.data[: memory.data.size // size * size].view(self.element.dtype)

    def will_write(self, memory: Memory, low: int, high: int) -> None:
        """Get bytes ready to be written: panels keep theirs, the mirror forgets them."""
        refuse_parameters(memory, low)
        if self.device.fifo.panels:
            keep_panels(self.device, low, high)
        memory.touch(low, high)
        self.device.products.mirror.forget(low, high)


def _nothing() -> None:
    return None


def _gather_row(elements: _Elements, out: Array, index: Array) -> None:
    memory, row, (low, high) = elements.row(index)
    memory.verify(low, high)
    out[...] = row


def _gather(elements: _Elements, out: Array, index: Array) -> None:
    found = np.empty(out.shape, out.dtype)
    for part in parts(out.shape):
        memory, positions = elements.locate(index[part], part)
        if memory.image is not None:
            memory.image.require_at(positions)
        found[part] = elements.flat(memory)[positions // out.itemsize]
    out[...] = found


def _scatter_row(elements: _Elements, source: Array, index: Array) -> None:
    memory, row, (low, high) = elements.row(index)
    elements.will_write(memory, low, high)
    row[...] = source


def _scatter(elements: _Elements, source: Array, index: Array, update: _Update) -> None:
    for part in parts(source.shape):
        memory, positions = elements.locate(index[part], part)
        low, high = memory.base + int(positions.min()), memory.base + int(positions.max())
        elements.will_write(memory, low, high + source.itemsize)
        places = (positions // source.itemsize).ravel()
        update(elements.flat(memory), places, source[part].ravel())


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


def _gather_maker(inst: Gather) -> Maker:
    def make(device: Device, out: Array, index: Array) -> Run:
        elements = _Elements(inst, device, inst.src)
        if not out.size:
            return _nothing
        if _is_single(index):
            return partial(_gather_row, elements, out, index)
        return partial(_gather, elements, out, index)

    return make


def _scatter_maker(inst: Scatter) -> Maker:
    update = _set if inst.fn == "set" else _updater(_UPDATES[inst.fn])

    def make(device: Device, source: Array, index: Array) -> Run:
        elements = _Elements(inst, device, inst.dst)
        if not source.size:
            return _nothing
        if inst.fn == "set" and _is_single(index) and elements.is_dense():
            return partial(_scatter_row, elements, source, index)
        return partial(_scatter, elements, source, index, update)

    return make


MAKERS: dict[type[DataInst], Callable[[Any], Maker]] = {
    Gather: _gather_maker, Scatter: _scatter_maker,
}  # fmt: skip
