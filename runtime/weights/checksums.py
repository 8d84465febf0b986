"""Checksums of blocks of weights, at the speed of memory: they notice accidents, not intent.

A block is padded with zeros to 64-bit words w[0], w[1], ... (little-endian). With the sums

    A[a] = sum of w[i] with i mod 1024 = a    for 0 <= a < 1024    (all modulo 2^64)
    B[b] = sum of w[i] with i mod 1021 = b    for 0 <= b < 1021,   of whole rows of 1021 words

the checksum is the first 8 bytes of SHA-256 over A and B. Two words of a block share their place in
A or their place in B, never both, since 1024 and 1021 have no common factor and a block has fewer
words than their product. So A or B, and with them the checksum (but for one in 2^64), differ after

* a change of one word, to whatever value, and any damage within 8 KiB in a row (a sector, a page),
* an exchange of two words, also of such that differ in a sign only,

and, unless the words conspire in both sums at once, after rows that changed places, blocks that
were zeroed, shifted or taken from elsewhere. A sum of products with one weight for each word costs
the same and forgets signs: modulo 2^64 the top bit of all words leaves one bit.

`plain_sums` is the specification; the library takes both sums on one way through a block.
"""

import hashlib
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import numpy as np

from runtime.files import fill_from
from runtime.native.checksums import FIRST, SECOND, Summing, serving_sums
from runtime.native.sha256 import DIGEST_BYTES, block_hashes

Array = np.ndarray[Any, np.dtype[Any]]

SUM_BYTES = 8
BLOCK_LIMIT = FIRST * SECOND * 8
"""Bytes that a block may have at most."""

_WORD = np.dtype("<u8")
_ROW_BYTES = FIRST * _WORD.itemsize


def block_sum(block: Array) -> bytes:
    """The checksum of a contiguous block of bytes."""
    assert block.nbytes <= BLOCK_LIMIT
    library = _library()
    sums = plain_sums(block) if library is None else library.of_block(block)
    return hashlib.sha256(sums.data).digest()[:SUM_BYTES]


def part_sums(descriptor: int, parts: Sequence[tuple[int, int]]) -> bytes:
    """The checksums of bytes [start, stop) of a file; EOFError if it ends before one of them."""
    assert all(stop - start <= BLOCK_LIMIT for start, stop in parts)
    library = _library()
    if library is None:
        return b"".join(map(block_sum, _blocks(descriptor, parts)))
    sums = library.of_parts(descriptor, parts)
    hashes = block_hashes(sums.itemsize * (FIRST + SECOND))
    hashes.update(sums.data.cast("B"))
    digests = hashes.finish()
    starts = range(0, len(digests), DIGEST_BYTES)
    return b"".join(digests[at : at + SUM_BYTES] for at in starts)


def _blocks(descriptor: int, parts: Sequence[tuple[int, int]]) -> Iterator[Array]:
    """Parts of a file, each of which is there until the next one is asked for."""
    memory = np.empty(max(stop - start for start, stop in parts), np.uint8)
    for start, stop in parts:
        block = memory[: stop - start]
        if not fill_from(descriptor, start, block):
            raise EOFError
        yield block


@cache
def _library() -> Summing | None:
    """What sums up in the place of `plain_sums`, if it gives the same."""
    library, block = serving_sums(), np.arange(8 * FIRST, dtype=np.uint32) ** 3
    block = block.view(np.uint8)[: -FIRST - 3]
    if library is None or not np.array_equal(library.of_block(block), plain_sums(block)):
        return None
    return library


def plain_sums(block: Array) -> Array:
    """The sums A and B of a contiguous block of bytes."""
    words = _words(block)
    sums = np.empty(FIRST + SECOND, _WORD)
    np.add.reduce(words.reshape(-1, FIRST), axis=0, out=sums[:FIRST])
    rows = words[: words.size // SECOND * SECOND].reshape(-1, SECOND)
    np.add.reduce(rows, axis=0, out=sums[FIRST:])
    return sums


def _words(block: Array) -> Array:
    """A block as whole rows of words, where it lies if it has them."""
    if block.size % _ROW_BYTES:
        padded = np.zeros(-(-block.size // _ROW_BYTES) * _ROW_BYTES, np.uint8)
        padded[: block.size] = block
        block = padded
    return block.view(_WORD)


class BlockSums:
    """The checksums of the blocks that bytes arriving in order make up."""

    def __init__(self, block_bytes: int) -> None:
        self._block = np.empty(block_bytes, np.uint8)
        self._filled = 0
        self._sums: list[bytes] = []

    def update(self, data: memoryview) -> None:
        """Take bytes; a whole block is summed where it lies."""
        size = self._block.size
        while len(data):
            part = np.frombuffer(data[: size - self._filled], np.uint8)
            data = data[part.size :]
            if part.size == size:
                self._sums.append(block_sum(part))
                continue
            self._block[self._filled : self._filled + part.size] = part
            self._filled += part.size
            if self._filled == size:
                self._close()

    def finish(self) -> bytes:
        """The checksums, one behind the other; the last block may be shorter."""
        if self._filled:
            self._close()
        return b"".join(self._sums)

    def _close(self) -> None:
        self._sums.append(block_sum(self._block[: self._filled]))
        self._filled = 0
