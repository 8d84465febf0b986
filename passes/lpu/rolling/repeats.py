"""Find what repeats in a row: `abab` in `xababy` is the period 2 from position 1, twice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

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


def repeats(segments: Sequence[Segment], needs_state: bool) -> list[Repeat]:
    """
    The best repeat of each period, best first: most operations, then short, then early.

    A turn holds a product of matrices, and a state if `needs_state`.
    """
    signatures = np.asarray([s.signature for s in segments], np.int64)
    sizes = _sums(len(s.nodes) for s in segments)
    worth = _sums(s.has_product for s in segments), _sums(s.has_state for s in segments)
    found: list[Repeat] = []
    for period in range(1, len(segments) // 2 + 1):
        candidates = [
            Repeat(start, period, count, int(sizes[start + period * count] - sizes[start]))
            for first, length in _runs(signatures[:-period] == signatures[period:])
            if (count := length // period + 1) > 1
            for start in range(first, first + length % period + 1)
            if _holds(worth[0], start, period)
            and (not needs_state or _holds(worth[1], start, period))
        ]
        if candidates:
            found.append(max(candidates, key=lambda r: (r.covered, -r.start)))
    return sorted(found, key=lambda r: (-r.covered, r.period))


def _sums(values: Iterator[int] | Iterator[bool]) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(list(values), dtype=np.int64)])


def _holds(sums: np.ndarray, start: int, period: int) -> bool:
    return bool(sums[start + period] > sums[start])


def _runs(equal: np.ndarray) -> Iterator[tuple[int, int]]:
    """(start, length) of each row of true elements."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], equal.astype(np.int8), [0]])))
    for first, end in zip(edges[::2], edges[1::2], strict=True):
        yield int(first), int(end - first)
