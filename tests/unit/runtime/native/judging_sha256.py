"""Judges digests of blocks of a library by hashlib."""

import ctypes
import hashlib
import random
from collections.abc import Sequence

from runtime.native.library import Kernel
from runtime.native.sha256 import NativeHashes

SIZES = (1, 55, 56, 63, 64, 65, 128, 200, 1000)
"""Bytes of a block: those before and behind a unit, and behind which its length still fits."""


def differs(library: ctypes.CDLL, block_bytes: int, parts: Sequence[bytes]) -> str:
    """What is wrong with the digests of bytes that arrive in parts, or nothing."""
    hashes, data = NativeHashes(library, block_bytes), b"".join(parts)
    for part in parts:
        hashes.update(memoryview(part))
    blocks = [data[at : at + block_bytes] for at in range(0, len(data), block_bytes)]
    expected = b"".join(hashlib.sha256(block).digest() for block in blocks)
    cuts = [len(part) for part in parts]
    return "" if hashes.finish() == expected else f"blocks of {block_bytes}, parts of {cuts}"


def wrong(kernel: Kernel) -> str:
    """The first case in which digests of the library are not those of hashlib."""
    if not kernel.library.lpuc_runs_sha256():
        return ""
    drawn = random.Random(0)
    for size in SIZES:
        for count in (1, 2, 5):
            lengths = (drawn.randrange(3 * size) for _ in range(count))
            if found := differs(kernel.library, size, list(map(drawn.randbytes, lengths))):
                return found
    return ""
