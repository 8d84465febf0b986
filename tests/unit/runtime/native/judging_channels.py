"""Judges what all channels do by the rules for one of them, `Banks`, which go burst by burst."""

import random
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from runtime.native.library import Kernel
from runtime.target import Target
from runtime.timing.hbm.banks import Banks
from runtime.timing.hbm.channels import Channels
from runtime.timing.hbm.clocks import OTHERS, TIMES, Clocks
from runtime.timing.hbm.mapping import Places, banks_of, places
from runtime.timing.hbm.native import NativeChannels
from runtime.timing.hbm.queues import queues

CHANNELS = 4
AT_ONCE = -(1 << 40)
"""A clock before all others: nobody waits until then."""
Make = Callable[[Target, int], Clocks]
Bursts = dict[int, list[tuple[int, int, int]]]
"""Group, bank and row of the bursts of each channel."""


def machine(seed: int) -> Target:
    """A memory with times of its own, small enough for all its banks to be in use."""
    drawn, base = random.Random(seed), Target.load("lpu-tiny")
    columns, rows = ("nbl", "nccdl", "nrcd", "nrcdwr", "nrtp", "nwtp"), ("nrp", "nrc", "nrrd")
    names = (*columns, *rows, "nrtw", "nwtr")
    times = {f"hbm_{name}": drawn.randint(1, drawn.choice((4, 60))) for name in names}
    times |= {"hbm_nfaw": drawn.randint(1, 200), "hbm_lookahead": drawn.randint(0, 9)}
    groups, skew = drawn.choice((1, 2, 4)), drawn.choice(("fold", "none"))
    return replace(base, hbm_channels=CHANNELS, hbm_bank_groups=groups, hbm_skew=skew, **times)


class Judge:
    """Channels and, for each, banks that serve the same."""

    def __init__(self, make: Make, seed: int) -> None:
        self.target, self.drawn = machine(seed), random.Random(seed)
        self.judged = make(self.target, CHANNELS)
        self.banks = [Banks(self.target) for _ in range(CHANNELS)]

    def request(self) -> str:
        """Serve one request of some kind, and what is wrong behind it."""
        writes = self.drawn.random() < 0.5
        kind = self.drawn.choice((self._serve, self._follow))
        for channel, bursts in kind(writes).items():
            self.banks[channel].serve(bursts, writes)
        expected, found = [banks.over for banks in self.banks], self.judged.over.tolist()
        if found == expected:
            expected, found = self._closable()
        return "" if found == expected else f"{kind.__name__}: {found}, not {expected}"

    def _closable(self) -> tuple[list[int], list[int]]:
        """When banks that were used can be closed, by the rules and as it is known."""
        used = [(k, place) for k, banks in enumerate(self.banks) for place in banks.closable]
        known, each = self.judged.closable, banks_of(self.target)
        found = [int(known[k, group * each + bank]) for k, (group, bank) in used]
        return [self.banks[k].closable[place] for k, place in used], found

    def _serve(self, writes: bool) -> Bursts:
        some = self.drawn.sample(range(CHANNELS), 2)
        count = self.drawn.randint(1, self.drawn.choice((4, 60)))
        t = self.target
        limits = self.drawn.choice(((t.hbm_bank_groups, banks_of(t), 3), (1, 1, 1)))
        channel = [self.drawn.choice(some) for _ in range(count)]
        places = [[self.drawn.randrange(n) for _ in range(count)] for n in limits]
        self.judged.serve(queues(Places(*map(np.array, (channel, *places, channel))), t), writes)
        found = Bursts()
        for own, *place in zip(channel, *places, strict=True):
            group, bank, row = place
            found.setdefault(own, []).append((group, bank, row))
        return found

    def _follow(self, writes: bool) -> Bursts:
        """Fewer than would be taken for many."""
        first = self.drawn.randrange(20_000)
        last = first + self.drawn.randrange(self.drawn.choice((CHANNELS, 90 * CHANNELS)))
        self.judged.follow(first, last, writes, AT_ONCE)
        found = Bursts()
        for number in range(first, last + 1):
            channel, *place, _ = (int(part) for part in places(np.array(number), self.target))
            group, bank, row = place
            found.setdefault(channel, []).append((group, bank, row))
        return found


def differs(make: Make, seed: int) -> str:
    """What is wrong first with a run of requests."""
    judge = Judge(make, seed)
    return next(filter(None, (judge.request() for _ in range(20))), "")


def unlike(make: Make, seed: int) -> str:
    """What is known otherwise than by numpy, behind bursts that follow each other.

    There are many or few, and channels wait for those that are behind.
    """
    target, drawn = machine(seed), random.Random(seed)
    one, other = make(target, CHANNELS), Channels(target, CHANNELS)
    for _ in range(8):
        first, writes = drawn.randrange(1 << 24), drawn.random() < 0.5
        last = first + drawn.randrange(drawn.choice((CHANNELS, 90 * CHANNELS, 2000 * CHANNELS)))
        until = int(other.over.max()) - drawn.randrange(-50, 200)
        for channels in (one, other):
            channels.follow(first, last, writes, until)
        for name in (*TIMES, *OTHERS):
            if not np.array_equal(getattr(one, name), getattr(other, name)):
                return f"{name} behind bursts {first} to {last}"
    return ""


def wrong(kernel: Kernel) -> str:
    """What is wrong first with the channels of a library."""

    def make(target: Target, count: int) -> Clocks:
        return NativeChannels(target, count, kernel.library)

    checks = (check(make, seed) for seed in range(12) for check in (differs, unlike))
    return next(filter(None, checks), "")
