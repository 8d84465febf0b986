"""Bursts of the memory's channels as the library takes them, and the calls that serve them.

    library = serving_library()         # None where the library does not serve
    served = Served(library, law, places, clocks)  # what is known of channels, in arrays that stay
    served.serve(channels, counts, places, writes)
    served.follow(first, last, writes, until)

The law is that of `runtime.timing.hbm.banks`; the numbers are named in channels.c.
"""

import ctypes
import struct
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from runtime.native.library import serving

Ints = np.ndarray[Any, np.dtype[np.int64]]
LAW = struct.Struct("15q")
PLACES = struct.Struct("11q")
CLOCKS = struct.Struct("9q")
BURSTS = struct.Struct("7q")
FOLLOWING = struct.Struct("4q")


@cache
def serving_library() -> ctypes.CDLL | None:
    """The library, if it serves."""
    kernel = serving().kernel
    if kernel is None:
        return None
    kernel.library.lpuc_serve.restype = kernel.library.lpuc_follow.restype = None
    kernel.library.lpuc_serve.argtypes = [ctypes.c_char_p] * 3
    kernel.library.lpuc_follow.argtypes = [ctypes.c_char_p] * 4
    return kernel.library


def address(array: np.ndarray[Any, Any]) -> int:
    """Where the elements of an array lie."""
    return array.__array_interface__["data"][0]


def _lies_in_a_row(array: Ints) -> bool:
    return array.flags.c_contiguous and array.dtype == np.int64


class Served:
    """Channels whose clocks the library changes.

    `places` are the numbers of `struct places`, and the clocks of ascending bursts that are read
    and that are written.
    """

    def __init__(
        self, library: ctypes.CDLL, law: Sequence[int],
        places: tuple[Sequence[int], Ints, Ints], clocks: Sequence[Ints],
    ) -> None:  # fmt: skip
        numbers, *dense = places
        assert all(map(_lies_in_a_row, (*clocks, *dense)))
        self._serve, self._follow = library.lpuc_serve, library.lpuc_follow
        self._kept = clocks, dense
        self._law = LAW.pack(*law)
        self._places = PLACES.pack(*numbers, *map(address, dense))
        self._clocks = CLOCKS.pack(*map(address, clocks))

    def serve(self, channels: Ints, counts: Ints, places: Sequence[Ints], writes: bool) -> None:
        """Queues of bursts, each of another channel, `counts` of each.

        `places` are group, bank of all groups and row: the k-th burst of each queue in row k.
        """
        given = (channels, counts, *places)
        assert all(map(_lies_in_a_row, given))
        bursts = BURSTS.pack(channels.size, writes, *map(address, given))
        self._serve(self._law, self._clocks, bursts)

    def follow(self, first: int, last: int, writes: bool, until: int) -> None:
        """Bursts that follow each other."""
        following = FOLLOWING.pack(first, last, writes, until)
        self._follow(self._law, self._places, self._clocks, following)
