"""A memory of one device: bytes from an address on, and what is known of them.

The reference path keeps a flag for each byte: whether it was written in this run. The fast path
keeps none. Its memory holds `NAN_BYTE` at first, and what was written is filled with it again at
the next reset.
"""

import ctypes
from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from runtime.weights.image import Image

Array = np.ndarray[Any, np.dtype[Any]]

MARKED_LIMIT = 1 << 15
NAN_BYTE = 0xFF
EAGER_BYTES = 1 << 28
PIECES_LIMIT = 1 << 10


class Memory:
    """Bytes `data` from address `base` up to `end`.

    `written` holds one bool for each byte, or is None. `buffer` is `data` in the form from which
    numpy makes views soonest, `host` its address. Of parameters, the `image` verifies what is used.
    """

    def __init__(
        self, name: str, base: int, data: Array, written: Array | None = None,
        writable: bool = False, image: Image | None = None,
    ) -> None:  # fmt: skip
        self.name = name
        self.base = base
        self.end = base + int(data.size)
        self.data = data
        self.written = written
        self.writable = writable
        self.image = image
        self.buffer: Any = data.data
        self.host: int = data.ctypes.data
        if writable and data.size:
            self.buffer = (ctypes.c_char * data.size).from_buffer(data.data)
        self.low, self.high = self.end, base
        self.marked: set[tuple[int, int]] = set()

    def verify(self, low: int, high: int) -> None:
        """Raise unless the bytes at addresses `low` to `high`, used next, are what they were."""
        if self.image is not None:
            self.image.require(low - self.base, high - self.base)

    def touch(self, low: int, high: int) -> None:
        """Note that bytes at addresses `low` to `high` are or will be written, for `clear`."""
        if self.written is None:
            self.low, self.high = min(low, self.low), max(high, self.high)
            return
        self.marked.add((low - self.base, high - self.base))
        if len(self.marked) > MARKED_LIMIT:
            hull = (min(first for first, _ in self.marked), max(end for _, end in self.marked))
            self.marked.clear()
            self.marked.add(hull)

    def clear(self, spared: Sequence[tuple[int, int]] = ()) -> None:
        """Poison every byte; costs what was touched, not the size.

        Without flags, the ranges of `spared` are left as they are: they are written next.
        """
        if self.written is None:
            at = self.low
            for first, end in (*sorted(spared), (self.high, self.high)):
                stop = min(first, self.high)
                if at < stop:
                    self.data[at - self.base : stop - self.base] = NAN_BYTE
                at = max(at, end)
            return
        for first, end in self.marked:
            self.written[first:end] = False
        self.marked.clear()


def empty_memory(name: str, base: int, size: int, flagged: bool) -> Memory:
    """A writable memory of `size` bytes, aligned to 64 in host memory.

    Without flags it holds NaN, or zeros where so much memory should not become resident.
    """
    eager = not flagged and size <= EAGER_BYTES
    raw = np.full(size + 64, NAN_BYTE, np.uint8) if eager else np.zeros(size + 64, np.uint8)
    skip = -raw.ctypes.data % 64
    data = raw[skip : skip + size]
    return Memory(name, base, data, np.zeros(size, np.bool_) if flagged else None, writable=True)


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
