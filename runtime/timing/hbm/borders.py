"""What a request takes beside the law where it follows another one: banks that are still in use.

The law (`requests`) lets a request find the channel at work on rows that are in nobody's way. Here
one channel goes from request to request, in the order of the program, and keeps what `banks` knows
of it: rows that are open, when they may be closed, the last activations, the bursts that are seen.
By how many clocks more a request then takes than where it follows a stream that is in nobody's way,
the turn of the bus aside, it begins later:

    a stream     as long behind the one before it, or behind the last bill that it waits for
    a transfer   as long behind whatever else it waits for; its bill says so, too

so that channels that go on without a rest take what the bursts take, and a rest counts.

The channel is the one with the most bursts of a request; of ascending bytes all channels do the
same. Of requests with more than twice `EDGE` bursts a channel only the first and the last of them
are looked at, by address: a bank is free again long before. Rows that an index chooses are unknown,
so they are in nobody's way.
"""

from dataclasses import replace
from functools import lru_cache

import numpy as np

from runtime.target import Target
from runtime.timing.chaining import Ints
from runtime.timing.hbm.banks import Banks
from runtime.timing.hbm.mapping import places, within
from runtime.timing.hbm.requests import Flags, Pattern, bursts_of

EDGE = 48
"""Bursts of a channel; for as long as they take a bank is busy, opened, closed and opened again."""

Phases = tuple[tuple[tuple[tuple[int, int, int], ...], bool], ...]
"""Bursts of a channel as group, bank and row, and whether they are written, one after the other."""


class Borders:
    """The channel of a run."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.banks = Banks(target)

    def behind(self, pattern: Pattern, low: int) -> int:
        """Clocks by which the next request of the program begins later than by the law.

        Its first byte is `low`.
        """
        if pattern.indexed:
            self.banks = Banks(self.target)
            return 0
        first, last = _edges(pattern, low, self.target)
        end, turn = self.banks.over, self._turn(first[0][1])
        later = _served(self.banks, first) - end - turn - _alone(_near(first), self.target).over
        if last:
            row = last[0][0][0][2]
            self.banks = _alone(_near(last), self.target).copy(row)
        else:
            self.banks.forget()
        return max(0, later)

    def _turn(self, writes: bool) -> int:
        """Clocks for which the bus rests before a request, which are paid besides."""
        t, wrote = self.target, self.banks.wrote
        if wrote in (None, writes):
            return 0
        return max(0, (t.hbm_nrtw if writes else t.hbm_nwtr) - t.hbm_nbl)


def _served(banks: Banks, phases: Phases) -> int:
    """When the bus is free behind some bursts."""
    for bursts, writes in phases:
        banks.serve(bursts, writes)
    return banks.over


def _near(phases: Phases) -> Phases:
    """The same bursts, with rows counted from the first."""
    base = phases[0][0][0][2]
    return tuple((tuple((g, b, r - base) for g, b, r in bursts), w) for bursts, w in phases)


@lru_cache(4096)
def _alone(phases: Phases, target: Target) -> Banks:
    """A channel that was on other rows, behind some bursts."""
    banks = Banks(target)
    _served(banks, phases)
    return banks


@lru_cache(4096)
def _edges(pattern: Pattern, low: int, target: Target) -> tuple[Phases, Phases]:
    """The first and the last bursts of a request, or all of it and none."""
    burst, channels = target.hbm_burst_bytes, target.hbm_channels
    each, pieces = -(-pattern.run // burst), 1
    for _, extent in pattern.outer:
        pieces *= extent
    if not pattern.outer and not pattern.reads_first:
        return _ascending(low // (burst * channels), -(-each // channels), pattern.writes, target)
    if pieces * each <= 2 * EDGE * channels:
        return _phases(pattern, *bursts_of(pattern, pieces, target, low), target), ()
    most = EDGE * channels
    run = min(pattern.run, most * burst)
    per_burst = -(-burst // min((stride for stride, _ in pattern.outer), default=burst))
    count = min(pieces, per_burst * -(-most // -(-run // burst)))
    front = replace(pattern, run=run)
    back = replace(front, outer=tuple((-stride, extent) for stride, extent in pattern.outer))
    end = low + sum(stride * (extent - 1) for stride, extent in pattern.outer) + pattern.run - run
    first, cut = bursts_of(front, count, target, low)
    last, cut_last = bursts_of(back, count, target, end)
    return (
        _phases(pattern, first[:most], cut[:most], target)[:1],
        _phases(pattern, last[-most:], cut_last[-most:], target)[-1:],
    )


def _ascending(first: int, count: int, writes: bool, target: Target) -> tuple[Phases, Phases]:
    """The same of bursts that follow each other in every channel."""
    if count <= 2 * EDGE:
        return ((_placed(np.arange(first, first + count), target), writes),), ()
    ends = np.append(np.arange(first, first + EDGE), np.arange(first + count - EDGE, first + count))
    found = _placed(ends, target)
    return ((found[:EDGE], writes),), ((found[EDGE:], writes),)


def _placed(q: Ints, target: Target) -> tuple[tuple[int, int, int], ...]:
    return tuple(zip(*(part.tolist() for part in within(q, target)[:3]), strict=True))


def _phases(pattern: Pattern, numbers: Ints, partial: Flags, target: Target) -> Phases:
    """What is read and then what is written, or only one, of the channel with the most bursts."""
    where = places(numbers, target)
    mine = where.channel == int(np.bincount(where.channel).argmax())
    read = mine & pattern.reads_first
    if pattern.writes and target.hbm_partial_writes == "read-modify-write":
        read |= mine & partial
    found: Phases = ()
    for chosen, direction in ((read, False), (mine, pattern.writes)):
        if chosen.any():
            rows = zip(*(part[chosen].tolist() for part in where[1:4]), strict=True)
            found = (*found, (tuple(rows), direction))
    return found
