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

    parts: tuple[Place | Rate, ...]


def ascent(first: int, count: int, target: Target) -> tuple[Ascent, int]:
    """Bursts that follow each other in a channel, and their first row."""
    group, bank, row, _ = within(np.arange(first, first + count), target)
    base = int(row[0])
    return _ascent(*((part.tobytes()) for part in (group, bank, row - base)), target), base


@lru_cache(1024)
def _ascent(group: bytes, bank: bytes, row: bytes, target: Target) -> Ascent:
    groups, banks, rows = (np.frombuffer(part, np.int64) for part in (group, bank, row))
    places = groups * banks_of(target) + banks
    bursts = list(map(Place, groups.tolist(), places.tolist(), rows.tolist()))
    open_rows, last, easy = dict[int, int](), dict[int, int](), list[bool]()
    for k, (g, place, own) in enumerate(bursts):
        rested = (k - last.get(g, k)) * target.hbm_nbl >= target.hbm_nccdl
        easy.append(open_rows.get(place) == own and rested)
        open_rows[place], last[g] = own, k
    parts = list[Place | Rate]()
    for is_easy, several in groupby(zip(easy, bursts, strict=True), lambda pair: pair[0]):
        own = [burst for _, burst in several]
        parts += [_rate(own)] if is_easy else own
    return Ascent(tuple(parts))


def _rate(bursts: list[Place]) -> Rate:
    groups = {burst.group: k for k, burst in enumerate(bursts, start=1)}
    banks = {burst.bank: k for k, burst in enumerate(bursts, start=1)}
    ends = [np.array(part) for d in (groups, banks) for part in (list(d), list(d.values()))]
    return Rate(len(bursts), *ends)


TIMES = ("columns", "opened", "closable", "group", "opens")
OTHERS = ("last", "number", "rows", "wrote")
"""What is known of a channel: clocks, several of each, and the rest."""


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
        some, every = self._some(of.channels), np.arange(of.channels.size)
        gap, usual = some.turn(writes), np.full(of.channels.size, self.target.hbm_nbl)
        groups = of.group + every * some.group.shape[1]
        places = of.place + every * some.rows.shape[1]
        steps = np.arange(len(of.alive))[:, None]
        at = (some.number + steps) % self.seen + every * self.seen
        for k, n in enumerate(of.alive):
            steps = groups[k, :n], places[k, :n], of.row[k, :n], at[k, :n]
            some.step(every[:n], *steps, gap[:n], writes)
            gap = usual
        some.number = (some.number + of.counts) % self.seen
        self._put(of.channels, some)

    def ascend(self, of: Ascent, base: int, writes: bool) -> None:
        """The same, of bursts that lie in the same places in all channels."""
        every = np.arange(self.last.size)
        gap, usual = self.turn(writes), np.full(every.shape, self.target.hbm_nbl)
        for part in of.parts:
            if isinstance(part, Rate):
                self.go_on(part, writes)
                continue
            self._same(every, part._replace(row=part.row + base), gap, writes)
            gap = usual

    def once(self, chosen: Ints, place: Place, writes: bool) -> None:
        """One burst in the same place of some channels."""
        self._same(chosen, place, self.turn(writes, chosen), writes)

    def _same(self, chosen: Ints, place: Place, gap: Ints, writes: bool) -> None:
        group, bank, row = place
        groups = chosen * self.group.shape[1] + group
        places = chosen * self.rows.shape[1] + bank
        number = self.number[chosen]
        rows, at = np.full(chosen.shape, row), number + chosen * self.seen
        self.step(chosen, groups, places, rows, at, gap, writes)
        self.number[chosen] = (number + 1) % self.seen

    def turn(self, writes: bool, chosen: Ints | slice = slice(None)) -> Ints:
        """Clocks from the last burst to the next one, and what is read or written from now on."""
        t, wrote = self.target, self.wrote[chosen]
        turned = (wrote >= 0) & (wrote != writes)
        self.wrote[chosen] = writes
        return np.where(turned, t.hbm_nrtw if writes else t.hbm_nwtr, t.hbm_nbl)

    def step(
        self, chosen: Ints, groups: Ints, places: Ints, row: Ints, at: Ints, gap: Ints,
        writes: bool,
    ) -> None:  # fmt: skip
        """The next burst of some channels: numbers in flat arrays, `at` in that of columns."""
        t = self.target
        rcd, left = (t.hbm_nrcdwr, t.hbm_nwtp) if writes else (t.hbm_nrcd, t.hbm_nrtp)
        shut = self.rows.reshape(-1)[places] != row
        if shut.any():
            self._open(chosen[shut], places[shut], row[shut], at[shut])
        when = np.maximum(self.last[chosen] + gap, self.opened.reshape(-1)[places] + rcd)
        group, closable = self.group.reshape(-1), self.closable.reshape(-1)
        when = np.maximum(when, group[groups] + t.hbm_nccdl)
        self.columns.reshape(-1)[at] = when
        self.last[chosen] = group[groups] = when
        closable[places] = np.maximum(closable[places], when + left)

    def _open(self, chosen: Ints, places: Ints, row: Ints, at: Ints) -> None:
        """Open the rows that bursts lie in."""
        t, opened, opens = self.target, self.opened.reshape(-1), self.opens[chosen]
        seen = self.columns.reshape(-1)[at]
        when = np.maximum(seen, self.closable.reshape(-1)[places]) + t.hbm_nrp
        when = np.maximum(when, opened[places] + t.hbm_nrc)
        when = np.maximum(when, opens[:, -1] + t.hbm_nrrd)
        when = np.maximum(when, opens[:, 0] + t.hbm_nfaw)
        self.opens[chosen, :-1], self.opens[chosen, -1] = opens[:, 1:], when
        self.rows.reshape(-1)[places], opened[places] = row, when

    def go_on(self, of: Rate, writes: bool) -> None:
        """Bursts at full rate."""
        t, last = self.target, self.last[:, None]
        left = t.hbm_nwtp if writes else t.hbm_nrtp
        kept = min(of.bursts, self.seen)
        each = np.arange(of.bursts - kept, of.bursts)
        at = (self.number[:, None] + each) % self.seen
        self.columns[np.arange(self.last.size)[:, None], at] = last + (each + 1) * t.hbm_nbl
        self.number = (self.number + of.bursts) % self.seen
        self.group[:, of.groups] = last + of.group_last * t.hbm_nbl
        closed = last + (of.bank_last * t.hbm_nbl + left)
        self.closable[:, of.banks] = np.maximum(self.closable[:, of.banks], closed)
        self.last = self.last + of.bursts * t.hbm_nbl

    def later(self, clocks: Ints) -> None:
        """Channels are busy for so many clocks with what is not looked at."""
        self.last += clocks
        for name in TIMES:
            part = getattr(self, name)
            part += clocks[:, None]

    def like(self, other: "Channels", which: Ints, chosen: Ints, row: int = 0) -> None:
        """Some channels have the banks of others, rows so much further, and stay as they are."""
        own = self.last[chosen] - other.last[which]
        for name in TIMES:
            getattr(self, name)[chosen] = getattr(other, name)[which] + own[:, None]
        self.rows[chosen] = other.rows[which] + row
        self.number[chosen], self.wrote[chosen] = other.number[which], other.wrote[which]

    def _some(self, chosen: Ints) -> "Channels":
        """Some of them, to go on with."""
        found = Channels(self.target, 0)
        for name in (*TIMES, *OTHERS):
            setattr(found, name, getattr(self, name)[chosen])
        return found

    def _put(self, chosen: Ints, some: "Channels") -> None:
        """The same behind what they did."""
        for name in (*TIMES, *OTHERS):
            getattr(self, name)[chosen] = getattr(some, name)
