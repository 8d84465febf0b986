"""Byte memories with a shadow of what was written, and strided views on the buffers in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from runtime.numerics.elements import ElementType

Array = np.ndarray[Any, np.dtype[Any]]
POISON = 0xAA


class MemoryFault(Exception):
    """An operation reads what nothing wrote, writes a weight, or leaves its buffer."""


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes, and for each whether it was written; `written` is None for read-only memory."""

    data: Array
    written: Array | None

    @staticmethod
    def poisoned(nbytes: int) -> Memory:
        return Memory(np.full(nbytes, POISON, np.uint8), np.zeros(nbytes, np.bool_))


@dataclass(frozen=True, slots=True)
class Region:
    """`elements` of one type that start at a byte of a memory: what a buffer names."""

    memory: Memory
    start: int
    elements: int
    dtype: ElementType

    def poison(self) -> None:
        """Forget the content."""
        assert self.memory.written is not None
        self.memory.data[self._bytes] = POISON
        self.memory.written[self._bytes] = False

    @property
    def _bytes(self) -> slice:
        return slice(self.start, self.start + self.elements * self.dtype.itemsize)

    def content(self) -> Memory:
        """A copy of what it holds."""
        assert self.memory.written is not None
        return Memory(self.memory.data[self._bytes].copy(), self.memory.written[self._bytes].copy())

    def restore(self, content: Memory) -> None:
        """Hold what `content` gave."""
        assert self.memory.written is not None and content.written is not None
        self.memory.data[self._bytes] = content.data
        self.memory.written[self._bytes] = content.written

    def reach(self, offset: int, shape: Sequence[int], strides: Sequence[int]) -> None:
        """MemoryFault unless all elements of a view lie in the buffer."""
        low = high = offset
        for extent, stride in zip(shape, strides, strict=True):
            low, high = low + min(0, (extent - 1) * stride), high + max(0, (extent - 1) * stride)
        if low < 0 or high >= self.elements:
            raise MemoryFault(f"elements {low} to {high} leave a buffer of {self.elements}")

    def view(self, offset: int, shape: Sequence[int], strides: Sequence[int]) -> Strided:
        """The elements at `offset + sum(strides[d] * i[d])`."""
        size = self.dtype.itemsize
        if 0 in shape:
            return Strided(np.empty(shape, self.dtype.dtype), None, writable=True)
        self.reach(offset, shape, strides)
        start = self.start + offset * size
        steps = tuple(s * size for s in strides)
        data = np.ndarray(shape, self.dtype.dtype, self.memory.data.data, start, steps)
        written = self.memory.written
        if written is None:
            return Strided(data, None, writable=False)
        shadow = np.ndarray((*shape, size), np.bool_, written.data, start, (*steps, 1))
        return Strided(data, shadow, writable=True)


@dataclass(frozen=True, slots=True)
class Strided:
    """Elements of a buffer as an array, with the shadow of their bytes."""

    data: Array
    shadow: Array | None
    writable: bool

    def read(self) -> Array:
        """The elements; MemoryFault unless all were written."""
        if self.shadow is not None and not self.shadow.all():
            raise MemoryFault("reads elements that nothing wrote")
        return self.data

    def write(self, values: Any) -> None:
        """Assign to all elements, in their type."""
        if not self.writable:
            raise MemoryFault("writes to a weight")
        self.data[...] = values
        if self.shadow is not None:
            self.shadow[...] = True


def indexed(region: Region, positions: Array) -> tuple[Array, Array, Array | None]:
    """All elements of a buffer, flat; the checked positions; the shadow of those positions."""
    if positions.size and (positions.min() < 0 or positions.max() >= region.elements):
        raise MemoryFault(f"an index leaves a buffer of {region.elements} elements")
    flat = region.view(0, (region.elements,), (1,))
    return flat.data, positions, flat.shadow
