"""
Stretches of a sequence that repeat, in about as many steps as the sequence is long.

A run is a stretch of at least two periods that cannot be made longer: `xababay` has the run
`ababa` of period 2. A sequence of n symbols has fewer than n. In the one or the other of two
opposite orders of the symbols the period of a run is a longest Lyndon word, which ends where the
next smaller suffix begins (Bannai et al., The "Runs" Theorem, 2017): two candidates for each place,
made as long as what follows and what precedes is equal.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, np.dtype[np.int64]]


class Run(NamedTuple):
    """The shortest period of a stretch, and how often `symbols[i] == symbols[i + period]` in it."""

    start: int
    equal: int
    period: int


def maximal_runs(symbols: Array) -> list[Run]:
    """All runs, each once."""
    count = len(symbols)
    forward, backward = _ranks(symbols), _ranks(symbols[::-1])
    starts = np.tile(np.arange(count), 2)
    ends = np.concatenate([_next_smaller(ranks) for ranks in (forward[-1], _ranks(-symbols)[-1])])
    behind = _common(forward, starts, ends)
    before = _common(backward, count - ends, count - starts)
    found = np.stack([starts - before, before + behind, ends - starts], axis=1)
    long_enough = found[:, 1] >= found[:, 2]
    rows = {(start, equal, period) for start, equal, period in found[long_enough].tolist()}
    return [Run(*row) for row in sorted(rows)]


def _ranks(symbols: Array) -> list[Array]:
    """For each power of two, from 1 on, the order of the stretches of so many symbols."""
    count = len(symbols)
    ranks = [np.unique(symbols, return_inverse=True)[1].astype(np.int64)]
    while (step := 1 << len(ranks) - 1) < count:
        second = np.zeros(count, np.int64)
        second[: count - step] = ranks[-1][step:] + 1
        pairs = ranks[-1] * (count + 1) + second
        ranks.append(np.unique(pairs, return_inverse=True)[1].astype(np.int64))
    return ranks


def _next_smaller(ranks: Array) -> Array:
    """For each place the next one with a lower rank, or the end."""
    ends, waiting = [len(ranks)] * len(ranks), list[tuple[int, int]]()
    for place, rank in enumerate(ranks.tolist()):
        while waiting and waiting[-1][0] > rank:
            ends[waiting.pop()[1]] = place
        waiting.append((rank, place))
    return np.asarray(ends, np.int64)


def _common(ranks: Sequence[Array], first: Array, second: Array) -> Array:
    """How many symbols from two places on are equal; the second place may be the end."""
    count, length = len(ranks[0]), np.zeros_like(first)
    for power in reversed(range(len(ranks))):
        one, other = first + length, second + length
        inside = other < count
        same = ranks[power][np.where(inside, one, 0)] == ranks[power][np.where(inside, other, 0)]
        length += np.where(inside & same, 1 << power, 0)
    return length
