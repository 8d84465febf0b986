"""Bursts of the memory's channels as the library takes them, and the call that serves them.

    library = serving_library()         # None where the library does not serve
    call = Serve(library, law, clocks)  # what is known of all channels, in arrays that stay
    call(channels, counts, places, along, across, base, writes)

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
CLOCKS = struct.Struct("9q")
BURSTS = struct.Struct("10q")


@cache
def serving_library() -> ctypes.CDLL | None:
    """The library, if it serves."""
    kernel = serving().kernel
    if kernel is None:
        return None
    kernel.library.lpuc_serve.restype = None
    kernel.library.lpuc_serve.argtypes = [ctypes.c_char_p] * 3
    return kernel.library


def address(array: Ints) -> int:
    """Where the elements of an array lie."""
    return array.__array_interface__["data"][0]


def _lies_in_a_row(array: Ints) -> bool:
    return array.flags.c_contiguous and array.dtype == np.int64


class Serve:
    """Serves bursts of some channels, whose clocks it changes."""

    def __init__(self, library: ctypes.CDLL, law: Sequence[int], clocks: Sequence[Ints]) -> None:
        assert all(map(_lies_in_a_row, clocks))
        self._serve, self._kept = library.lpuc_serve, clocks
        self._law = LAW.pack(*law)
        self._clocks = CLOCKS.pack(*map(address, clocks))

    def __call__(
        self, channels: Ints, counts: Ints, places: Sequence[Ints], strides: tuple[int, int],
        base: int, writes: bool,
    ) -> None:  # fmt: skip
        """Queues of bursts, each of another channel, `counts` of each.

        `places` are group, bank of all groups and row, which counts from `base`; `strides` leads
        from a burst to the next one and from a queue to the next one, in elements.
        """
        given = (channels, counts, *places)
        assert all(map(_lies_in_a_row, given))
        where = map(address, given)
        self._serve(
            self._law, self._clocks, BURSTS.pack(channels.size, *strides, base, writes, *where)
        )
