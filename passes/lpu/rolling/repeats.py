"""Find what repeats in a row: `abab` in `xababy` is the period 2 from position 1, twice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from passes.lpu.rolling.runs import Run, maximal_runs
from passes.lpu.rolling.segments import Segment


@dataclass(frozen=True)
class Repeat:
    """`count` times `period` segments from `start` on; `covered` operations in all."""

    start: int
    period: int
    count: int
    covered: int

    def turns(self) -> Iterator[range]:
        """The segments of each turn."""
        for turn in range(self.count):
            first = self.start + turn * self.period
            yield range(first, first + self.period)


class _Sums(NamedTuple):
    """Over the segments before each: operations, products, and states where a turn needs one."""

    sizes: np.ndarray
    worth: tuple[np.ndarray, ...]

    def holds(self, start: int | np.ndarray, end: int | np.ndarray) -> np.ndarray:
        """Whether what makes a loop worth it lies between."""
        return np.logical_and.reduce([sums[end] > sums[start] for sums in self.worth])

    def best(self, run: Run, period: int) -> Repeat | None:
        """The best repeat with a period of a run, which is a multiple of its shortest one."""
        equal = run.equal + run.period - period
        count = equal // period + 1
        starts = np.arange(run.start, run.start + equal % period + 1)
        starts = starts[self.holds(starts, starts + period)]
        if not starts.size:
            return None
        covered = self.sizes[starts + period * count] - self.sizes[starts]
        chosen = int(covered.argmax())
        return Repeat(int(starts[chosen]), period, count, int(covered[chosen]))


def repeats(segments: Sequence[Segment], needs_state: bool) -> list[Repeat]:
    """
    The best repeat of each period, best first: most operations, then short, then early.

    A turn holds a product of matrices, and a state if `needs_state`.
    """
    if not _recur(s.signature for s in segments if s.has_product):
        return []
    worth = [_sums(s.has_product for s in segments)]
    if needs_state:
        worth.append(_sums(s.has_state for s in segments))
    sums = _Sums(_sums(len(s.nodes) for s in segments), tuple(worth))
    found: dict[int, Repeat] = {}
    for run in maximal_runs(np.asarray([s.signature for s in segments], np.int64)):
        end = run.start + run.equal + run.period
        if not sums.holds(run.start, end):
            continue
        for period in range(run.period, (end - run.start) // 2 + 1, run.period):
            one = sums.best(run, period)
            if one is not None:
                found[period] = max(found.get(period, one), one, key=_worth)
    return sorted(found.values(), key=lambda r: (-r.covered, r.period))


def _recur(signatures: Iterable[int]) -> bool:
    """Whether one of them occurs twice, without which no turn of its kind does."""
    seen = list(signatures)
    return len(set(seen)) < len(seen)


def _worth(repeat: Repeat) -> tuple[int, int]:
    return repeat.covered, -repeat.start


def _sums(values: Iterator[int] | Iterator[bool]) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(list(values), dtype=np.int64)])
