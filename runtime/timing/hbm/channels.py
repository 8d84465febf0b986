"""The channels, each with its own banks: the rules of `banks`, for all of them at once.

The library does the same (`native`) where it serves.
"""

from functools import lru_cache

import numpy as np

from runtime.native.channels import serving_library
from runtime.target import Target
from runtime.timing.chaining import Ints
from runtime.timing.hbm.clocks import OTHERS, TIMES, Clocks
from runtime.timing.hbm.mapping import banks_of, channel_of, row_bursts
from runtime.timing.hbm.native import NativeChannels
from runtime.timing.hbm.parts import EDGE
from runtime.timing.hbm.queues import Ascent, Place, Queues, Rate, ascent, place_of
from runtime.timing.hbm.requests import dense_clocks


def channels_of(target: Target, count: int) -> Clocks:
    """So many channels that did nothing yet."""
    library = serving_library()
    return Channels(target, count) if library is None else NativeChannels(target, count, library)


class Channels(Clocks):
    """By numpy, the k-th burst of all channels at a time."""

    def serve(self, of: Queues, writes: bool) -> None:
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

    def follow(self, first: int, last: int, writes: bool, until: int) -> None:
        t, most = self.target, self.last.size - 1
        (low, begin), (high, end) = divmod(first, most + 1), divmod(last, most + 1)
        is_cut, is_left = begin > 0, end < most
        if low == high and (is_cut or is_left):
            self._across(low, begin, end, writes, until)
            return
        if is_cut:
            self._across(low, begin, most, writes, until)
        low, count = low + is_cut, high - low + 1 - is_cut - is_left
        around = row_bursts(t) * t.hbm_bank_groups * banks_of(t)
        every = np.arange(most + 1)
        if count:
            self.keep_up(every, writes, until)
        if count > EDGE + around:
            self.ascend(*ascent(low, EDGE, t), writes)
            rest = dense_clocks(count, writes, t) - dense_clocks(EDGE, writes, t)
            self.later(np.full_like(every, rest))
            back, row = ascent(low + count - around, around, t)
            self.like(_alone(back, writes, t), 0 * every, every, row)
        elif count:
            self.ascend(*ascent(low, count, t), writes)
        if is_left:
            self._across(high, 0, end, writes, until)

    def _across(self, q: int, begin: int, end: int, writes: bool, until: int) -> None:
        """One burst each of channels that follow each other."""
        chosen = np.arange(begin, end + 1) ^ channel_of(q, self.target)
        self.keep_up(chosen, writes, until)
        self.once(chosen, place_of(q, self.target), writes)

    def ascend(self, of: Ascent, base: int, writes: bool) -> None:
        """Bursts that lie in the same places in all channels; rows count from `base`."""
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
        self.number[:] = (self.number + of.bursts) % self.seen
        self.group[:, of.groups] = last + of.group_last * t.hbm_nbl
        closed = last + (of.bank_last * t.hbm_nbl + left)
        self.closable[:, of.banks] = np.maximum(self.closable[:, of.banks], closed)
        self.last[:] = self.last + of.bursts * t.hbm_nbl

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


@lru_cache(1024)
def _alone(of: Ascent, writes: bool, target: Target) -> Channels:
    """A channel that was on other rows, behind some bursts."""
    found = Channels(target, 1)
    found.ascend(of, 0, writes)
    return found
