"""What requests take that follow each other: channels go on alone, and banks are still in use.

The law (`requests`) says what a request takes of its busiest channel, which was on rows in nobody's
way. Here all channels (`channels`) go from request to request, in the order of the program, each on
its own: a channel that has less to do than others begins the next request earlier, and where a bank
is in use, or the bus turns, later. A request is over when all channels are. By how many clocks that
is later than the end of the one before, beside what the law says, is its border: more than nothing
where it waits, less where it overlaps the one before. So

    a stream     is later by it than the stream before it and the bills that it waits for, or takes
                 so much less time, as far as it could have begun earlier
    a transfer   waits for banks as long behind whatever else it waits for; its bill is what the
                 border leaves of its time

and a rest of the channels takes a border away. Channels that go on without a rest take what the
bursts take. None is far ahead of others: the first burst of a request is served, by any channel, at
most `hbm_lead` bursts before all channels are through with what comes before it. Rows are opened
meanwhile.

Of a channel's bursts in a request only the first and the last `EDGE` are looked at where there are
more than both, by address: a bank is free again long before; those between go at the rate of the
law. Where an index chooses rows nobody knows them, so they are in nobody's way, and all channels
wait for each other.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import numpy as np

from runtime.target import Target
from runtime.timing.hbm.channels import channels_of
from runtime.timing.hbm.clocks import Clocks
from runtime.timing.hbm.law import in_units
from runtime.timing.hbm.parts import Parts, parts_of
from runtime.timing.hbm.queues import beside
from runtime.timing.hbm.requests import Pattern, is_ascending


class Border(NamedTuple):
    """Clocks. `total` is the border; of it a request waits for `banks`, with no turn of the bus."""

    total: int
    banks: int


NOTHING = Border(0, 0)
Request = tuple[Pattern | None, int, int]
"""A pattern, None of what is no request, its first byte, and what it takes by the law."""


class Bordering(Protocol):
    """Who knows the borders of the requests of a run, which are asked for one after the other."""

    def in_units(self, pattern: Pattern | None, low: int, took: int) -> Border:
        """The border of the next request, in units of the channels; nothing of what is none."""
        ...

    def several(self, requests: Sequence[Request]) -> list[Border]:
        """Those of the next requests."""
        ...


class Borders:
    """The channels of a run, which `make` makes."""

    def __init__(self, target: Target, make: Callable[[Target, int], Clocks] = channels_of) -> None:
        self.target, self.make = target, make
        self.channels = make(target, target.hbm_channels)
        self.wrote: bool | None = None
        self.over = int(self.channels.over.max())
        self.held = 0

    def behind(self, pattern: Pattern, low: int, took: int) -> Border:
        """The border of the next request of the program, which takes so long by the law.

        Its first byte is `low`.
        """
        over = self.over
        self.held = over - self.target.hbm_lead * self.target.hbm_nbl
        if pattern.indexed:
            self.over += took
            self._index(self.over, pattern.writes)
            return NOTHING
        if is_ascending(pattern):
            turn, burst = self._turn(pattern.writes), self.target.hbm_burst_bytes
            first, last = low // burst, (low + pattern.run - 1) // burst
            self.channels.follow(first, last, pattern.writes, self.held)
        else:
            parts = parts_of(pattern, low, self.target)
            turn = self._turn(parts.first[0][1])
            self._serve(parts, took)
        self.wrote = pattern.writes
        self.over = int(self.channels.over.max())
        total = self.over - over - took
        return Border(total, max(0, total - turn))

    def in_units(self, pattern: Pattern | None, low: int, took: int) -> Border:
        """The same in units of the channels; nothing of what is no request."""
        if pattern is None:
            return NOTHING
        return Border(*(in_units(n, self.target) for n in self.behind(pattern, low, took)))

    def several(self, requests: Sequence[Request]) -> list[Border]:
        """The same of the next requests."""
        return [self.in_units(*request) for request in requests]

    def _serve(self, parts: Parts, took: int) -> None:
        """What lies behind the first bursts takes what the law says less what these take alone,
        and the last bursts leave banks as if they came alone.
        """
        for of, writes in parts.first:
            self.channels.keep_up(of.channels, writes, self.held)
            self.channels.serve(of, writes)
        if not parts.last:
            return
        count = self.target.hbm_channels
        ((front, reads),), ((back, writes),) = parts.first, parts.last
        alone = self.make(self.target, 2 * count)
        if reads == writes:
            alone.serve(beside(front, back, count), writes)
        else:
            alone.serve(front, reads)
            alone.serve(back._replace(channels=back.channels + count), writes)
        own = -(-parts.counts * took // max(1, int(parts.counts.max())))
        self.channels.later(np.maximum(0, own - alone.over[:count]))
        self.channels.like(alone, back.channels + count, back.channels)

    def _index(self, over: int, writes: bool) -> None:
        """Every channel is free at some time, on other rows."""
        self.channels = self.make(self.target, self.target.hbm_channels)
        self.channels.later(np.full(self.target.hbm_channels, over))
        self.channels.wrote[:], self.wrote = writes, writes

    def _turn(self, writes: bool) -> int:
        """Clocks for which the bus turns, which transfers are told to wait besides."""
        t = self.target
        if self.wrote in (None, writes):
            return 0
        return max(0, (t.hbm_nrtw if writes else t.hbm_nwtr) - t.hbm_nbl)
