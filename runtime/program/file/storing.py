"""Bytes into a file, around the cache of the system where they are many and the file allows it.

    store = Store(descriptor, "model.lpu", size)
    store.write(memoryview(data), 4096)
    store.close()

Through the cache, a processor copies each byte into memory that it has to find first, and writes
it from there: 0.3 to 2 seconds for each GB, as against 0.05. What goes around it has to lie at a
page in memory and in the file; what does not, edges of at most two pages of each write, does not.
"""

import errno
import os
from typing import Any

import numpy as np

from runtime.weights.buffers import PAGE_BYTES

DIRECT_BYTES = 512 << 20
"""From so many bytes on the cache is left alone: less is quick to write, and soon to be read."""
LEAST_BYTES = 64 << 10
"""A write of less is not worth a wait for the disk."""
MOST_BYTES = 16 << 20
"""Of one write: the disk is at its full speed, and what was written may be used again."""


class Store:
    """One thread at a time writes; the descriptor stays the caller's."""

    def __init__(self, descriptor: int, path: str, size: int) -> None:
        self._descriptor = descriptor
        self._direct = _around_the_cache(path) if size >= DIRECT_BYTES else None

    def close(self) -> None:
        """Let go of the file; what was written is not on the disk yet."""
        if self._direct is not None:
            os.close(self._direct)
            self._direct = None

    def write(self, data: memoryview, at: int) -> None:
        """All bytes, from place `at` of the file on."""
        while len(data):
            count = self._some(data, at)
            data, at = data[count:], at + count

    def _some(self, data: memoryview, at: int) -> int:
        """Some of the first bytes, and how many those were."""
        edge = -at % PAGE_BYTES
        whole = (len(data) - edge) // PAGE_BYTES * PAGE_BYTES
        if self._direct is None or whole < LEAST_BYTES or (_address(data) + edge) % PAGE_BYTES:
            return os.pwrite(self._descriptor, data[:MOST_BYTES], at)
        if edge:
            return os.pwrite(self._descriptor, data[:edge], at)
        try:
            return os.pwrite(self._direct, data[: min(whole, MOST_BYTES)], at)
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            self.close()  # this file wants more than pages
            return 0


def _around_the_cache(path: str) -> int | None:
    """A descriptor whose writes go to the disk at once, None where there is no such thing."""
    flag = getattr(os, "O_DIRECT", None)
    if flag is None:
        return None
    try:
        return os.open(path, os.O_WRONLY | os.O_CLOEXEC | flag)
    except OSError:
        return None


def _address(data: memoryview) -> int:
    bytes_: Any = np.frombuffer(data, np.uint8)
    return int(bytes_.ctypes.data)
