"""Judges sums of words of a library by their definition, one word at a time."""

import os
import random
import tempfile
from collections.abc import Sequence

import numpy as np

from runtime.native.checksums import PIECE_BYTES, Summing
from runtime.native.library import Kernel

PARTS = (
    (0, 8192), (3, 3), (0, 1), (5, 8200), (1, 8), (16, 8192 + 23), (0, 8 * 1021), (8, 8 * 1020),
    (0, PIECE_BYTES), (7, PIECE_BYTES + 7), (9, PIECE_BYTES + 18), (11, 3 * PIECE_BYTES - 2),
)  # fmt: skip
"""Of a file: words, rows of both kinds and pieces that are whole or not."""
SIZE = 3 * PIECE_BYTES


def defined(data: bytes) -> np.ndarray:
    """The sums of a block: of what fills up rows of 1024 words, whole rows of 1021."""
    words = np.frombuffer(data + bytes(-len(data) % (1024 * 8)), "<u8")
    sums = np.zeros(1024 + 1021, np.uint64)
    np.add.at(sums, np.arange(words.size) % 1024, words)
    rows = words[: words.size // 1021 * 1021]
    np.add.at(sums, 1024 + np.arange(rows.size) % 1021, rows)
    return sums


def wrong(kernel: Kernel) -> str:
    """The first case in which sums of the library are not what they should be."""
    if not hasattr(kernel.library, "lpuc_sum_parts"):
        return ""
    summing, data = Summing(kernel.library), random.Random(1).randbytes(SIZE)
    for start, stop in PARTS:
        block = np.frombuffer(data, np.uint8)[start:stop]
        if not np.array_equal(summing.of_block(block), defined(data[start:stop])):
            return f"a block of {stop - start} bytes from {start} on"
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.flush()
        return _wrong_in_file(summing, file.fileno(), data)


def _wrong_in_file(summing: Summing, descriptor: int, data: bytes) -> str:
    expected = [defined(data[start:stop]) for start, stop in PARTS]
    if not np.array_equal(summing.of_parts(descriptor, PARTS), expected):
        return "parts of a file"
    if not _ends(summing, descriptor, [(0, 8), (SIZE - 8, SIZE + 1)]):
        return "the end of a file is passed over"
    closed = os.dup(descriptor)
    os.close(closed)
    try:
        summing.of_parts(closed, PARTS)
    except OSError:
        return ""
    return "a file that cannot be read is none"


def _ends(summing: Summing, descriptor: int, parts: Sequence[tuple[int, int]]) -> bool:
    try:
        summing.of_parts(descriptor, parts)
    except EOFError:
        return True
    return False
