"""The parameters of a device: each block is verified before its first use.

    image = Image(data, Origin("model.lpu", 4096, sums, digests))
    image.require(0, 64)        # Malformed, unless the block is what it was
    image.data[:64]

Whoever makes a view of parameters calls `require` first. The checksums (`checksums.py`) were
computed when the bytes were written. What has been verified is not looked at again, so a call costs
less than a microsecond then.
"""

import hashlib
from collections.abc import Iterable, Iterator
from threading import Lock
from typing import Any, Literal, NamedTuple

import numpy as np

from runtime.errors import Malformed
from runtime.weights.buffers import Buffers
from runtime.weights.checksums import SUM_BYTES, block_sum
from runtime.weights.mapping import FileBytes

Array = np.ndarray[Any, np.dtype[Any]]
Check = Literal["used", "all", "none"]
"""What is verified: blocks before their first use, all by SHA-256 at once, or nothing."""

BLOCK_BYTES = 1 << 20
DIGEST_BYTES = 32
_BYTE = np.dtype(np.uint8)


def block_count(size: int) -> int:
    """Number of blocks of so many bytes of parameters."""
    return -(-size // BLOCK_BYTES)


class Origin(NamedTuple):
    """The file that parameters lie in, where, and the checksum and SHA-256 of each block."""

    path: str
    offset: int
    sums: bytes
    digests: bytes
    stored: FileBytes | None = None


class Image:
    """Bytes of parameters, and what is known of them; without an origin they are as they were made.

    Threads may share an image.
    """

    def __init__(self, data: Array, origin: Origin | None = None, trusted: bool = False) -> None:
        self.data = data
        self.origin = origin
        self._unverified = bytearray()
        self._lock = Lock()
        if origin is not None and not trusted:
            self._unverified = bytearray(b"\1") * block_count(data.size)

    @property
    def size(self) -> int:
        """Bytes."""
        return int(self.data.size)

    def require(self, low: int, high: int) -> None:
        """Malformed unless the bytes from `low` to before `high` are what was written."""
        first, end = low // BLOCK_BYTES, -(-high // BLOCK_BYTES)
        if self._unverified.find(1, first, end) >= 0:
            self._verify(range(first, end))

    def require_at(self, positions: Array) -> None:
        """The same for single elements, given the positions of their first bytes."""
        if self._unverified.find(1) >= 0:
            self._verify(map(int, np.unique(positions // BLOCK_BYTES)))

    def whole(self) -> Array:
        """All bytes, verified."""
        self.require(0, self.size)
        return self.data

    def require_unchanged(self) -> None:
        """Malformed if verified bytes may have changed since; ask before giving out results."""
        if self.origin is not None and self.origin.stored is not None:
            self.origin.stored.require_unchanged(self.origin.path)

    def _verify(self, blocks: Iterable[int]) -> None:
        assert self.origin is not None
        for block in blocks:
            with self._lock:
                if self._unverified[block]:
                    at = block * SUM_BYTES
                    if block_sum(self._block(block)) != self.origin.sums[at : at + SUM_BYTES]:
                        raise self._damaged(block)
                    self._unverified[block] = 0

    def pieces(self) -> Iterator[tuple[int, Array]]:
        """All bytes in pieces, with their positions, for whoever signs them anew.

        What lies in a file is copied first, so that what is given out is what had its SHA-256;
        Malformed for a block that has another.
        """
        if self.origin is None:
            yield 0, self.data
            return
        buffers = Buffers()
        for block in range(block_count(self.size)):
            copy, at = buffers.empty(self._block(block).shape, _BYTE), block * DIGEST_BYTES
            copy[...] = self._block(block)
            found = hashlib.sha256(copy.data).digest()
            if found != self.origin.digests[at : at + DIGEST_BYTES]:
                raise self._damaged(block)
            yield block * BLOCK_BYTES, copy
            del copy

    def check(self) -> None:
        """Malformed unless all blocks have their SHA-256."""
        for _ in self.pieces():
            pass
        with self._lock:
            self._unverified[:] = bytes(len(self._unverified))

    def _block(self, block: int) -> Array:
        return self.data[block * BLOCK_BYTES : (block + 1) * BLOCK_BYTES]

    def _damaged(self, block: int) -> Malformed:
        assert self.origin is not None
        low = self.origin.offset + block * BLOCK_BYTES
        high = low + self._block(block).size
        return Malformed(
            f"{self.origin.path}: bytes {low} to {high} (parameter block {block}) are not what was "
            "written: the file is damaged; copy it again, or compile the model anew"
        )
