"""Reading files that a program refers to: each block is verified as it is read, and then used.

What was verified is in memory of its own, so a file that changes or shrinks later changes nothing.
"""

import os
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from runtime.errors import Unlinked
from runtime.weights.checksums import SUM_BYTES, block_sum
from runtime.weights.source_files import ContainedFiles, Span, parts_of

Array = np.ndarray[Any, np.dtype[Any]]

BLOCKS_HELD = 8
"""Verified blocks that are kept for the next read, where one read does not use them up."""


class SourceFile(NamedTuple):
    """A file as it was: its path, its bytes, and the checksums of the ranges that are read."""

    path: str
    size: int
    sums: str

    def sum_of(self, block: int) -> bytes:
        """The checksum of one of its `parts_of`."""
        return bytes.fromhex(self.sums[2 * SUM_BYTES * block : 2 * SUM_BYTES * (block + 1)])


class ReferencedFiles(ContainedFiles):
    """Files of which only the ranges that a program refers to can be read, if they are as then."""

    def __init__(
        self, folder: Path, files: Sequence[SourceFile], spans: Mapping[str, Sequence[Span]]
    ) -> None:
        super().__init__(folder)
        self._files = {file.path: file for file in files}
        self._parts = {path: parts_of(ranges) for path, ranges in spans.items()}
        self._held: dict[tuple[str, int], Array] = {}

    def open(self, path: str) -> int:
        """A descriptor of a file that has the size it had."""
        descriptor, file = super().open(path), self._files[path]
        size = os.fstat(descriptor).st_size
        if size != file.size:
            os.close(descriptor)
            raise Unlinked(f"{path}: has {size} bytes, had {file.size} when compiled")
        return descriptor

    def read_into(self, path: str, offset: int, out: Array) -> None:
        """Fill a contiguous array with verified bytes."""
        flat, parts = out.reshape(-1).view(np.uint8), self._parts[path]
        block = bisect_right(parts, offset, key=lambda part: part[0]) - 1
        while flat.size:
            start, stop = parts[block]
            count = min(stop - offset, flat.size)
            if count == stop - start:
                self._read(path, block, flat[:count])
            else:
                flat[:count] = self._block(path, block)[offset - start : offset - start + count]
            flat, offset, block = flat[count:], offset + count, block + 1

    def check(self) -> None:
        """Unlinked unless all blocks of all files are as they were."""
        for path in self._files:
            os.close(self.open(path))
            for block in range(len(self._parts.get(path, ()))):
                self._block(path, block)

    def _block(self, path: str, block: int) -> Array:
        held = self._held.pop((path, block), None)
        if held is None:
            start, stop = self._parts[path][block]
            held = np.empty(stop - start, np.uint8)
            self._read(path, block, held)
        while len(self._held) >= BLOCKS_HELD:
            del self._held[next(iter(self._held))]
        self._held[path, block] = held
        return held

    def _read(self, path: str, block: int, out: Array) -> None:
        """Fill an array with a block, and verify what was read."""
        start, stop = self._parts[path][block]
        super().read_into(path, start, out)
        if block_sum(out) != self._files[path].sum_of(block):
            raise Unlinked(
                f"{path}: bytes {start} to {stop} (block {block}) changed since the program was "
                "compiled; restore the file, or compile the model anew"
            )
