"""Judges what all channels do by the rules for one of them, `Banks`, which go burst by burst."""

import random
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from runtime.native.library import Kernel
from runtime.target import Target
from runtime.timing.hbm.banks import Banks
from runtime.timing.hbm.clocks import Clocks
from runtime.timing.hbm.mapping import Places, banks_of, within
from runtime.timing.hbm.native import NativeChannels
from runtime.timing.hbm.queues import ascent, place_of, queues

CHANNELS = 4
Make = Callable[[Target, int], Clocks]
Bursts = dict[int, list[tuple[int, int, int]]]
"""Group, bank and row of the bursts of each channel."""


def machine(seed: int) -> Target:
    """A memory with times of its own, small enough for all its banks to be in use."""
    drawn, base = random.Random(seed), Target.load("lpu-tiny")
    columns, rows = ("nbl", "nccdl", "nrcd", "nrcdwr", "nrtp", "nwtp"), ("nrp", "nrc", "nrrd")
    names = (*columns, *rows, "nrtw", "nwtr")
    times = {f"hbm_{name}": drawn.randint(1, 40) for name in names}
    times |= {"hbm_nfaw": drawn.randint(1, 200), "hbm_lookahead": drawn.randint(0, 9)}
    return replace(base, hbm_channels=CHANNELS, **times)


class Judge:
    """Channels and, for each, banks that serve the same."""

    def __init__(self, make: Make, seed: int) -> None:
        self.target, self.drawn = machine(seed), random.Random(seed)
        self.judged = make(self.target, CHANNELS)
        self.banks = [Banks(self.target) for _ in range(CHANNELS)]

    def request(self) -> str:
        """Serve one request of some kind, and what is wrong behind it."""
        writes = self.drawn.random() < 0.5
        kind = self.drawn.choice((self._serve, self._ascend, self._once))
        for channel, bursts in kind(writes).items():
            self.banks[channel].serve(bursts, writes)
        expected = [banks.over for banks in self.banks]
        found = self.judged.over.tolist()
        return "" if found == expected else f"{kind.__name__}: {found}, not {expected}"

    def _serve(self, writes: bool) -> Bursts:
        some, count = self.drawn.sample(range(CHANNELS), 2), self.drawn.randint(1, 60)
        t = self.target
        limits = (t.hbm_bank_groups, banks_of(t), 3)
        channel = [self.drawn.choice(some) for _ in range(count)]
        places = [[self.drawn.randrange(n) for _ in range(count)] for n in limits]
        self.judged.serve(queues(Places(*map(np.array, (channel, *places, channel))), t), writes)
        found = Bursts()
        for own, *place in zip(channel, *places, strict=True):
            group, bank, row = place
            found.setdefault(own, []).append((group, bank, row))
        return found

    def _ascend(self, writes: bool) -> Bursts:
        first, count = self.drawn.randrange(5000), self.drawn.randint(1, 90)
        self.judged.ascend(*ascent(first, count, self.target), writes)
        places = [within(q, self.target)[:3] for q in range(first, first + count)]
        return dict.fromkeys(range(CHANNELS), places)

    def _once(self, writes: bool) -> Bursts:
        q, some = self.drawn.randrange(5000), self.drawn.sample(range(CHANNELS), 3)
        self.judged.once(np.array(some), place_of(q, self.target), writes)
        return {channel: [within(q, self.target)[:3]] for channel in some}


def differs(make: Make, seed: int) -> str:
    """What is wrong first with a run of requests."""
    judge = Judge(make, seed)
    return next(filter(None, (judge.request() for _ in range(20))), "")


def wrong(kernel: Kernel) -> str:
    """What is wrong first with the channels of a library."""

    def make(target: Target, count: int) -> Clocks:
        return NativeChannels(target, count, kernel.library)

    return next(filter(None, (differs(make, seed) for seed in range(12))), "")
