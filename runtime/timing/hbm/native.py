"""The channels, served by the library."""

import ctypes
from functools import lru_cache

import numpy as np

from runtime.native.channels import Served
from runtime.target import Target
from runtime.timing.chaining import Ints
from runtime.timing.hbm.clocks import Clocks
from runtime.timing.hbm.mapping import banks_of, moved_of, row_bursts
from runtime.timing.hbm.parts import EDGE
from runtime.timing.hbm.queues import Queues
from runtime.timing.hbm.requests import steady_clocks


class NativeChannels(Clocks):
    """One channel after the other."""

    def __init__(self, target: Target, count: int, library: ctypes.CDLL) -> None:
        super().__init__(target, count)
        clocks = (self.last, self.columns, self.number, self.rows, self.opened, self.closable)
        self.known = (*clocks, self.group, self.opens, self.wrote)
        self._served = Served(library, law(target), places(target, count), self.known)

    def serve(self, of: Queues, writes: bool) -> None:
        self._served.serve(of.channels, of.counts, (of.group, of.place, of.row), writes)

    def follow(self, first: int, last: int, writes: bool, until: int) -> None:
        self._served.follow(first, last, writes, until)


def law(target: Target) -> tuple[int, ...]:
    """What the library asks of a target, as channels.c names it."""
    t = target
    banks = t.hbm_bank_groups, t.hbm_bank_groups * banks_of(t)
    columns = t.hbm_nbl, t.hbm_nccdl, t.hbm_nrcd, t.hbm_nrcdwr, t.hbm_nrtp, t.hbm_nwtp
    rows = t.hbm_nrp, t.hbm_nrc, t.hbm_nrrd, t.hbm_nfaw
    return (t.hbm_lookahead + 1, *banks, *columns, *rows, t.hbm_nrtw, t.hbm_nwtr)


@lru_cache(64)
def places(target: Target, count: int) -> tuple[tuple[int, ...], Ints, Ints]:
    """Where bursts of so many channels lie, as channels.c names it, and the clocks of many."""
    reads, writes = (np.array(steady_clocks(way, target), np.int64) for way in (False, True))
    numbers = (count, banks_of(target), row_bursts(target), *moved_of(target), EDGE, reads.size - 1)
    return numbers, reads, writes
