"""The channels, each with its own banks: the rules of `banks`, for all of them at once.

Each channel serves its bursts in order and goes on when it is free, whatever the others do.
"""

from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from typing import NamedTuple

import numpy as np

from runtime.target import Target
from runtime.timing.chaining import Ints
from runtime.timing.hbm.banks import LONG_AGO
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
    return Queues(channels[order], counts[order], alive_of(counts), *places[:, :, order])


@dataclass(frozen=True, eq=False)
class Ascent:
    """Bursts that all channels have in the same places; rows count from the first.

    `parts` are begin and end, and whether no row is opened and no group waits for itself.
    """

    group: Ints
    place: Ints
    row: Ints
    parts: tuple[tuple[int, int, bool], ...]


def ascent(first: int, count: int, target: Target) -> tuple[Ascent, int]:
    """Bursts that follow each other in a channel, and their first row."""
    group, bank, row, _ = within(np.arange(first, first + count), target)
    base = int(row[0])
    return _ascent(*((part.tobytes()) for part in (group, bank, row - base)), target), base


@lru_cache(1024)
def _ascent(group: bytes, bank: bytes, row: bytes, target: Target) -> Ascent:
    groups, banks, rows = (np.frombuffer(part, np.int64) for part in (group, bank, row))
    places = groups * banks_of(target) + banks
    open_rows, last, easy = dict[int, int](), dict[int, int](), list[bool]()
    for k, (g, place, own) in enumerate(
        zip(groups.tolist(), places.tolist(), rows.tolist(), strict=True)
    ):
        rested = (k - last.get(g, k)) * target.hbm_nbl >= target.hbm_nccdl
        easy.append(open_rows.get(place) == own and rested)
        open_rows[place], last[g] = own, k
    parts, begin = list[tuple[int, int, bool]](), 0
    for is_easy, several in groupby(easy):
        length = len(list(several))
        parts.append((begin, begin + length, is_easy))
        begin += length
    return Ascent(groups, places, rows, tuple(parts))


class Channels:
    """Some channels. `last` are the clocks of their last bursts, on the bus for tBL."""

    def __init__(self, target: Target, count: int) -> None:
        self.target, self.seen = target, target.hbm_lookahead + 1
        groups = target.hbm_bank_groups
        before = np.arange(-self.seen, 0, dtype=np.int64) * target.hbm_nbl
        self.last = np.full(count, -target.hbm_nbl, np.int64)
        self.columns = np.tile(before, (count, 1))
        self.number = np.zeros(count, np.int64)
        self.rows = np.full((count, groups * banks_of(target)), LONG_AGO, np.int64)
        self.opened = np.full(self.rows.shape, LONG_AGO, np.int64)
        self.closable = self.opened.copy()
        self.group = np.full((count, groups), LONG_AGO, np.int64)
        self.opens = np.full((count, 4), LONG_AGO, np.int64)
        self.wrote = np.full(count, -1, np.int8)

    @property
    def over(self) -> Ints:
        """When the bus of each is free behind all that was served."""
        return self.last + self.target.hbm_nbl

    def serve(self, of: Queues, writes: bool) -> None:
        """Serve bursts behind all that were served before."""
        gap = self._gaps(of.channels, writes)
        for k, alive in enumerate(of.alive):
            places = of.group[k, :alive], of.place[k, :alive], of.row[k, :alive]
            self._step(of.channels[:alive], *places, gap[:alive], writes)
            gap = np.full(alive, self.target.hbm_nbl)

    def ascend(self, of: Ascent, base: int, chosen: Ints, writes: bool) -> None:
        """The same, of bursts that lie in the same places in all of some channels."""
        gap = self._gaps(chosen, writes)
        for begin, end, is_easy in of.parts:
            if is_easy:
                self._go_on(of, begin, end, chosen, writes)
                continue
            for k in range(begin, end):
                group, place, row = (
                    np.full(chosen.shape, value) for value in (of.group[k], of.place[k], of.row[k])
                )
                self._step(chosen, group, place, row + base, gap, writes)
                gap = np.full(chosen.shape, self.target.hbm_nbl)

    def _gaps(self, chosen: Ints, writes: bool) -> Ints:
        """Clocks from the last burst to the next one, and what is read or written from now on."""
        t, wrote = self.target, self.wrote[chosen]
        turned = (wrote >= 0) & (wrote != writes)
        self.wrote[chosen] = writes
        return np.where(turned, t.hbm_nrtw if writes else t.hbm_nwtr, t.hbm_nbl)

    def _step(
        self, chosen: Ints, group: Ints, place: Ints, row: Ints, gap: Ints, writes: bool
    ) -> None:
        """The next burst of some channels."""
        t = self.target
        rcd, left = (t.hbm_nrcdwr, t.hbm_nwtp) if writes else (t.hbm_nrcd, t.hbm_nrtp)
        shut = self.rows[chosen, place] != row
        if shut.any():
            self._open(chosen[shut], place[shut], row[shut])
        when = np.maximum(self.last[chosen] + gap, self.opened[chosen, place] + rcd)
        when = np.maximum(when, self.group[chosen, group] + t.hbm_nccdl)
        at = self.number[chosen]
        self.columns[chosen, at] = when
        self.number[chosen] = (at + 1) % self.seen
        self.last[chosen] = self.group[chosen, group] = when
        self.closable[chosen, place] = np.maximum(self.closable[chosen, place], when + left)

    def _open(self, chosen: Ints, place: Ints, row: Ints) -> None:
        """Open the rows that bursts lie in."""
        t = self.target
        seen = self.columns[chosen, self.number[chosen]]
        when = np.maximum(seen, self.closable[chosen, place]) + t.hbm_nrp
        opens = self.opens[chosen]
        when = np.maximum(when, self.opened[chosen, place] + t.hbm_nrc)
        when = np.maximum(when, opens[:, -1] + t.hbm_nrrd)
        when = np.maximum(when, opens[:, 0] + t.hbm_nfaw)
        self.opens[chosen] = np.concatenate((opens[:, 1:], when[:, None]), axis=1)
        self.rows[chosen, place], self.opened[chosen, place] = row, when

    def _go_on(self, of: Ascent, begin: int, end: int, chosen: Ints, writes: bool) -> None:
        """Bursts at full rate; of those that meet in a group or a bank the last one counts."""
        t, each = self.target, np.arange(1, end - begin + 1)
        left = t.hbm_nwtp if writes else t.hbm_nrtp
        when = self.last[chosen][:, None] + each * t.hbm_nbl
        at = self.number[chosen][:, None] + each - 1
        here, kept = chosen[:, None], slice(max(0, each.size - self.seen), None)
        self.columns[here, at[:, kept] % self.seen] = when[:, kept]
        self.number[chosen] = (at[:, -1] + 1) % self.seen
        group, place = of.group[begin:end], of.place[begin:end]
        self.group[here, group] = when
        self.closable[here, place] = np.maximum(self.closable[here, place], when + left)
        self.last[chosen] = when[:, -1]

    def later(self, clocks: Ints) -> None:
        """Channels are busy for so many clocks with what is not looked at."""
        self.last += clocks
        for part in (self.columns, self.opened, self.closable, self.group, self.opens):
            part += clocks[:, None]

    def like(self, other: "Channels", which: Ints | int, chosen: Ints, row: int = 0) -> None:
        """Some channels have the banks of others, rows so much further, and stay as they are."""
        own = self.last[chosen] - other.last[which]
        for name in ("columns", "opened", "closable", "group", "opens"):
            getattr(self, name)[chosen] = getattr(other, name)[which] + own[:, None]
        self.rows[chosen] = other.rows[which] + row
        self.number[chosen], self.wrote[chosen] = other.number[which], other.wrote[which]
