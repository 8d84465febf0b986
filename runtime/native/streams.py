"""Beats of panels as the library takes them, and the calls that request and drain them.

    filling = Filling(library, (unit, depth, latency), (arrivals, freed, runs))
    served, waits = filling.request(served, panel)      # the next beats for which there is room
    drained = filling.drain(served, panel, (tiles, start), needs, delays, ends)

Panels and rows of numbers belong to the caller: they are as far on as the library went.
"""

import ctypes
import struct
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from runtime.native.channels import Ints, address
from runtime.native.granules import Scratch

CONSTANT = struct.Struct("3q")
STATE = struct.Struct("26q")
"""What follows it in `struct filling` of streams.c."""
ROWS = struct.Struct("13q")
"""The first of that."""
MOST = 1 << 12
"""Beats of a call."""


class Rows(Protocol):
    """Columns of numbers with room for `size`, of which those from `low` up to `high` count."""

    values: Ints
    size: int
    low: int
    high: int

    def reserve(self, count: int) -> None:
        """Have room for so many more."""


class Panel(Protocol):
    """A panel of which some beats are asked for."""

    base: int
    size: int
    beats: int
    units: int
    asked: int
    last: int
    ready: int


class Drained(NamedTuple):
    """What was served; whether beats waited for room; by how much they delay the last tile; when
    the last that delays it so came; when each end is left, until the next call.
    """

    served: int
    waits: bool
    late: int
    came: int
    left: Ints


class Filling:
    """Beats of a device."""

    def __init__(
        self, library: ctypes.CDLL, constant: tuple[int, int, int], rows: Sequence[Rows]
    ) -> None:
        self._request, self._drain = library.lpuc_request, library.lpuc_drain
        self._leave = library.lpuc_leave
        whole, numbers, where = ctypes.c_char_p, ctypes.c_int64, ctypes.c_void_p
        self._request.argtypes = [where, numbers]
        self._drain.argtypes = [where, whole, where, numbers, where, numbers]
        self._leave.argtypes = [where, whole, where, numbers, where, where]
        for call in (self._request, self._drain, self._leave):
            call.restype = None
        self._rows = tuple(rows)
        self._known = [rows.values for rows in self._rows]
        self._addresses = list(map(address, self._known))
        self._buffer = bytearray(CONSTANT.size + STATE.size)
        self.at = ctypes.addressof(ctypes.c_char.from_buffer(self._buffer))
        CONSTANT.pack_into(self._buffer, 0, *constant)
        self._behind, self._left = Scratch(MOST), Scratch(MOST)

    def request(self, served: int, panel: Panel) -> tuple[int, bool]:
        """Request beats as far as there is room, some of many; what was served, and whether beats
        waited for room.
        """
        self._give(served, panel, (0, 0, 0, 0, 0))
        self._request(self.at, MOST)
        served, waits, *_ = self._take(panel)
        return served, waits

    def drain(
        self, served: int, panel: Panel, product: tuple[int, int], needs: bytes, delays: Ints,
        ends: int,
    ) -> Drained:  # fmt: skip
        """Drain a panel with so many tiles from a time on; `needs` has so many `ends`."""
        tiles, start = product
        behind, left = self._behind.of(panel.beats), self._left.of(ends)
        where, waits, done, held, late, came = address(delays), False, 0, 0, start, start
        while True:
            self._give(served, panel, (tiles, done, held, late, came))
            self._drain(self.at, needs, where, start, behind, MOST)
            served, waited, done, held, late, came = self._take(panel)
            waits |= waited
            if done == panel.beats:
                break
        self._leave(self.at, needs, where, start, behind, left)
        return Drained(served, waits, late, came, self._left.numbers[:ends])

    def give(self, served: int, more: int = MOST) -> None:
        """Tell the library where rows stand, with room for so many more, and what was served."""
        self._find(more)
        (a, b, c), (at_a, at_b, at_c) = self._rows, self._addresses
        ROWS.pack_into(
            self._buffer, CONSTANT.size, a.low, a.high, a.size, at_a, b.low, b.high, b.size, at_b,
            c.low, c.high, c.size, at_c, served,
        )  # fmt: skip

    def take(self) -> int:
        """Know where rows stand behind what the library did; what was served."""
        a, b, c = self._rows
        (
            a.low, a.high, _, _, b.low, b.high, _, _, c.low, c.high, _, _, served,
        ) = ROWS.unpack_from(self._buffer, CONSTANT.size)  # fmt: skip
        return served

    def _find(self, more: int) -> None:
        """Have room in all rows, and know where they lie."""
        for index, rows in enumerate(self._rows):
            rows.reserve(more)
            if rows.values is not self._known[index]:
                self._known[index], self._addresses[index] = rows.values, address(rows.values)

    def _give(self, served: int, panel: Panel, product: tuple[int, ...]) -> None:
        """Tell the library where all stands."""
        self._find(MOST)
        (a, b, c), (at_a, at_b, at_c), p = self._rows, self._addresses, panel
        STATE.pack_into(
            self._buffer, CONSTANT.size, a.low, a.high, a.size, at_a, b.low, b.high, b.size, at_b,
            c.low, c.high, c.size, at_c, served, p.base, p.size, p.beats, p.units, p.asked, p.last,
            p.ready, 0, *product,
        )  # fmt: skip

    def _take(self, panel: Panel) -> tuple[int, bool, int, int, int, int]:
        """What was served, whether beats waited, and how far a product is."""
        a, b, c = self._rows
        (
            a.low, a.high, _, _, b.low, b.high, _, _, c.low, c.high, _, _, served,
            _, _, _, _, panel.asked, panel.last, panel.ready, waits, _, done, held, late, came,
        ) = STATE.unpack_from(self._buffer, CONSTANT.size)  # fmt: skip
        return served, waits > 0, done, held, late, came
