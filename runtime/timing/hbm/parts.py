"""What each channel has of a request: its first and its last bursts, and how many there are."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from runtime.target import Target
from runtime.timing.chaining import Ints
from runtime.timing.hbm.mapping import Places, channel_of, places
from runtime.timing.hbm.queues import Queues, alive_of, queues
from runtime.timing.hbm.requests import Flags, Pattern, bursts_of

EDGE = 48
"""Bursts of a channel; for as long as they take a bank is busy, opened, closed and opened again."""

Phases = tuple[tuple[Queues, bool], ...]
"""What channels do one after the other, and whether they write."""


class Parts(NamedTuple):
    """All that channels do, or at first and at last; `counts` are the bursts of each."""

    first: Phases
    last: Phases
    counts: Ints


def parts_of(pattern: Pattern, low: int, target: Target) -> Parts:
    """Those of a request whose first byte is `low`.

    Of a channel with more than twice `EDGE` bursts the first and the last so many are looked at.
    """
    burst, channels = target.hbm_burst_bytes, target.hbm_channels
    each, pieces = -(-pattern.run // burst), 1
    for _, extent in pattern.outer:
        pieces *= extent
    if pieces * each <= 2 * EDGE * channels:
        found = bursts_of(pattern, pieces, target, low)
        phases = _phases(pattern, places(found[0], target), found[1], target)
        counts = _count(phases, target)
        if counts.max() <= 2 * EDGE:
            return Parts(phases, (), counts)
        ends = found, found
    else:
        counts, ends = loads(pattern, low, target), _ends(pattern, low, pieces, target)
    first, last = (_phases(pattern, places(numbers, target), cut, target) for numbers, cut in ends)
    return Parts((_upto(first[0], 0),), (_upto(last[-1], 1),), counts)


def _ends(
    pattern: Pattern, low: int, pieces: int, target: Target
) -> tuple[tuple[Ints, Flags], tuple[Ints, Flags]]:
    """Bursts with the lowest and with the highest addresses."""
    burst, most = target.hbm_burst_bytes, EDGE * target.hbm_channels
    run = min(pattern.run, most * burst)
    per_burst = -(-burst // min((stride for stride, _ in pattern.outer), default=burst))
    count = min(pieces, per_burst * -(-most // -(-run // burst)))
    front = replace(pattern, run=run)
    back = replace(front, outer=tuple((-stride, extent) for stride, extent in pattern.outer))
    end = low + sum(stride * (extent - 1) for stride, extent in pattern.outer) + pattern.run - run
    first, last = bursts_of(front, count, target, low), bursts_of(back, count, target, end)
    return (first[0][:most], first[1][:most]), (last[0][-most:], last[1][-most:])


def _upto(phase: tuple[Queues, bool], end: int) -> tuple[Queues, bool]:
    """The first bursts of each channel, or the last ones."""
    of, writes = phase
    if of.group.shape[0] <= EDGE:
        return phase
    counts = np.minimum(of.counts, EDGE)
    rows = np.arange(EDGE)[:, None] + (of.counts - counts if end else 0 * counts)
    at = np.minimum(rows, of.counts - 1), np.arange(of.channels.size)
    return Queues(
        of.channels, counts, alive_of(counts), of.group[at], of.place[at], of.row[at]
    ), writes


def _phases(pattern: Pattern, where: Places, partial: Flags, target: Target) -> Phases:
    """What is read and then what is written, or only one."""
    if pattern.reads_first:
        return (queues(where, target), False), (queues(where, target), True)
    if pattern.writes and target.hbm_partial_writes == "read-modify-write" and partial.any():
        read = Places(*(part[partial] for part in where))
        return (queues(read, target), False), (queues(where, target), True)
    return ((queues(where, target), pattern.writes),)


def _count(phases: Phases, target: Target) -> Ints:
    """Bursts of each channel, in all directions."""
    found = np.zeros(target.hbm_channels, np.int64)
    for of, _ in phases:
        found[of.channels] += of.counts
    return found


def loads(pattern: Pattern, low: int, target: Target) -> Ints:
    """The bursts of each channel, by the parts of pieces that lie at one `q`."""
    channels, size = target.hbm_channels, target.hbm_burst_bytes
    starts = np.full(1, low, np.int64)
    for stride, extent in pattern.outer:
        starts = (np.arange(extent, dtype=np.int64)[:, None] * stride + starts).ravel()
    first, last = starts // size, (starts + pattern.run - 1) // size
    if (np.diff(starts) > 0).all():
        first[1:] = np.maximum(first[1:], last[:-1] + 1)
        first, last = first[first <= last], last[first <= last]
    (low_q, begin), (high_q, end) = np.divmod(first, channels), np.divmod(last, channels)
    is_one = low_q == high_q
    stop = np.where(is_one, end, channels - 1)
    found = np.full(channels, np.maximum(0, high_q - low_q - 1).sum())
    found += _spread(low_q, begin, stop, target)
    return found + _spread(high_q[~is_one], 0 * end[~is_one], end[~is_one], target)


def _spread(q: Ints, begin: Ints, stop: Ints, target: Target) -> Ints:
    """How often each channel has one of the bursts from `begin` to `stop` of some `q`.

    Of what begins and stops alike, channels that are moved alike count together.
    """
    channels = target.hbm_channels
    pairs, pair = np.unique(begin * channels + stop, return_inverse=True)
    often = np.bincount(pair * channels + channel_of(q, target), minlength=pairs.size * channels)
    moved = np.arange(channels)[:, None] ^ np.arange(channels)
    found = np.zeros(channels, np.int64)
    for number in range(pairs.size):
        low, high = divmod(int(pairs[number]), channels)
        of = often[number * channels : (number + 1) * channels]
        found += ((moved >= low) & (moved <= high)) @ of
    return found
