"""Which bursts a request consists of, and how long the busiest channel serves them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from runtime.isa.accesses import Access
from runtime.target import Target
from runtime.timing.chaining import Ints
from runtime.timing.hbm.banks import Banks
from runtime.timing.hbm.mapping import Places, banks_of, places, row_bursts

MOST_BURSTS = 1 << 16
"""Of a request that are looked at one by one."""
FEW = 1 << 12
"""Bursts of a request of which every channel is looked at."""
LOOKED_AT = 6
"""Channels of others, those with the highest load."""
MOST_STEADY = 1 << 12
"""Bursts of a channel after which ascending addresses go on as before."""


Flags = np.ndarray[Any, np.dtype[np.bool_]]


@dataclass(frozen=True)
class Pattern:
    """Pieces of `run` bytes, along axes of (stride, extent), the shortest stride first.

    `reads_first` says that what is written is read before, as a scatter that adds does; `indexed`
    that an index chooses where pieces lie.
    """

    run: int
    outer: tuple[tuple[int, int], ...]
    writes: bool
    reads_first: bool = False
    indexed: bool = False


def is_ascending(pattern: Pattern) -> bool:
    """Whether it is bytes that follow each other, in one direction."""
    return not pattern.outer and not pattern.reads_first


def pattern_of(access: Access, target: Target) -> Pattern:
    """The pattern of an operand; an axis that an index steers goes from row to row of the banks."""
    run, span, chosen = access.itemsize, access.itemsize, 1
    outer: list[tuple[int, int]] = []
    axes = zip(access.strides, access.extents, access.jumps, strict=True)
    for stride, extent, jump in sorted((abs(s), e, j) for s, e, j in axes):
        if jump:
            chosen *= extent
        elif extent > 1 and stride > run:
            outer.append((stride, extent))
            span += stride * (extent - 1)
        elif extent > 1:
            run += stride * (extent - 1)
            span += stride * (extent - 1)
    if any(access.jumps):
        stripe = (
            row_bursts(target)
            * target.hbm_bank_groups
            * target.hbm_channels
            * target.hbm_burst_bytes
        )
        outer.append((-(-span // stripe) * stripe, chosen))
    both = access.reads and access.writes
    return Pattern(run, tuple(outer), access.writes, both, any(access.jumps))


@lru_cache(4096)
def clocks(pattern: Pattern, target: Target) -> int:
    """Clocks of the busiest channel.

    Of more than `MOST_BURSTS` whole rows of all banks are taken out of each piece, which go at the
    rate of ascending bytes. Of what is left the first pieces are looked at, so many as the largest
    power of two that fits, and the rate of their second half goes on.
    """
    pieces = 1
    for _, extent in pattern.outer:
        pieces *= extent
    each = -(-pattern.run // target.hbm_burst_bytes)
    rows = row_bursts(target) * target.hbm_bank_groups
    stripe = rows * target.hbm_channels
    if pieces * each > MOST_BURSTS and each > stripe:
        count = (each - 1) // stripe
        left = replace(pattern, run=pattern.run - count * stripe * target.hbm_burst_bytes)
        one, two = (dense_clocks(rows * n, pattern.writes, target) for n in (1, 2))
        return pieces * count * (two - one) * (1 + pattern.reads_first) + clocks(left, target)
    seen = min(pieces, 1 << max(0, (MOST_BURSTS // each).bit_length() - 1))
    took = _looked_at(pattern, seen, target)
    if seen == pieces:
        return took
    half = _looked_at(pattern, seen // 2, target)
    return took + -(-(pieces - seen) * (took - half) // (seen - seen // 2))


def _looked_at(pattern: Pattern, pieces: int, target: Target) -> int:
    """Clocks of the busiest channel for the first pieces."""
    numbers, partial = bursts_of(pattern, pieces, target)
    where = places(numbers, target)
    took = 0
    for channel in _busiest(where, target):
        mine = where.channel == channel
        if pattern.reads_first:
            read = mine
        else:
            is_merged = pattern.writes and target.hbm_partial_writes == "read-modify-write"
            read = mine & partial if is_merged else mine & False
        took = max(took, _served(where, read, mine, pattern.writes, target))
    return took


def _served(where: Places, read: Flags, mine: Flags, writes: bool, target: Target) -> int:
    """Clocks of one channel, which reads some bursts and then serves all of its own."""
    banks, took = Banks(target), 0
    for chosen, direction in ((read, False), (mine, writes)):
        if not chosen.any():
            continue
        bursts = zip(*(part[chosen].tolist() for part in where[1:4]), strict=True)
        took = max([took, *banks.serve(bursts, direction)[-1:]])
    return took


def bursts_of(pattern: Pattern, pieces: int, target: Target, low: int = 0) -> tuple[Ints, Flags]:
    """The bursts of the first pieces, ascending, and which of them are not touched whole.

    The first byte is `low`.
    """
    starts = np.full(1, low, np.int64)
    for stride, extent in pattern.outer:
        taken = min(extent, -(-pieces // len(starts)))
        starts = (np.arange(taken, dtype=np.int64)[:, None] * stride + starts).ravel()
    starts = starts[:pieces]
    size = target.hbm_burst_bytes
    first, last = starts // size, (starts + pattern.run - 1) // size
    most = int((last - first).max()) + 1
    every = first[:, None] + np.arange(most, dtype=np.int64)
    inside = every <= last[:, None]
    cut = (every * size < starts[:, None]) | ((every + 1) * size > starts[:, None] + pattern.run)
    found, parts = every[inside], cut[inside]
    if (found[1:] > found[:-1]).all():
        return found, parts
    found, at = np.unique(found, return_index=True)
    return found, parts[at]


def _busiest(where: Places, target: Target) -> Sequence[int]:
    """Channels among which the one is that takes longest: all of few bursts, else by their load."""
    counts = np.bincount(where.channel)
    if len(where.channel) <= FEW:
        return np.flatnonzero(counts).tolist()
    channels, load = len(counts), counts * target.hbm_nbl
    order = np.argsort(where.channel, kind="stable")
    channel, group = where.channel[order], where.group[order]
    again = (channel[1:] == channel[:-1]) & (group[1:] == group[:-1])
    slower = max(0, target.hbm_nccdl - target.hbm_nbl)
    load = load + slower * np.bincount(channel[1:][again], minlength=channels)
    banks = banks_of(target) * target.hbm_bank_groups
    place = where.channel * banks + where.group * banks_of(target) + where.bank
    order = np.argsort(place, kind="stable")
    place, row = place[order], where.row[order]
    new = np.ones(len(order), bool)
    new[1:] = (place[1:] != place[:-1]) | (row[1:] != row[:-1])
    opened = np.bincount(place[new], minlength=channels * banks).reshape(channels, banks)
    load = np.maximum(load, opened.sum(1) * target.hbm_nfaw // 4)
    load = np.maximum(load, opened.max(1) * target.hbm_nrc)
    return np.argsort(-load, kind="stable")[:LOOKED_AT].tolist()


@lru_cache(64)
def steady_clocks(writes: bool, target: Target) -> list[int]:
    """When a channel is done with ascending bursts, for all counts in twice round its banks."""
    around = 2 * row_bursts(target) * target.hbm_bank_groups * banks_of(target)
    numbers = np.arange(min(around, MOST_STEADY), dtype=np.int64) * target.hbm_channels
    where = places(numbers, target)
    bursts = zip(*(part.tolist() for part in where[1:4]), strict=True)
    return [0, *Banks(target).serve(bursts, writes)]


def dense_clocks(count: int, writes: bool, target: Target) -> int:
    """Clocks for ascending bursts of a channel."""
    known = steady_clocks(writes, target)
    if count < len(known):
        return known[count]
    whole, half = len(known) - 1, (len(known) - 1) // 2
    return known[whole] + -(-(count - whole) * (known[whole] - known[half]) // (whole - half))
