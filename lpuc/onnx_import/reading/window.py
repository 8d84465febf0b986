"""
The bytes of a file by position, through a window that is read anew where it ends.

A mapping would do the same, but its pages count as memory of the process once they were touched,
and the system maps far more around each of them: 100 MB for the headers of 200 tensors.
"""

from __future__ import annotations

import os
from typing import overload

from dialects.errors import CompileError

WINDOW_BYTES = 1 << 16


class FileBytes:
    """A file of known size, read like `bytes`, with slices whose ends are given."""

    def __init__(self, descriptor: int, size: int) -> None:
        self.descriptor = descriptor
        self.size = size
        self._start = 0
        self._window = b""

    def __len__(self) -> int:
        return self.size

    @overload
    def __getitem__(self, place: int) -> int: ...
    @overload
    def __getitem__(self, place: slice) -> bytes: ...

    def __getitem__(self, place: int | slice) -> int | bytes:
        if isinstance(place, slice):
            return self._range(place.start, place.stop)
        at = place - self._start
        if not 0 <= at < len(self._window):
            self._window = os.pread(self.descriptor, WINDOW_BYTES, place)
            self._start, at = place, 0
            if not self._window:
                raise CompileError("the file became shorter while it was read")
        return self._window[at]

    def _range(self, start: int, stop: int) -> bytes:
        at, end = start - self._start, stop - self._start
        if 0 <= at <= end <= len(self._window):
            return self._window[at:end]
        parts: list[bytes] = []
        while start < stop and (part := os.pread(self.descriptor, stop - start, start)):
            parts.append(part)
            start += len(part)
        return b"".join(parts)
