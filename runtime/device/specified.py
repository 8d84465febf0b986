"""The reference path: a device as the executable specifications of the instructions see it.

    inst.execute(Specified(device))

Every access is checked here, from the numbers in the registers and nothing else: bounds, alignment,
whether a byte was written in this run, whether a result writes an element twice. Nothing is shared
with the fast path of `runtime.device.fast` but the memories themselves.
"""

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from runtime.device.device import Device
from runtime.device.fifo import bytes_of
from runtime.device.links import Form, neighbours, other_form
from runtime.device.memory import Memory
from runtime.device.stops import Halted, Output
from runtime.isa.fields import Operand
from runtime.isa.spec import POINT_LIMIT, Inst
from runtime.isa.state import Array, Four, Place, wrap
from runtime.numerics.elements import ElementType
from runtime.traps import Trap, TrapKind


class Specified:
    """The registers and memories of a device, with every check."""

    def __init__(self, device: Device) -> None:
        self.device = device
        self.pc = 0

    def step(self, inst: Inst, following: int) -> int:
        """Execute an instruction; the pc at which execution goes on."""
        self.pc = following
        inst.execute(self)
        return self.pc

    def get(self, register: int) -> int:
        """The value of a register; Trap when it was never written."""
        value = self.device.registers[register]
        if value is None:
            message = f"r{register} is read before it is written"
            raise Trap(TrapKind.UNINITIALISED, message)
        return value

    def set(self, register: int, value: int) -> None:
        """Write the 64-bit signed integer congruent to a value."""
        self.device.registers[register] = wrap(value)

    def four(self, registers: Four) -> Four:
        """The values of four registers."""
        a, b, c, d = registers
        return (self.get(a), self.get(b), self.get(c), self.get(d))

    def source(self, operand: Operand, extents: Four, hbm: bool = False) -> "Elements":
        """The elements of an operand that is read."""
        return self._elements(operand, extents, hbm)

    def result(self, operand: Operand, extents: Four, hbm: bool = False) -> "Elements":
        """The elements of an operand that is written, and perhaps read before."""
        found = self._elements(operand, extents, hbm)
        found.refuse_parameters()
        found.refuse_overlap()
        return found

    def scalar(self, address: int) -> "Elements":
        """The i64 at a byte address of the LMU, as an array of rank 0."""
        return Elements(self.device.lmu, address, (), (), ElementType.I64, self.device)

    def points(self, element: ElementType, addresses: Array, writes: bool) -> "Points":
        """Single elements of one memory of HBM, at byte addresses; written in their order."""
        low = min(np.ravel(addresses).tolist(), default=None)
        memory = self.device.arena if low is None else self.device.hbm_at(low)
        found = Points(memory, np.asarray(addresses, object), element, self.device)
        if writes:
            found.refuse_parameters()
        return found

    def push(self, panel: Place, element: ElementType) -> None:
        """Append a panel, as it is now, to the operand FIFO."""
        assert isinstance(panel, Elements)
        self.device.fifo.push(Streamed(panel.read()[:, 0], panel.strides, element))

    def pop(self) -> tuple[Array, ElementType]:
        """Take the oldest panel from the operand FIFO."""
        panel: Streamed = self.device.fifo.pop()
        return panel.values, panel.element

    def send(self, side: str, extents: Four, element: ElementType, values: Array) -> None:
        """Send elements to a neighbour."""
        send = neighbours(self.device.transport).sender(side)
        send((Form(extents, element), values.flatten()))

    def recv(self, side: str, extents: Four, element: ElementType) -> Array:
        """The elements of the oldest message of a neighbour."""
        form, data = neighbours(self.device.transport).receiver(side)()
        expected = Form(extents, element)
        if form != expected:
            raise other_form(form, expected)
        return data.reshape(extents)

    def out(self, value: int) -> None:
        """Hand a value to the host."""
        self.device.put(value)
        raise Output(self.pc)

    def halt(self) -> None:
        """The program is complete."""
        raise Halted

    def _elements(self, operand: Operand, extents: Four, hbm: bool) -> "Elements":
        address, strides = self.get(operand.base), self.four(operand.strides)
        memory = self.device.lmu
        if hbm:
            memory = self.device.arena if 0 in extents else self.device.hbm_at(address)
        return Elements(memory, address, extents, strides, operand.type, self.device)


@dataclass(frozen=True)
class Streamed:
    """A panel [B, K, N] as it was when it was streamed, and its strides in HBM."""

    values: Array
    strides: tuple[int, ...]
    element: ElementType

    def size(self) -> int:
        """Bytes that it takes in the FIFO."""
        b, _, k, n = self.strides
        return bytes_of(self.values.shape, (b, k, n), self.element.itemsize)


class _Checked:
    """Bytes of a memory that are read and written as elements of one type."""

    memory: Memory
    element: ElementType
    device: Device
    low: int
    high: int

    def refuse_parameters(self) -> None:
        """Trap when the elements are parameters, which are read-only."""
        if not self.memory.writable and self.low < self.high:
            message = f"writes the read-only {self.memory.name} at {self.low}"
            raise Trap(TrapKind.OUT_OF_BOUNDS, message)

    def _refuse_outside(self) -> None:
        memory, low, high = self.memory, self.low, self.high
        if low < memory.base or high > memory.end:
            where = f"{memory.name} ({memory.base} to {memory.end})"
            raise Trap(TrapKind.OUT_OF_BOUNDS, f"bytes {low} to {high} leave {where}")

    def _require_written(self, flags: Array) -> None:
        if not flags.all():
            where = f"{self.memory.name} bytes {self.low} to {self.high}"
            raise Trap(TrapKind.UNINITIALISED, f"reads {where} before they are written")


class Elements(_Checked):
    """The elements of a strided operand."""

    def __init__(
        self, memory: Memory, address: int, extents: tuple[int, ...], strides: tuple[int, ...],
        element: ElementType, device: Device,
    ) -> None:  # fmt: skip
        self.memory, self.element, self.device = memory, element, device
        self.address, self.extents, self.strides = address, extents, strides
        self._refuse_extents()
        self.low = self.high = address
        if 0 in extents:
            return
        reach = [(e - 1) * s for e, s in zip(extents, strides, strict=True)]
        self.low += sum(r for r in reach if r < 0)
        self.high += sum(r for r in reach if r > 0) + element.itemsize
        self._refuse_misaligned()
        self._refuse_outside()

    def _refuse_extents(self) -> None:
        if any(extent < 0 for extent in self.extents):
            raise Trap(TrapKind.ILLEGAL, f"negative extent in {self.extents}")
        if prod(extent for extent in self.extents if extent) > POINT_LIMIT:
            message = f"extents {self.extents} have more than {POINT_LIMIT} points"
            raise Trap(TrapKind.ILLEGAL, message)

    def _refuse_misaligned(self) -> None:
        size = self.element.itemsize
        used = [s for e, s in zip(self.extents, self.strides, strict=True) if e > 1]
        if any(number % size for number in (self.address, *used)):
            what = f"{self.element.value} at address {self.address} with strides {self.strides}"
            raise Trap(TrapKind.MISALIGNED, f"{what} is not a multiple of {size} bytes")

    def refuse_overlap(self) -> None:
        """Trap unless each axis steps over all bytes of the axes with smaller strides."""
        size = self.element.itemsize
        if 0 in self.extents:
            return
        axes = [(abs(s), e) for e, s in zip(self.extents, self.strides, strict=True) if e > 1]
        for stride, extent in sorted(axes):
            if stride < size:
                message = f"a result of extents {self.extents} and strides {self.strides} overlaps"
                raise Trap(TrapKind.ILLEGAL, f"{message} itself")
            size = extent * stride

    def bytes_in(self, data: Array, extents: tuple[int, ...]) -> Array:
        """One value of `data` for each byte of each element, as a view."""
        start = self.address - self.memory.base
        shape, strides = (*extents, self.element.itemsize), (*self.strides, 1)
        return np.ndarray(shape, data.dtype, data.data, start, strides)

    def read(self) -> Array:
        """A copy of the elements; of the bytes they lie in, where these are fewer."""
        if 0 in self.extents:
            return np.zeros(self.extents, self.element.dtype)
        self.memory.verify(self.low, self.high)
        if self.memory.written is not None:
            pairs = zip(self.extents, self.strides, strict=True)
            distinct = tuple(extent if stride else 1 for extent, stride in pairs)
            self._require_written(self.bytes_in(self.memory.written, distinct))
        if prod(self.extents) * self.element.itemsize > self.high - self.low:
            return self._shared()
        found: Any = self.bytes_in(self.memory.data, self.extents).copy(order="C")
        return found.view(self.element.dtype).reshape(self.extents)

    def _shared(self) -> Array:
        base, (low, high) = self.memory.base, (self.low, self.high)
        kept, dtype = self.memory.data[low - base : high - base].copy(), self.element.dtype
        found = np.ndarray(self.extents, dtype, kept.data, self.address - low, self.strides)
        found.flags.writeable = False
        return found

    def write(self, values: Array) -> None:
        """Write the elements."""
        assert values.dtype == self.element.dtype and values.shape == self.extents
        if 0 in self.extents:
            return
        raw: Any = np.ascontiguousarray(values).reshape((*self.extents, 1))
        self.bytes_in(self.memory.data, self.extents)[...] = raw.view(np.uint8)
        if self.memory.written is not None:
            self.bytes_in(self.memory.written, self.extents)[...] = True
        self.memory.touch(self.low, self.high)


class Points(_Checked):
    """Single elements, wherever in a memory they lie."""

    def __init__(
        self, memory: Memory, addresses: Array, element: ElementType, device: Device
    ) -> None:
        self.memory, self.element, self.device = memory, element, device
        self.shape = addresses.shape
        flat: list[int] = addresses.ravel().tolist()
        self.low, self.high = memory.base, memory.base
        if flat:
            self.low, self.high = min(flat), max(flat) + element.itemsize
        if any(address % element.itemsize for address in flat):
            message = f"{element.value} elements are not aligned"
            raise Trap(TrapKind.MISALIGNED, message)
        self._refuse_outside()
        offsets = np.array([a - memory.base for a in flat], np.int64)
        self.bytes = offsets[:, None] + np.arange(element.itemsize)

    def read(self) -> Array:
        """A copy of the elements."""
        if self.memory.image is not None:
            self.memory.image.require_at(self.bytes[:, 0])
        if self.memory.written is not None:
            self._require_written(self.memory.written[self.bytes])
        found: Any = self.memory.data[self.bytes]
        return found.view(self.element.dtype).reshape(self.shape)

    def write(self, values: Array) -> None:
        """Write the elements in their order: of those at one address the last one stays."""
        raw: Any = np.ascontiguousarray(values).reshape(-1, 1).view(np.uint8)
        self.memory.data[self.bytes] = raw
        if self.memory.written is not None:
            self.memory.written[self.bytes] = True
        self.memory.touch(self.low, self.high)
