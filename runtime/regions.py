"""Byte-addressed memories with a shadow of initialised bytes, and strided views on them."""

from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np

from runtime.numerics import ElementType
from runtime.traps import Trap, TrapKind

Array = np.ndarray[Any, np.dtype[Any]]
Four = tuple[int, int, int, int]

MARKED_LIMIT = 1 << 15
POINT_LIMIT = 1 << 31


@dataclass(frozen=True)
class Region:
    """Bytes `data` from address `base` up to `end`; read-only where there is no `shadow`.

    `shadow` holds one bool per byte: whether it is initialised.
    """

    name: str
    base: int
    data: Array
    shadow: Array | None = None
    end: int = field(init=False)
    marked: set[tuple[int, int]] = field(default_factory=set[tuple[int, int]], init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "end", self.base + int(self.data.size))

    def touch(self, low: int, high: int) -> None:
        """Note that bytes at addresses `low` to `high` may be initialised, for `clear` to undo."""
        self.marked.add((low - self.base, high - self.base))
        if len(self.marked) > MARKED_LIMIT:
            hull = (min(first for first, _ in self.marked), max(end for _, end in self.marked))
            self.marked.clear()
            self.marked.add(hull)

    def clear(self) -> None:
        """Poison every byte; costs what was written since the last time, not the size."""
        if self.shadow is not None:
            for first, end in self.marked:
                self.shadow[first:end] = False
        self.marked.clear()


def poisoned(name: str, base: int, size: int) -> Region:
    """A writable region of `size` bytes, none of them initialised, aligned to 64 in host memory."""
    raw = np.zeros(size + 64, np.uint8)
    skip = -raw.ctypes.data % 64
    return Region(name, base, raw[skip : skip + size], np.zeros(size, np.bool_))


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
            self.region.touch(self.low, self.high)

    def require_writable(self) -> None:
        """Trap when the view lies in read-only parameters."""
        if self.region.shadow is None and self.array.size:
            raise Trap(
                TrapKind.OUT_OF_BOUNDS, f"writes the read-only {self.region.name} at {self.low}"
            )


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
    array = np.ndarray(extents, t.dtype, region.data, start, strides)
    return View(region, array, start, low, high)


def _empty(region: Region, address: int, extents: Four, t: ElementType) -> View:
    if min(extents) < 0:
        raise Trap(TrapKind.ILLEGAL, f"negative extent in {extents}")
    if prod(e for e in extents if e) > POINT_LIMIT:
        raise Trap(TrapKind.ILLEGAL, f"extents {extents} have an axis too long")
    return View(region, np.empty(extents, t.dtype), 0, address, address)
