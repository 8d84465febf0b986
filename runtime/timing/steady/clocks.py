"""The part of a phase that engines, queues, links and the LMU have."""

from collections import deque
from itertools import dropwhile
from typing import NamedTuple, Self

import numpy as np

from runtime.order.ranges import Range
from runtime.timing.engines import Engines
from runtime.timing.events import Engine
from runtime.timing.fetch import Fetch
from runtime.timing.links import Links, Sent
from runtime.timing.scoreboard import HbmScoreboard, LmuScoreboard, Wait
from runtime.timing.steady.since import Now, Since

Fresh = Since | None


class Clocks(NamedTuple):
    """When engines are free, when the last instructions left their queues, when the bus was used
    and for what, and when words were fetched.
    """

    free: tuple[Fresh, ...]
    queues: tuple[tuple[Since, ...], ...]
    bus: Fresh
    wrote: bool
    fetch: tuple[int, int]

    @classmethod
    def of(cls, engines: Engines, now: Now) -> Self:
        """Those of a machine."""
        turn = max(engines.rates.to_read, engines.rates.to_write)
        fetch = engines.fetch
        return cls(
            tuple(now.fresh(engines.free[engine]) for engine in Engine),
            tuple(
                tuple(now.since(left) for left in engines.queues[engine] if left.time >= now.time)
                for engine in Engine
            ),
            now.fresh(engines.bus, turn), engines.wrote, (fetch.begun - now.time, fetch.words),
        )  # fmt: skip

    def resume(self, engines: Engines, now: Now) -> None:
        """Give them to a machine."""
        for engine, free, queue in zip(Engine, self.free, self.queues, strict=True):
            engines.free[engine] = now.waits(free)
            engines.queues[engine].extend(map(now.wait, queue))
        engines.bus, engines.wrote = now.waits(self.bus), self.wrote
        self._fetch(engines.fetch, now)

    def _fetch(self, fetch: Fetch, now: Now) -> None:
        begun, fetch.words = self.fetch
        fetch.begun = begun + now.time


class Near(NamedTuple):
    """Granules of the LMU that are written or used from now on: which, until when, by whom."""

    where: bytes
    times: bytes
    numbers: bytes

    @classmethod
    def of(cls, lmu: LmuScoreboard, now: Now) -> Self:
        """Those of a machine."""
        where = np.flatnonzero(lmu.times >= max(1, now.time))
        times, numbers = lmu.times[where] - now.time, lmu.numbers[where] - np.int32(now.number)
        return cls(where.tobytes(), times.tobytes(), numbers.tobytes())

    def resume(self, lmu: LmuScoreboard, now: Now) -> None:
        """Give them to a machine that has none."""
        where = np.frombuffer(self.where, np.int64)
        lmu.times[where] = np.frombuffer(self.times, np.int64) + now.time
        lmu.numbers[where] = np.frombuffer(self.numbers, np.int32) + np.int32(now.number)


class Far(NamedTuple):
    """Accesses to HBM that are over from now on."""

    pending: tuple[Since, ...]

    @classmethod
    def of(cls, hbm: HbmScoreboard, now: Now) -> Self:
        """Those of a machine, from the first that is not over."""
        waits = dropwhile(lambda wait: wait.time <= now.time, (wait for _, wait in hbm.pending))
        return cls(tuple(map(now.since, waits)))

    def resume(self, hbm: HbmScoreboard, now: Now, ranges: dict[int, Range]) -> None:
        """Give them to a machine, with the ranges of instructions by their numbers."""
        for wait in map(now.wait, self.pending):
            hbm.pending.append((ranges[wait.waited], wait))


class Message(NamedTuple):
    """A message on its way, as `Sent`."""

    number: int
    begins: bytes
    lags: bytes

    @classmethod
    def of(cls, sent: Sent, now: Now) -> Self:
        """A message; steps that were there before now are there."""
        lags = np.maximum(sent.lags - now.time, -1)
        return cls(now.named(sent.number), sent.begins.tobytes(), lags.tobytes())

    def sent(self, now: Now) -> Sent:
        """What it was made of."""
        lags = np.frombuffer(self.lags, np.int64) + now.time
        return Sent(now.number_of(self.number), np.frombuffer(self.begins, np.int64), lags)


class Sides(NamedTuple):
    """Messages on their way, when others were received, and room for more; the left side first."""

    sent: tuple[tuple[Message, ...], ...]
    received: tuple[tuple[Fresh, ...], ...]
    room: tuple[int, ...]

    @classmethod
    def of(cls, links: Links, now: Now) -> Self:
        """Those of a machine."""
        return cls(
            tuple(tuple(Message.of(sent, now) for sent in side) for side in links.sent.values()),
            tuple(tuple(map(now.fresh, side)) for side in links.received.values()),
            tuple(links.room.values()),
        )

    def resume(self, links: Links, now: Now) -> None:
        """Give them to a machine."""
        parts = zip(links.room, self.sent, self.received, self.room, strict=True)
        for side, sent, received, room in parts:
            links.sent[side] = deque(message.sent(now) for message in sent)
            links.received[side] = deque[Wait](map(now.waits, received))
            links.room[side] = room
