"""Requests for the memory as the library takes them, and the call that finds their borders.

    memory = Memory(library, law, places, known, numbers)
    patterns = pack(kind, numbers, axes)                # `struct pattern` of requests.c
    borders = memory.borders([(low, address_of_pattern), ...])

What is known of channels, `law` and `places` are those of `runtime.native.channels`.
"""

import ctypes
import struct
from collections.abc import Sequence
from itertools import chain

import numpy as np

from runtime.native.channels import CLOCKS, LAW, PLACES, Ints, address
from runtime.native.granules import Scratch

PATTERN = struct.Struct("15q")
MEMORY = struct.Struct("27q")
STATE = struct.Struct("2q")
ASCENDING, PIECES, BY_INDEX = range(3)
"""Kinds of patterns."""
AXES = 4
FEW = 1 << 6
"""Requests for whose borders there is room at first."""


def pack(kind: int, numbers: Sequence[int], axes: Sequence[tuple[int, int]]) -> bytes:
    """A pattern: its run, what it writes, what it reads before that, its clocks and its pieces,
    and strides and extents of its axes.
    """
    more = (0,) * (AXES - len(axes))
    strides, extents = (*(s for s, _ in axes), *more), (*(e for _, e in axes), *more)
    return PATTERN.pack(kind, *numbers, len(axes), *strides, *extents)


class Memory:
    """Channels of a device, and others that are used between; the library changes all of them.

    `numbers` are the bytes of a burst, the units of a beat, and whether it merges; `looked_at` are
    the bursts of a channel of which some are looked at.
    """

    def __init__(
        self, library: ctypes.CDLL, law: Sequence[int], places: tuple[Sequence[int], Ints, Ints],
        known: Sequence[Sequence[Ints]], numbers: Sequence[int], looked_at: int, over: int,
    ) -> None:  # fmt: skip
        fixed, *dense = places
        channels = fixed[0]
        self._call = library.lpuc_borders
        self._call.restype = None
        self._call.argtypes = [*[ctypes.c_char_p] * 3, ctypes.c_void_p, ctypes.c_char_p,
                               ctypes.c_int64, ctypes.c_void_p]  # fmt: skip
        room = 4 * looked_at * channels
        lists, counts = np.zeros((2, 2 * room), np.int64), np.zeros((2, channels), np.int64)
        self._kept = dense, known, lists, counts
        self._law, self._places = LAW.pack(*law), PLACES.pack(*fixed, *map(address, dense))
        clocks, *others = ([address(part) for part in parts] for parts in known)
        self._clocks = CLOCKS.pack(*clocks)
        scratch = (*map(address, lists), *map(address, counts))
        self._memory = bytearray(
            MEMORY.pack(*numbers, room, *scratch, *chain(*others)) + STATE.pack(over, -1)
        )
        self._at = ctypes.addressof(ctypes.c_char.from_buffer(self._memory))
        self._found = Scratch(2 * FEW)

    def borders(self, requests: Sequence[tuple[int, int]]) -> list[int]:
        """Total and banks of each request, one behind the other, in units.

        A request is its first byte and where its pattern lies.
        """
        count = len(requests)
        given = struct.pack(f"{2 * count}q", *chain(*requests))
        found = self._found.of(2 * count)
        self._call(self._law, self._places, self._clocks, self._at, given, count, found)
        return self._found.numbers[: 2 * count].tolist()

    @property
    def state(self) -> tuple[int, int]:
        """When all channels are free, and the direction of the last request, -1 for none."""
        over, wrote = STATE.unpack_from(self._memory, MEMORY.size)
        return over, wrote

    @state.setter
    def state(self, state: tuple[int, int]) -> None:
        STATE.pack_into(self._memory, MEMORY.size, *state)
