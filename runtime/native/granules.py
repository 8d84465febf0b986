"""Granules of the LMU as the library takes them, and the calls that go through passes.

board = Board(library, times, numbers)      # arrays that stay, of which the library changes some
needs = pack(counts, arrays, granules)      # `struct needs` of granules.h
delays = board.delays(needs, count)
board.mark(needs, left, number, latency)
late = board.passed(needs, number, start, latency, shift)
"""

import ctypes
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np

from runtime.native.channels import Ints, address

NEEDS = struct.Struct("11q")
BOARD = struct.Struct("3q")
LATE = struct.Struct("2q")
FEW = 1 << 10
"""Granules of a pass for which there is room at first."""
Numbers = np.ndarray[Any, np.dtype[np.int32]]
Granules = slice | Ints


def pack(counts: Sequence[int], arrays: Sequence[Ints], granules: Sequence[Granules]) -> bytes:
    """What a pass needs, as granules.h names it. The arrays have to stay where they are."""
    assert all(array.flags.c_contiguous and array.dtype == np.int64 for array in arrays)
    where = [number for some in granules for number in _granules(some)]
    return NEEDS.pack(*counts, *map(address, arrays), *where)


def _granules(some: Granules) -> tuple[int, int]:
    """The first of them, and where their numbers lie, if those do not follow each other."""
    if isinstance(some, slice):
        return some.start, 0
    assert some.flags.c_contiguous and some.dtype == np.int64
    return 0, address(some)


class Scratch:
    """Numbers that the library finds, which are there until it is asked again."""

    def __init__(self, count: int) -> None:
        self._give(count)

    def _give(self, count: int) -> None:
        self.numbers, self._room = np.zeros(count, np.int64), count
        self._at = address(self.numbers)

    def of(self, count: int) -> int:
        """Where there is room for so many."""
        if count > self._room:
            self._give(2 * count)
        return self._at


class Board:
    """Times and instructions of granules, written from the front and used from the back."""

    def __init__(self, library: ctypes.CDLL, times: Ints, numbers: Numbers) -> None:
        assert times.flags.c_contiguous and numbers.flags.c_contiguous
        self._delays, self._mark = library.lpuc_delays, library.lpuc_mark
        self._pass = library.lpuc_pass
        for call, pointers, given in ((self._delays, 1, 0), (self._mark, 1, 2), (self._pass, 2, 4)):
            where = [ctypes.c_void_p] * pointers
            call.restype = None
            call.argtypes = [ctypes.c_void_p, ctypes.c_char_p, *where, *[ctypes.c_int64] * given]
        self._kept = times, numbers
        self._found, self._left = Scratch(FEW), Scratch(FEW)
        self._board = bytearray(BOARD.size + LATE.size)
        self.at = ctypes.addressof(ctypes.c_char.from_buffer(self._board))
        BOARD.pack_into(self._board, 0, times.size, address(times), address(numbers))

    def delays(self, needs: bytes, count: int) -> Ints:
        """By how much each of so many granules delays a pass, and those before.

        It is there until the next call.
        """
        self._delays(self.at, needs, self._found.of(count))
        return self._found.numbers[:count]

    def mark(self, needs: bytes, left: Ints, number: int, latency: int) -> None:
        """Note a pass that leaves its ends at some times."""
        assert left.flags.c_contiguous and left.dtype == np.int64
        self._mark(self.at, needs, address(left), number, latency)

    def passed(
        self, needs: bytes, count: int, number: int, start: int, latency: int, shift: int
    ) -> tuple[int, int]:
        """Note a pass that only so many granules delay; by how much, and who is behind that."""
        found, left = self._found.of(count), self._left.of(count)
        self._pass(self.at, needs, found, left, number, start, latency, shift)
        return LATE.unpack_from(self._board, BOARD.size)
