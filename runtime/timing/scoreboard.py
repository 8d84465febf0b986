"""Hazards: when the bytes that an instruction touches are free, on chip and in HBM.

The LMU has one entry per granule: when it became valid, when its last use so far is over, and which
instructions were the last to do so. A step of a pass waits for the granules that it needs. The
library does the same where it serves (`granules`). In HBM, writes are acknowledged and streams are
requested in the order of the program, so whoever waits for one of them waits for the last that
meets its range.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from runtime.native.granules import pack
from runtime.order.ranges import Range, meet
from runtime.timing.chaining import Granules, Ints, Touch

NEVER = -1
NONE = np.zeros(0, np.int64)
NOWHERE = slice(0, 0)


class Wait(NamedTuple):
    """A time and the number of the instruction that is behind it, -1 for none."""

    time: int
    waited: int = NEVER


NOW = Wait(0)


@dataclass(frozen=True, eq=False)
class Needs:
    """What a pass needs and leaves, by its steps: the same for all passes with these touches.

    `begins` are the steps in which granules are needed, ascending, `needed` those granules, minus
    one and downward where they are written. `ends` are the steps behind which granules are left, of
    `read` ones first and then of `written` ones, each once, and `until` the last of `begins` before
    each of them.
    """

    reads: tuple[Touch, ...]
    writes: tuple[Touch, ...]
    begins: Ints
    needed: Ints
    read: Granules
    written: Granules
    ends: Ints
    split: int
    until: Ints

    @property
    def steps(self) -> int:
        """Steps that the granules take at least."""
        return int(self.ends.max(initial=0))


NOTHING = Needs((), (), NONE, NONE, NOWHERE, NOWHERE, NONE, 0, NONE)


def needs(reads: Sequence[Touch], writes: Sequence[Touch]) -> Needs:
    """The needs of a pass."""
    both = (*reads, *writes)
    if not both:
        return NOTHING
    begins = np.concatenate([_spread(t.begin, t) for t in both])
    order = np.argsort(begins, kind="stable")
    begins = begins[order]
    numbers = [_numbers(t.granules) for t in reads] + [~_numbers(t.granules) for t in writes]
    needed = np.concatenate(numbers)[order]
    written, left = _ends(writes)
    read, over = _ends(reads, written)
    ends = np.concatenate((over, left))
    until = np.searchsorted(begins, ends) - 1
    return Needs(
        tuple(reads), tuple(writes), begins, needed, read, written, ends, over.size, until,
    )  # fmt: skip


@lru_cache(4096)
def packed(of: Needs) -> bytes:
    """Needs as the library takes them, which are kept as long."""
    counts, arrays = (of.needed.size, of.ends.size, of.split), (of.begins, of.needed)
    return pack(counts, (*arrays, of.ends, of.until), (of.read, of.written))


def _count(granules: Granules) -> int:
    return granules.stop - granules.start if isinstance(granules, slice) else granules.size


def _numbers(granules: Granules) -> Ints:
    if isinstance(granules, slice):
        return np.arange(granules.start, granules.stop, dtype=np.int64)
    return granules


def _spread(values: Ints, touch: Touch) -> Ints:
    """One value for each granule of a touch."""
    return values if values.size != 1 else np.broadcast_to(values, _count(touch.granules))


def _ends(touches: Sequence[Touch], but: Granules = NOWHERE) -> tuple[Granules, Ints]:
    """The granules of touches, each once, and where the last touch of each ends."""
    if not touches:
        return NOWHERE, NONE
    hulls = [_hull(t.granules) for t in touches]
    low, high = min(h[0] for h in hulls), max(h[1] for h in hulls)
    ends = np.zeros(high - low, np.int64)
    for touch in touches:
        where = _moved(touch.granules, -low)
        ends[where] = np.maximum(ends[where], touch.end)
    first, last = _hull(but)
    if first < high and low < last:
        numbers = _numbers(but)
        ends[numbers[(numbers >= low) & (numbers < high)] - low] = 0
    if ends.all():
        return slice(low, high), ends
    found = np.flatnonzero(ends)
    return found + low, ends[found]


def _hull(granules: Granules) -> tuple[int, int]:
    if isinstance(granules, slice):
        return granules.start, granules.stop
    return (int(granules[0]), int(granules[-1]) + 1) if granules.size else (0, 0)


def _moved(granules: Granules, by: int) -> Granules:
    if isinstance(granules, slice):
        return slice(granules.start + by, granules.stop + by)
    return granules + by


class LmuScoreboard:
    """Times at which granules became valid and were last used, and by which instruction.

    The written ones count from the front and the used ones from the back, so that `Needs.needed`
    finds both.
    """

    def __init__(self, size: int, granule: int) -> None:
        entries = -(-size // granule)
        self.times = np.zeros(2 * entries, np.int64)
        self.numbers = np.full(2 * entries, NEVER, np.int32)
        self.written, self.used = self.times[:entries], self.times[: entries - 1 : -1]
        self.writer, self.user = self.numbers[:entries], self.numbers[: entries - 1 : -1]

    def delays(self, of: Needs) -> Ints:
        """By how much each needed granule, ascending by step, delays the pass, and those before.

        A step k with n granules needed up to it is not done before `delays[n - 1] + k`.
        """
        if not of.needed.size:
            return NONE
        return np.maximum.accumulate(self.times[of.needed] - of.begins)

    def behind(self, of: Needs, delays: Ints) -> int:
        """The instruction behind the largest delay, in the first step with it."""
        return int(self.numbers[of.needed[delays.searchsorted(delays[-1])]])

    def passed(
        self, of: Needs, number: int, start: int, latency: int, shift: int = 0
    ) -> tuple[int, int] | None:
        """Note a pass that nothing but granules delays from a time on, `shift` behind all of it.

        None if no granule delays its last step, else by how much they do, and who is behind it.
        """
        if not of.needed.size:
            return None
        delays = self.delays(of)
        late = int(delays[-1])
        if late <= start:
            self.mark(of, number, of.ends + (start + shift), latency)
            return None
        behind = self.behind(of, delays)
        self.mark(of, number, np.maximum(delays, start)[of.until] + of.ends + shift, latency)
        return late, behind

    def mark(self, of: Needs, number: int, left: Ints, latency: int) -> None:
        """Note the pass of an instruction, which leaves the `ends` of its needs at some times.

        What is written becomes valid `latency` later.
        """
        if of.split:
            where, time = of.read, left[: of.split]
            used, user = self.used[where], self.user[where]
            user[time > used] = number
            np.maximum(used, time, out=used)
            if not isinstance(where, slice):
                self.used[where], self.user[where] = used, user
        if of.split < left.size:
            where = of.written
            self.written[where] = self.used[where] = left[of.split :] + latency
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
