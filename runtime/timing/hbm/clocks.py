"""What is known of channels that serve bursts, each in its order, whatever the others do."""

from abc import ABC, abstractmethod

import numpy as np

from runtime.target import Target
from runtime.timing.chaining import Ints
from runtime.timing.hbm.banks import LONG_AGO
from runtime.timing.hbm.mapping import banks_of
from runtime.timing.hbm.queues import Queues

TIMES = ("columns", "opened", "closable", "group", "opens")
OTHERS = ("last", "number", "rows", "wrote")
"""What is known of a channel: clocks, several of each, and the rest."""


class Clocks(ABC):
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
        self.wrote = np.full(count, -1, np.int64)

    @property
    def over(self) -> Ints:
        """When the bus of each is free behind all that was served."""
        return self.last + self.target.hbm_nbl

    def keep_up(self, chosen: Ints, writes: bool, until: int) -> None:
        """Some channels serve nothing of what comes next before a clock, if any is behind it.

        Rows are opened meanwhile.
        """
        if int(self.over.min()) >= until:
            return
        t, wrote = self.target, self.wrote[chosen]
        turned = (wrote >= 0) & (wrote != writes)
        gap = np.where(turned, t.hbm_nrtw if writes else t.hbm_nwtr, t.hbm_nbl)
        self.last[chosen] = np.maximum(self.last[chosen], until - gap)

    @abstractmethod
    def serve(self, of: Queues, writes: bool) -> None:
        """Serve bursts behind all that were served before."""

    @abstractmethod
    def follow(self, first: int, last: int, writes: bool, until: int) -> None:
        """Serve the bursts of some numbers, which follow each other; channels `keep_up`.

        Of a channel with more than `EDGE` of them, and so many that go round all banks once, these
        are looked at: the first as they come, the last, which leave the banks, as if they came
        alone; those between take what the law says.
        """

    def later(self, clocks: Ints) -> None:
        """Channels are busy for so many clocks with what is not looked at."""
        self.last += clocks
        for name in TIMES:
            part = getattr(self, name)
            part += clocks[:, None]

    def like(self, other: "Clocks", which: Ints, chosen: Ints, row: int = 0) -> None:
        """Some channels have the banks of others, rows so much further, and stay as they are."""
        own = self.last[chosen] - other.last[which]
        for name in TIMES:
            getattr(self, name)[chosen] = getattr(other, name)[which] + own[:, None]
        self.rows[chosen] = other.rows[which] + row
        self.number[chosen], self.wrote[chosen] = other.number[which], other.wrote[which]
