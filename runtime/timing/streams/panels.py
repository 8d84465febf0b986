"""A panel on its way from HBM to the MAC trees, and what is known once it is drained."""

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from runtime.order.ranges import Range
from runtime.timing.chaining import Ints
from runtime.timing.events import AT_ONCE, Cause, Reason
from runtime.timing.scoreboard import NEVER, Wait


@lru_cache(1024)
def shares(total: int, beats: int, low: int, high: int) -> Ints:
    """How much of something the first beats have together, for `low` to `high` of them."""
    whole, rest = divmod(total, max(1, beats))
    first = np.arange(low, high + 1)
    return whole * first + rest * first // max(1, beats)


@dataclass(eq=False)
class Panel:
    """A panel on its way: times are known as far as `asked` beats.

    `base` are the bytes of all panels before. It begins behind `hazard`, and `border` units behind
    the panel before it and when so many `bills` of transfers are paid, or takes so much less than
    its `units` as far as only these hold it up (`hbm.borders`). From `ready` on there is room.
    """

    number: int
    pc: int
    size: int
    beats: int
    units: int
    range: Range
    issued: int
    base: int
    bills: int
    hazard: Wait
    border: int = 0
    asked: int = 0
    begun: int | None = None
    cause: Cause = Cause.ISSUE
    waited: int = NEVER
    first: Reason = AT_ONCE
    ready: int = 0
    last: int = 0

    def bytes_up_to(self, low: int, high: int) -> Ints:
        """Bytes of all panels up to each of this one's beats of a window."""
        return self.base + shares(self.size, self.beats, low, high)[1:]

    @property
    def sent(self) -> bool:
        """Whether its last byte is requested."""
        return self.begun is not None and self.asked == self.beats


class Drain(NamedTuple):
    """A panel with the time at which its last tile is done.

    `late` is by how much arrivals delay the last tile, and `arrived` when the beat came that delays
    it most, the last of several. `left` is when each end is that the product's needs list
    (`Needs.ends`).
    """

    panel: Panel
    over: int
    late: int
    arrived: int
    left: Ints


class Beats(NamedTuple):
    """Beats that are drained: bytes of all panels `upto` each, when it `arrived` and was done.

    By `lags` after the first tile could start an arrival alone lets it start, by `behind` all do.
    """

    upto: Ints
    arrived: Ints
    lags: Ints
    behind: Ints
    when: Ints

    def first(self, count: int) -> "Beats":
        """Some of them."""
        return Beats(*(column[:count] for column in self))


class Product(NamedTuple):
    """What drains a panel: so many tiles, of which those from `begins` on are `held` so long.

    The first of `held` is for tiles before all of `begins`.
    """

    tiles: int
    begins: Ints
    held: Ints

    def drained(self, panel: Panel, low: int, late: int, arrived: Ints) -> Beats:
        """Drain the beats from `low` on that arrive in these cycles; earlier ones were `late`."""
        high = low + arrived.size
        tile, upto = shares(self.tiles, panel.beats, low, high), panel.bytes_up_to(low, high)
        lags = arrived - tile[:-1]
        behind = np.maximum.accumulate(np.maximum(lags, late))
        full = behind
        if behind[0] < self.held[-1]:
            full = np.maximum(behind, self.held[self.begins.searchsorted(tile[1:])])
        return Beats(upto, arrived, lags, behind, full + tile[1:])
