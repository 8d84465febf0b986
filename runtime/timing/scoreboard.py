"""Hazards: when the bytes that an instruction touches are free, on chip and in HBM.

The LMU has one entry per granule. An entry becomes valid when the instruction that writes it ends,
as a whole; there is no chaining within an operand. HBM needs no table of reads: one memory engine
serves requests in order, so only a write that is still on its way can be overtaken.
"""

from collections import deque
from collections.abc import Sequence

import numpy as np

Range = tuple[int, int]


class LmuScoreboard:
    """Times at which granules were last written and read."""

    def __init__(self, size: int, granule: int) -> None:
        self.granule = granule
        entries = -(-size // granule)
        self.written = np.zeros(entries)
        self.read = np.zeros(entries)

    def entries(self, low: int, high: int) -> Range:
        """Granules of a byte range, first and one behind the last."""
        return (low // self.granule, -(-high // self.granule))

    def ready(self, reads: Sequence[Range], writes: Sequence[Range]) -> float:
        """Earliest start: behind writes of what is read, behind all uses of what is written."""
        time = 0.0
        for first, end in reads:
            time = max(time, float(self.written[first:end].max()))
        for first, end in writes:
            time = max(time, float(self.written[first:end].max()))
            time = max(time, float(self.read[first:end].max()))
        return time

    def mark_read(self, reads: Sequence[Range], end_time: float) -> None:
        """Note that ranges are read until a time."""
        for first, end in reads:
            np.maximum(self.read[first:end], end_time, out=self.read[first:end])

    def mark_written(self, writes: Sequence[Range], end_time: float) -> None:
        """Note that ranges are valid from a time on."""
        for first, end in writes:
            self.written[first:end] = end_time


class HbmScoreboard:
    """Writes to HBM that are not acknowledged yet."""

    def __init__(self) -> None:
        self.pending: deque[tuple[int, int, float]] = deque()

    def ready(self, low: int, high: int, now: float) -> float:
        """Earliest start, not before `now`, of an access to a byte range."""
        pending = self.pending
        while pending and pending[0][2] <= now:
            pending.popleft()
        time = now
        for first, end, done in pending:
            if first < high and low < end:
                time = max(time, done)
        return time

    def write(self, low: int, high: int, done: float) -> None:
        """Note a write that is acknowledged at a time."""
        self.pending.append((low, high, done))
