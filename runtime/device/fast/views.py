"""Operands of the fast path as numpy views, for the register values of the moment.

Where all is plain, numpy's constructor decides whether an operand stays within its memory, and
alignment and signs are one test of all numbers together. Whatever is not plainly right goes to
`strided`, which traps or, where the stride of a single element looked wrong, does not. Where only
axis 3 has more than one element, element-wise instructions work on vectors, on which numpy needs no
iterator.
"""

from collections.abc import Callable
from math import prod
from operator import attrgetter, itemgetter

import numpy as np

from runtime.device.device import Device
from runtime.device.memory import Array, Memory
from runtime.isa.fields import Four
from runtime.isa.spec import POINT_LIMIT, DataInst
from runtime.numerics.elements import ElementType
from runtime.traps import Trap, TrapKind

Resolver = Callable[[Device, Four], Array]

# Strides and positions from here on are left to `strided`: below, no sum over at most POINT_LIMIT
# points overflows in numpy.
PLAIN_LIMIT = 1 << 31
ONES = (1, 1, 1)


def resolver(inst: DataInst, name: str, elementwise: bool) -> Resolver:
    """The array of an operand on a device, for given extents: where all is plain a view made here.

    Otherwise it is what `strided` says.
    """
    operand, in_hbm, (_, written) = inst.operand(name), inst.in_hbm(name), inst.direction(name)
    dtype, base, size = operand.type.dtype, operand.base, operand.type.itemsize
    strides_of, memory_of = itemgetter(*operand.strides), _memory_of(base, in_hbm, written)
    suspect = -PLAIN_LIMIT | (size - 1)
    ndarray, slow = np.ndarray, _slow(inst, name, elementwise)

    def resolve(device: Device, shape: Four) -> Array:
        registers, memory = device.registers, memory_of(device)
        a, b, c, d = strides = strides_of(registers)
        address = registers[base]
        start = address - memory.base
        if (start | a | b | c | d) & suspect:
            return slow(device, shape)
        try:
            if elementwise and shape[:3] == ONES and shape[3] > 0:
                array = ndarray(shape[3], dtype, memory.buffer, start, (d,))
            else:
                array = ndarray(shape, dtype, memory.buffer, start, strides)
        except (ValueError, TypeError):
            return slow(device, shape)
        if not 0 < array.size <= POINT_LIMIT:
            return slow(device, shape)
        if written:
            will_write(memory, address, shape, strides, size)
        elif in_hbm and memory.image is not None:
            memory.image.require(*_within(start, shape, strides, size))
        return array

    return resolve


def plain_reach(start: int, shape: Four, strides: Four, size: int) -> int:
    """Bytes from a position to behind the last element of a view; 0 where that is not plain."""
    (e, f, g, h), (a, b, c, d) = shape, strides
    if (start | a | b | c | d) & (-PLAIN_LIMIT | (size - 1)):
        return 0
    if min(shape) <= 0 or e * f * g * h > POINT_LIMIT:
        return 0
    return (e - 1) * a + (f - 1) * b + (g - 1) * c + (h - 1) * d + size


def _within(start: int, shape: Four, strides: Four, size: int) -> tuple[int, int]:
    """First byte and the byte behind the last of a view without negative strides."""
    (e, f, g, h), (a, b, c, d) = shape, strides
    return start, start + (e - 1) * a + (f - 1) * b + (g - 1) * c + (h - 1) * d + size


def will_write(memory: Memory, address: int, shape: Four, strides: Four, size: int) -> None:
    """Check and note that elements, which lie where they may, are written."""
    (e, f, g, h), (a, b, c, d) = shape, strides
    is_row = e == f == g == 1
    if d < size or not (is_row or (a >= f * b and b >= g * c and c >= h * d)):
        refuse_overlap(shape, strides, size)
    end = address + (e - 1) * a + (f - 1) * b + (g - 1) * c + (h - 1) * d + size
    if address < memory.low or end > memory.high:
        memory.touch(address, end)


def _memory_of(base: int, in_hbm: bool, written: bool) -> Callable[[Device], Memory]:
    """The memory that an operand whose base is in a register lies in, if it lies in one."""

    def either(device: Device) -> Memory:
        arena = device.arena
        return arena if device.registers[base] >= arena.base else device.params

    if not in_hbm:
        return attrgetter("lmu")
    return attrgetter("arena") if written else either


def _slow(inst: DataInst, name: str, elementwise: bool) -> Resolver:
    operand, in_hbm, (_, written) = inst.operand(name), inst.in_hbm(name), inst.direction(name)
    strides_of = itemgetter(*operand.strides)

    def resolve(device: Device, shape: Four) -> Array:
        address, strides = device.registers[operand.base], strides_of(device.registers)
        place = hbm_view if in_hbm else lmu_view
        memory, array, (low, high) = place(device, address, shape, strides, operand.type)
        if array.size and written:
            refuse_parameters(memory, low)
            refuse_overlap(shape, strides, operand.type.itemsize)
            memory.touch(low, high)
        elif array.size:
            memory.verify(low, high)
        return array[0, 0, 0] if elementwise and shape[:3] == ONES else array

    return resolve


View = tuple[Memory, Array, tuple[int, int]]


def lmu_view(device: Device, address: int, extents: Four, strides: Four, t: ElementType) -> View:
    """Strided view of the LMU."""
    return strided(device.lmu, address, extents, strides, t)


def hbm_view(device: Device, address: int, extents: Four, strides: Four, t: ElementType) -> View:
    """Strided view of the memory of HBM that holds its first element."""
    memory = device.arena if 0 in extents else device.hbm_at(address)
    return strided(memory, address, extents, strides, t)


def refuse_parameters(memory: Memory, low: int) -> None:
    """Trap when a write would meet read-only parameters."""
    if not memory.writable:
        message = f"writes the read-only {memory.name} at {low}"
        raise Trap(TrapKind.OUT_OF_BOUNDS, message)


def refuse_overlap(extents: Four, strides: Four, size: int) -> None:
    """Trap where an axis of a result does not step over all bytes of those with smaller strides."""
    for stride, extent in sorted((abs(s), e) for s, e in zip(strides, extents, strict=True)):
        if extent > 1:
            if stride < size:
                message = f"a result of extents {extents} and strides {strides} overlaps itself"
                raise Trap(TrapKind.ILLEGAL, message)
            size = extent * stride


def strided(memory: Memory, address: int, extents: Four, strides: Four, t: ElementType) -> View:
    """View of `extents` elements and the bytes it spans; traps when misaligned or out of bounds.

    The stride of an axis with one element plays no part.
    """
    low = high = bits = address
    points = 1
    for extent, stride in zip(extents, strides, strict=True):
        if extent <= 0:
            return _empty(memory, address, extents, t)
        if extent > 1:
            points *= extent
            bits |= stride
            if stride > 0:
                high += (extent - 1) * stride
            else:
                low += (extent - 1) * stride
    if points > POINT_LIMIT:
        raise Trap(TrapKind.ILLEGAL, f"extents {extents} have more than {POINT_LIMIT} points")
    high += (size := t.itemsize)
    if bits & (size - 1):
        what = f"{t.value} at address {address} with strides {strides}"
        raise Trap(TrapKind.MISALIGNED, f"{what} is not a multiple of {size} bytes")
    if low < memory.base or high > memory.end:
        where = f"{memory.name} ({memory.base} to {memory.end})"
        raise Trap(TrapKind.OUT_OF_BOUNDS, f"bytes {low} to {high} leave {where}")
    used = [s if e > 1 else 0 for e, s in zip(extents, strides, strict=True)]
    array = np.ndarray(extents, t.dtype, memory.buffer, address - memory.base, used)
    return memory, array, (low, high)


def _empty(memory: Memory, address: int, extents: Four, t: ElementType) -> View:
    if min(extents) < 0:
        raise Trap(TrapKind.ILLEGAL, f"negative extent in {extents}")
    if prod(e for e in extents if e) > POINT_LIMIT:
        raise Trap(TrapKind.ILLEGAL, f"extents {extents} have an axis too long")
    return memory, np.empty(extents, t.dtype), (address, address)
