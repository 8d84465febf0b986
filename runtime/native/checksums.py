"""Sums of words by which blocks of weights are known, made by the library.

    summing = serving_sums()                    # None where the library does not serve
    sums = summing.of_block(block)              # FIRST + SECOND numbers
    each = summing.of_parts(descriptor, parts)  # of ranges of a file, a row for each

What the sums are, and what they are for, is said by `runtime.weights.checksums`. Calls let other
threads go on.
"""

import ctypes
import os
import sys
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from runtime.native.library import serving

Bytes = np.ndarray[Any, np.dtype[np.uint8]]
Words = np.ndarray[Any, np.dtype[np.uint64]]

FIRST, SECOND = 1024, 1021
PIECE_BYTES = 1 << 18
"""What of a file is read at once: the cache of a core holds it."""
ENDS = -1
"""The file ends before a part does."""


class Summing:
    """The calls of a library. Threads may share it."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._block, self._parts = library.lpuc_sum_block, library.lpuc_sum_parts
        self._block.restype, self._parts.restype = None, ctypes.c_int
        self._block.argtypes = [ctypes.c_void_p, ctypes.c_int64, ctypes.c_void_p]
        numbers = [ctypes.c_int64, ctypes.c_void_p]
        self._parts.argtypes = [ctypes.c_int, ctypes.c_void_p, *numbers, *numbers]

    def of_block(self, block: Bytes) -> Words:
        """The sums of contiguous bytes."""
        assert block.flags.c_contiguous
        sums = np.empty(FIRST + SECOND, np.uint64)
        self._block(block.ctypes.data, block.nbytes, sums.ctypes.data)
        return sums

    def of_parts(self, descriptor: int, parts: Sequence[tuple[int, int]]) -> Words:
        """
        The sums of bytes [start, stop) of an open file, [P, FIRST + SECOND].

        Raises EOFError if the file ends before one of them does, OSError if it cannot be read.
        """
        ranges = np.array(parts, np.int64).reshape(-1, 2)
        sums = np.empty((len(ranges), FIRST + SECOND), np.uint64)
        piece = np.empty(PIECE_BYTES, np.uint8)
        wrong = self._parts(
            descriptor, ranges.ctypes.data, len(ranges), piece.ctypes.data, piece.nbytes,
            sums.ctypes.data,
        )  # fmt: skip
        if wrong == ENDS:
            raise EOFError
        if wrong:
            raise OSError(wrong, os.strerror(wrong))
        return sums


@cache
def serving_sums() -> Summing | None:
    """The library, if it serves, reads files, and words are to this machine what they are to it."""
    kernel = serving().kernel
    if kernel is None or sys.byteorder != "little" or not hasattr(kernel.library, "lpuc_sum_parts"):
        return None
    return Summing(kernel.library)
