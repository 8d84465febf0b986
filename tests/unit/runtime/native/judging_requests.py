"""Judges what the library makes of requests that follow each other by what numpy makes of them."""

import random
from dataclasses import replace
from math import prod

import numpy as np

from runtime.native.library import Kernel
from runtime.target import Target
from runtime.timing.hbm import Borders, Request
from runtime.timing.hbm.channels import Channels
from runtime.timing.hbm.clocks import OTHERS, TIMES
from runtime.timing.hbm.requests import Pattern
from runtime.timing.hbm.served import NativeBorders
from tests.unit.runtime.native.judging_channels import CHANNELS, machine

MOST = 30_000
"""Bursts of a request, about."""


def merging(target: Target, drawn: random.Random) -> Target:
    """The same memory, which may read what it writes in part; channels may run far ahead."""
    partial = drawn.choice(("strobe", "read-modify-write"))
    return replace(target, hbm_partial_writes=partial, hbm_lead=drawn.choice((0, 5, 1 << 20)))


def _axes(drawn: random.Random, run: int, size: int) -> tuple[tuple[int, int], ...]:
    """Axes of pieces that follow each other or, now and then, lie between each other."""
    found, span, left = list[tuple[int, int]](), run, MOST // (1 + run // size)
    for _ in range(drawn.randint(0, 3)):
        between = drawn.choice((1, drawn.randrange(1, 9 * size), size * CHANNELS * 64 - span))
        stride = span + max(1, between) if drawn.random() < 0.95 else max(run + 1, span // 2)
        extent = drawn.randint(2, max(2, min(left, drawn.choice((3, 20, 600)))))
        found.append((stride, extent))
        span, left = span + stride * (extent - 1), left // extent
    return tuple(sorted(found))


def request(drawn: random.Random, target: Target) -> Request:
    """A request of some kind, far from most others or near them."""
    size, kind = target.hbm_burst_bytes, drawn.random()
    low = drawn.randrange(drawn.choice((300 * size, 1 << 32)))
    if kind < 0.05:
        return None, low, 0
    run = drawn.randint(1, drawn.choice((size, 9 * size, 40 * size * target.hbm_channels)))
    outer, writes = _axes(drawn, run, size), drawn.random() < 0.5
    both = writes and drawn.random() < 0.2
    pattern = Pattern(run, outer, writes, both, indexed=kind > 0.95)
    bursts = prod(extent for _, extent in outer) * (1 + run // size)
    each = bursts * target.hbm_nbl // target.hbm_channels
    return pattern, low, drawn.randrange(1 + drawn.choice((each, 3 * each)))


def differs(target: Target, kernel: Kernel, seed: int, count: int = 12) -> str:
    """The first of some requests behind which not all is the same."""
    drawn = random.Random(seed)
    one, other = NativeBorders(target, kernel.library), Borders(target, Channels)
    while count > 0:
        several = [request(drawn, target) for _ in range(drawn.randint(1, 4))]
        found, expected = one.several(several), other.several(several)
        if found != expected:
            return f"{several}: {found}, not {expected}"
        for name in (*TIMES, *OTHERS):
            if not np.array_equal(getattr(one.channels, name), getattr(other.channels, name)):
                return f"{name} behind {several}"
        count -= len(several)
    return ""


def wrong(kernel: Kernel) -> str:
    """What is wrong first with the borders of a library."""
    drawn = random.Random(0)
    targets = [merging(machine(seed), drawn) for seed in range(24)]
    checks = (differs(target, kernel, seed) for seed, target in enumerate(targets))
    return next(filter(None, checks), "")
