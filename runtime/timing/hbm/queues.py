"""Bursts of channels, in the order in which each serves its own."""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import groupby
from typing import NamedTuple

import numpy as np

from runtime.target import Target
from runtime.timing.chaining import Ints
from runtime.timing.hbm.mapping import Places, banks_of, within


class Queues(NamedTuple):
    """Bursts of some channels, the k-th of each in row k; those with most of them come first.

    `alive` says how many channels have a k-th one, `group`, `place` (a bank of all groups) and
    `row` where it lies.
    """

    channels: Ints
    counts: Ints
    alive: list[int]
    group: Ints
    place: Ints
    row: Ints


def queues(where: Places, target: Target) -> Queues:
    """The queues of bursts in their order."""
    counts = np.bincount(where.channel, minlength=target.hbm_channels)
    channels = np.argsort(-counts, kind="stable")[: np.count_nonzero(counts)]
    most = int(counts.max(initial=0))
    column = np.empty(target.hbm_channels, np.int64)
    column[channels] = np.arange(channels.size)
    order = np.argsort(where.channel, kind="stable")
    begins = np.cumsum(counts) - counts
    own = where.channel[order]
    rank, at = np.arange(order.size) - begins[own], column[own]
    group, bank, row = np.zeros((3, most, channels.size), np.int64)
    for part, values in ((group, where.group), (bank, where.bank), (row, where.row)):
        part[rank, at] = values[order]
    place = group * banks_of(target) + bank
    return Queues(channels, counts[channels], alive_of(counts), group, place, row)


def alive_of(counts: Ints) -> list[int]:
    """How many channels have a k-th burst."""
    return np.bincount(counts)[:0:-1].cumsum()[::-1].tolist()


def beside(one: Queues, other: Queues, count: int) -> Queues:
    """Two queues at once, the other of channels that follow `count` of the one."""
    counts = np.concatenate((one.counts, other.counts))
    order = np.argsort(-counts, kind="stable")
    places = np.zeros((3, int(counts.max()), counts.size), np.int64)
    for begin, of in ((0, one), (one.counts.size, other)):
        for part, values in zip(places, (of.group, of.place, of.row), strict=True):
            part[: len(values), begin : begin + of.counts.size] = values
    channels = np.concatenate((one.channels, other.channels + count))
    return Queues(channels[order], counts[order], alive_of(counts), *places.take(order, axis=2))


class Place(NamedTuple):
    """Where a burst lies: group, bank of all groups, row."""

    group: int
    bank: int
    row: int


class Rate(NamedTuple):
    """Bursts at full rate: no row is opened and no group waits for itself.

    Of those that meet in a group or a bank the last one counts, which is the `group_last`-th or the
    `bank_last`-th of all `bursts`.
    """

    bursts: int
    groups: Ints
    group_last: Ints
    banks: Ints
    bank_last: Ints


@dataclass(frozen=True, eq=False)
class Ascent:
    """Bursts that all channels have in the same places; rows count from the first."""

    group: Ints
    place: Ints
    row: Ints
    target: Target

    @cached_property
    def parts(self) -> tuple[Place | Rate, ...]:
        """Those at full rate together, the others one by one."""
        t = self.target
        bursts = list(map(Place, self.group.tolist(), self.place.tolist(), self.row.tolist()))
        open_rows, last, easy = dict[int, int](), dict[int, int](), list[bool]()
        for k, (group, place, row) in enumerate(bursts):
            rested = (k - last.get(group, k)) * t.hbm_nbl >= t.hbm_nccdl
            easy.append(open_rows.get(place) == row and rested)
            open_rows[place], last[group] = row, k
        found = list[Place | Rate]()
        for is_easy, several in groupby(zip(easy, bursts, strict=True), lambda pair: pair[0]):
            own = [burst for _, burst in several]
            found += [_rate(own)] if is_easy else own
        return tuple(found)


def place_of(q: int, target: Target) -> Place:
    """Where the bursts of all channels lie that stand together."""
    group, bank, row, _ = within(q, target)
    return Place(group, group * banks_of(target) + bank, row)


@lru_cache(4096)
def ascent(first: int, count: int, target: Target) -> tuple[Ascent, int]:
    """Bursts that follow each other in a channel, and their first row."""
    group, bank, row, _ = within(np.arange(first, first + count), target)
    base = int(row[0])
    return _ascent(*((part.tobytes()) for part in (group, bank, row - base)), target), base


@lru_cache(1024)
def _ascent(group: bytes, bank: bytes, row: bytes, target: Target) -> Ascent:
    groups, banks, rows = (np.frombuffer(part, np.int64) for part in (group, bank, row))
    return Ascent(groups, groups * banks_of(target) + banks, rows, target)


def _rate(bursts: list[Place]) -> Rate:
    groups = {burst.group: k for k, burst in enumerate(bursts, start=1)}
    banks = {burst.bank: k for k, burst in enumerate(bursts, start=1)}
    ends = [np.array(part) for d in (groups, banks) for part in (list(d), list(d.values()))]
    return Rate(len(bursts), *ends)
