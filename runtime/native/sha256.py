"""SHA-256 of the blocks that bytes arriving in order make up; the library hashes two at once.

    hashes = block_hashes(1 << 20)
    hashes.update(memoryview(data))
    digests = hashes.finish()       # 32 bytes for each block, of which the last may be shorter

Where the library does not serve, or the machine has no instructions for it, hashlib does.
"""

import ctypes
import hashlib
from functools import cache
from typing import Any, Protocol

import numpy as np

from runtime.native.library import serving

DIGEST_BYTES = 32


class BlockHashes(Protocol):
    """Digests of blocks of one size."""

    def update(self, data: memoryview) -> None:
        """The next bytes."""

    def finish(self) -> bytes:
        """The digests of all blocks, one behind the other; the last may be shorter."""
        ...


class PlainHashes:
    """By hashlib."""

    def __init__(self, block_bytes: int) -> None:
        self._size = block_bytes
        self._digests: list[bytes] = []
        self._block = hashlib.sha256()
        self._filled = 0

    def update(self, data: memoryview) -> None:
        """The next bytes."""
        while len(data):
            part = data[: self._size - self._filled]
            self._block.update(part)
            self._filled += len(part)
            data = data[len(part) :]
            if self._filled == self._size:
                self._close()

    def finish(self) -> bytes:
        """The digests of all blocks."""
        if self._filled:
            self._close()
        return b"".join(self._digests)

    def _close(self) -> None:
        self._digests.append(self._block.digest())
        self._block = hashlib.sha256()
        self._filled = 0


class NativeHashes:
    """By a library whose machine has the instructions."""

    def __init__(self, library: ctypes.CDLL, block_bytes: int) -> None:
        self._library = library
        self._size = block_bytes
        self._state = ctypes.create_string_buffer(library.lpuc_blocks_bytes())
        self._digests: list[bytes] = []
        self._count = 0
        library.lpuc_blocks_begin(self._state, ctypes.c_int64(block_bytes))

    def update(self, data: memoryview) -> None:
        """The next bytes."""
        if not len(data):
            return
        bytes_: Any = np.frombuffer(data, np.uint8)
        before, self._count = self._count, self._count + bytes_.size
        ended = self._count // self._size - before // self._size
        digests = ctypes.create_string_buffer((ended + 1) * DIGEST_BYTES)
        place, size = ctypes.c_void_p(bytes_.ctypes.data), ctypes.c_int64(bytes_.size)
        self._library.lpuc_blocks_update(self._state, place, size, digests)
        self._digests.append(digests.raw[: ended * DIGEST_BYTES])

    def finish(self) -> bytes:
        """The digests of all blocks."""
        last = ctypes.create_string_buffer(DIGEST_BYTES)
        if self._library.lpuc_blocks_finish(self._state, last):
            self._digests.append(last.raw)
        return b"".join(self._digests)


def block_hashes(block_bytes: int) -> BlockHashes:
    """What digests blocks of so many bytes here."""
    library = _library()
    return PlainHashes(block_bytes) if library is None else NativeHashes(library, block_bytes)


@cache
def _library() -> ctypes.CDLL | None:
    """The library, if it serves and its digests are right on this machine."""
    kernel = serving().kernel
    if kernel is None or not kernel.library.lpuc_runs_sha256():
        return None
    data = memoryview(bytes(range(256)) * 3)
    plain, native = PlainHashes(200), NativeHashes(kernel.library, 200)
    for part in (data[:30], data[30:700], data[700:]):
        plain.update(part)
        native.update(part)
    return kernel.library if native.finish() == plain.finish() else None
