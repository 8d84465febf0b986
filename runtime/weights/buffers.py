"""Memory that is used again: fresh pages cost more than reading a file into them.

    buffers = Buffers()
    array = buffers.empty((1024, 1024), np.dtype(np.float16))

The memory of an array returns to its pool when nothing refers to the array any more. It begins at a
page, or `phase` bytes behind one: what is written around the cache of the system has to lie so.
"""

import weakref
from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

PAGE_BYTES = 4096


class Buffers:
    """A pool of memory."""

    def __init__(self) -> None:
        self._free: list[Array] = []

    def empty(self, shape: Sequence[int], dtype: np.dtype[Any], phase: int = 0) -> Array:
        """A contiguous array of undefined contents, at an address that is `phase` modulo a page."""
        size = prod(shape) * dtype.itemsize
        block: Any = self._block(size + PAGE_BYTES)
        start = (phase - block.ctypes.data) % PAGE_BYTES
        # Views of an array keep alive what lies directly on memory that is no array: this one.
        owner = np.frombuffer(memoryview(block), np.uint8, count=size, offset=start)
        weakref.finalize(owner, self._free.append, block).atexit = False
        return owner.view(dtype).reshape(shape)

    def _block(self, size: int) -> Array:
        """The smallest free memory that is large enough, else new memory instead of the largest."""
        free = self._free
        fitting = [(block.size, at) for at, block in enumerate(free) if block.size >= size]
        if fitting:
            return free.pop(min(fitting)[1])
        if free:
            free.pop(max((block.size, at) for at, block in enumerate(free))[1])
        return np.empty(size, np.uint8)
