"""Byte-addressed memories, and strided views on them with every check the machine makes.

A region of the reference interpreter has a shadow of initialised bytes. A region of the fast one
has none: it holds `NAN_BYTE` at first, and what was written is filled with it at the next reset.
"""

import ctypes
from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from runtime.numerics.elements import ElementType
from runtime.traps import Trap, TrapKind
from runtime.weights.image import Image

Array = np.ndarray[Any, np.dtype[Any]]
Four = tuple[int, int, int, int]

MARKED_LIMIT = 1 << 15
POINT_LIMIT = 1 << 31
NAN_BYTE = 0xFF
EAGER_BYTES = 1 << 28
PIECES_LIMIT = 1 << 10


class Region:
    """Bytes `data` from address `base` up to `end`.

    `shadow` holds one bool per byte: whether it is initialised. `buffer` is `data` in the form from
    which numpy makes views soonest. Of parameters, the `image` verifies what a view covers.
    """

    def __init__(
        self,
        name: str,
        base: int,
        data: Array,
        shadow: Array | None = None,
        writable: bool = False,
        image: Image | None = None,
    ) -> None:
        self.name = name
        self.base = base
        self.end = base + int(data.size)
        self.data = data
        self.shadow = shadow
        self.writable = writable
        self.image = image
        self.buffer: Any = data.data
        if writable and data.size:
            self.buffer = (ctypes.c_char * data.size).from_buffer(data.data)
        self.low, self.high = self.end, base
        self.marked: set[tuple[int, int]] = set()

    def touch(self, low: int, high: int) -> None:
        """Note that bytes at addresses `low` to `high` are or will be written, for `clear`."""
        if self.shadow is None:
            self.low, self.high = min(low, self.low), max(high, self.high)
            return
        self.marked.add((low - self.base, high - self.base))
        if len(self.marked) > MARKED_LIMIT:
            hull = (min(first for first, _ in self.marked), max(end for _, end in self.marked))
            self.marked.clear()
            self.marked.add(hull)

    def clear(self, spared: Sequence[tuple[int, int]] = ()) -> None:
        """Poison every byte; costs what was touched, not the size.

        Without a shadow, the ranges of `spared` are left as they are: they are written next.
        """
        if self.shadow is None:
            at = self.low
            for first, end in (*sorted(spared), (self.high, self.high)):
                stop = min(first, self.high)
                if at < stop:
                    self.data[at - self.base : stop - self.base] = NAN_BYTE
                at = max(at, end)
            return
        for first, end in self.marked:
            self.shadow[first:end] = False
        self.marked.clear()


def memory(name: str, base: int, size: int, shadowed: bool) -> Region:
    """A writable region of `size` bytes, aligned to 64 in host memory.

    Without a shadow it holds NaN, or zeros where so much memory should not become resident.
    """
    eager = not shadowed and size <= EAGER_BYTES
    raw = np.full(size + 64, NAN_BYTE, np.uint8) if eager else np.zeros(size + 64, np.uint8)
    skip = -raw.ctypes.data % 64
    data = raw[skip : skip + size]
    return Region(name, base, data, np.zeros(size, np.bool_) if shadowed else None, writable=True)


class View:
    """The elements an operand selects, and where they lie.

    `start` is the position of the first element within the region; `low` and `high` bound the
    addresses touched, `high` exclusive. An empty view touches nothing.
    """

    __slots__ = ("array", "high", "low", "region", "start")

    def __init__(self, region: Region, array: Array, start: int, low: int, high: int) -> None:
        self.region = region
        self.array = array
        self.start = start
        self.low = low
        self.high = high

    def shadow(self) -> Array | None:
        """The initialised flags of all bytes of all elements, None where they are always set."""
        flags, array = self.region.shadow, self.array
        if flags is None or not array.size:
            return None
        shape, strides = (*array.shape, array.itemsize), (*array.strides, 1)
        return np.ndarray(shape, np.bool_, flags, self.start, strides)

    def require_initialised(self) -> None:
        """Trap unless every byte of every element was written."""
        flags = self.shadow()
        if flags is not None and not flags.all():
            raise Trap(
                TrapKind.UNINITIALISED,
                f"reads {self.region.name} bytes {self.low} to {self.high} before they are written",
            )

    def mark(self) -> None:
        """Every byte of every element is initialised from now on."""
        flags = self.shadow()
        if flags is not None:
            flags[...] = True
        if self.array.size:
            self.region.touch(self.low, self.high)

    def require_writable(self) -> None:
        """Trap when the view lies in read-only parameters."""
        if not self.region.writable and self.array.size:
            raise Trap(
                TrapKind.OUT_OF_BOUNDS, f"writes the read-only {self.region.name} at {self.low}"
            )


def pieces(address: int, array: Array) -> list[tuple[int, int]]:
    """The contiguous ranges of a view from an address on; none when they are many."""
    axis, length = array.ndim, array.itemsize
    while axis and (array.shape[axis - 1] == 1 or array.strides[axis - 1] == length):
        axis -= 1
        length *= array.shape[axis]
    if not array.size or prod(array.shape[:axis]) > PIECES_LIMIT:
        return []
    starts = [address]
    for extent, stride in zip(array.shape[:axis], array.strides[:axis], strict=True):
        starts = [start + i * stride for start in starts for i in range(extent)]
    return [(start, start + length) for start in starts]


def span(address: int, array: Array) -> tuple[int, int]:
    """First byte and the byte behind the last of a view whose first element is at `address`."""
    if not array.size:
        return (address, address)
    low = high = address
    for extent, stride in zip(array.shape, array.strides, strict=True):
        if stride > 0:
            high += (extent - 1) * stride
        else:
            low += (extent - 1) * stride
    return (low, high + array.itemsize)


def strided(region: Region, address: int, extents: Four, strides: Four, t: ElementType) -> View:
    """View of `extents` elements; traps when misaligned or when it leaves the region.

    The stride of an axis with one element plays no part.
    """
    low = high = bits = address
    points = 1
    for extent, stride in zip(extents, strides, strict=True):
        if extent <= 0:
            return _empty(region, address, extents, t)
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
        raise Trap(
            TrapKind.MISALIGNED,
            f"{t.value} at address {address} with strides {strides} is not a multiple of "
            f"{size} bytes",
        )
    if low < region.base or high > region.end:
        raise Trap(
            TrapKind.OUT_OF_BOUNDS,
            f"bytes {low} to {high} leave {region.name} ({region.base} to {region.end})",
        )
    start = address - region.base
    if region.image is not None:
        region.image.require(low - region.base, high - region.base)
    array = np.ndarray(extents, t.dtype, region.buffer, start, strides)
    return View(region, array, start, low, high)


def _empty(region: Region, address: int, extents: Four, t: ElementType) -> View:
    if min(extents) < 0:
        raise Trap(TrapKind.ILLEGAL, f"negative extent in {extents}")
    if prod(e for e in extents if e) > POINT_LIMIT:
        raise Trap(TrapKind.ILLEGAL, f"extents {extents} have an axis too long")
    return View(region, np.empty(extents, t.dtype), 0, address, address)
