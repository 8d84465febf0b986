"""The channels, served by the library."""

import ctypes

import numpy as np

from runtime.native.channels import Serve
from runtime.target import Target
from runtime.timing.chaining import Ints
from runtime.timing.hbm.clocks import Clocks
from runtime.timing.hbm.mapping import banks_of
from runtime.timing.hbm.queues import Ascent, Place, Queues


class NativeChannels(Clocks):
    """One channel after the other."""

    def __init__(self, target: Target, count: int, library: ctypes.CDLL) -> None:
        super().__init__(target, count)
        clocks = (self.last, self.columns, self.number, self.rows, self.opened, self.closable)
        self._serve = Serve(library, law(target), (*clocks, self.group, self.opens, self.wrote))
        self._every, self._counts = np.arange(count), np.empty(count, np.int64)

    def serve(self, of: Queues, writes: bool) -> None:
        places, width = (of.group, of.place, of.row), of.channels.size
        self._serve(of.channels, of.counts, places, (width, 1), 0, writes)

    def ascend(self, of: Ascent, base: int, writes: bool) -> None:
        self._counts[:] = of.row.size
        places = of.group, of.place, of.row
        self._serve(self._every, self._counts, places, (1, 0), base, writes)

    def once(self, chosen: Ints, place: Place, writes: bool) -> None:
        group, bank, row = (np.array((n,)) for n in place)
        self._counts[:] = 1
        self._serve(chosen, self._counts, (group, bank, row), (1, 0), 0, writes)


def law(target: Target) -> tuple[int, ...]:
    """What the library asks of a target, as channels.c names it."""
    t = target
    banks = t.hbm_bank_groups, t.hbm_bank_groups * banks_of(t)
    columns = t.hbm_nbl, t.hbm_nccdl, t.hbm_nrcd, t.hbm_nrcdwr, t.hbm_nrtp, t.hbm_nwtp
    rows = t.hbm_nrp, t.hbm_nrc, t.hbm_nrrd, t.hbm_nfaw
    return (t.hbm_lookahead + 1, *banks, *columns, *rows, t.hbm_nrtw, t.hbm_nwtr)
