"""Hazards: when the bytes that an instruction touches are free, on chip and in HBM.

The LMU has one entry per granule: when it became valid, when its last use so far is over, and which
instructions were the last to do so. A step of a pass waits for the granules that it needs. In HBM,
writes are acknowledged and streams are requested in the order of the program, so whoever waits for
one of them waits for the last that meets its range.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

import numpy as np

from runtime.order.ranges import Range, meet
from runtime.timing.chaining import Ints, Touch

NEVER = -1
NONE = np.zeros(0, np.int64)


class Wait(NamedTuple):
    """A time and the number of the instruction that is behind it, -1 for none."""

    time: int
    waited: int = NEVER


NOW = Wait(0)


@dataclass(frozen=True, eq=False)
class Needs:
    """What a pass needs and leaves, by its steps: the same for all passes with these touches.

    `begins` are the steps in which granules are needed, ascending, `order` puts granules in that
    order. `ends` are the ends of all touches, one touch after the other up to `stops`, and `until`
    how many granules are needed before each of them.
    """

    reads: tuple[Touch, ...]
    writes: tuple[Touch, ...]
    begins: Ints
    order: Ints
    ends: Ints
    stops: tuple[int, ...]
    until: Ints

    @property
    def steps(self) -> int:
        """Steps that the granules take at least."""
        return int(self.ends.max(initial=0))


def needs(reads: Sequence[Touch], writes: Sequence[Touch]) -> Needs:
    """The needs of a pass."""
    both = (*reads, *writes)
    if not both:
        return Needs((), (), NONE, NONE, NONE, (), NONE)
    begins = np.concatenate([_spread(t.begin, t) for t in both])
    order = np.argsort(begins, kind="stable")
    begins = begins[order]
    ends = np.concatenate([t.end for t in both])
    stops = tuple(accumulate(t.end.size for t in both))
    until = np.searchsorted(begins, ends)
    return Needs(tuple(reads), tuple(writes), begins, order, ends, stops, until)


def _spread(values: Ints, touch: Touch) -> Ints:
    """One value for each granule of a touch."""
    where = touch.granules
    return np.broadcast_to(values, where.stop - where.start) if isinstance(where, slice) else values


class LmuScoreboard:
    """Times at which granules became valid and were last used, and by which instruction."""

    def __init__(self, size: int, granule: int) -> None:
        entries = -(-size // granule)
        self.written, self.used = np.zeros(entries, np.int64), np.zeros(entries, np.int64)
        self.writer = np.full(entries, NEVER, np.int32)
        self.user = np.full(entries, NEVER, np.int32)

    def delays(self, of: Needs) -> Ints:
        """By how much each needed granule, ascending by step, delays the pass, and those before.

        A step k with n granules needed up to it is not done before `delays[n - 1] + k`.
        """
        if not of.order.size:
            return NONE
        found = [self.written[t.granules] - t.begin for t in of.reads]
        found += [self.used[t.granules] - t.begin for t in of.writes]
        return np.maximum.accumulate(np.concatenate(found)[of.order])

    def behind(self, of: Needs) -> int:
        """The instruction behind the largest delay."""
        found = [self.written[t.granules] - t.begin for t in of.reads]
        found += [self.used[t.granules] - t.begin for t in of.writes]
        who = [self.writer[t.granules] for t in of.reads]
        who += [self.user[t.granules] for t in of.writes]
        return int(np.concatenate(who)[np.concatenate(found).argmax()])

    def mark(self, of: Needs, number: int, left: Ints, latency: int) -> None:
        """Note the pass of an instruction, which leaves the `ends` of its needs at some times.

        What is written becomes valid `latency` later.
        """
        low = 0
        for at, (touch, high) in enumerate(zip((*of.reads, *of.writes), of.stops, strict=True)):
            where, time, low = touch.granules, left[low:high], high
            if at < len(of.reads):
                later = time > self.used[where]
                self.used[where] = np.where(later, time, self.used[where])
                self.user[where] = np.where(later, number, self.user[where])
            else:
                valid, again = time + latency, self.writer[where] == number
                valid = np.where(again, np.maximum(valid, self.written[where]), valid)
                self.written[where] = self.used[where] = valid
                self.writer[where] = self.user[where] = number


class HbmScoreboard:
    """Accesses to HBM that others may wait for, oldest first, with times that do not decrease."""

    def __init__(self) -> None:
        self.pending: deque[tuple[Range, Wait]] = deque()

    def forget(self, now: int) -> None:
        """Drop what nobody waits for who is issued at a time or later."""
        while self.pending and self.pending[0][1].time <= now:
            self.pending.popleft()

    def ready(self, of: Range) -> Wait:
        """When the last access that meets a range is over."""
        for other, wait in reversed(self.pending):
            if meet(of, other):
                return wait
        return NOW

    def note(self, of: Range, over: Wait) -> None:
        """An access that is over at a time."""
        if of.low < of.high:
            self.pending.append((of, over))
