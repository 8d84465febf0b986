"""Hazards: when the bytes that an instruction touches are free, on chip and in HBM.

The LMU has one entry per granule: when it became valid, and when its last use so far is over. An
instruction may start when no granule comes too late for the cycle in which it is needed. HBM needs
no table of reads: one memory engine serves requests in order, so only a write that is still on its
way can be overtaken.
"""

from collections import deque
from collections.abc import Sequence

import numpy as np

from runtime.timing.chaining import Touch

_LATEST = np.maximum.reduce


class LmuScoreboard:
    """Times at which granules became valid and were last used."""

    def __init__(self, size: int, granule: int) -> None:
        entries = -(-size // granule)
        self.written = np.zeros(entries)
        self.used = np.zeros(entries)

    def ready(self, reads: Sequence[Touch], writes: Sequence[Touch]) -> float:
        """Earliest start: behind writes of what is read, behind all uses of what is written."""
        time = 0.0
        for touches, board in ((reads, self.written), (writes, self.used)):
            for touch in touches:
                free = _LATEST(board[touch.granules] - touch.begin)
                if free > time:
                    time = float(free)
        return time

    def mark(
        self, reads: Sequence[Touch], writes: Sequence[Touch], start: float, pace: float,
        latency: float,
    ) -> None:  # fmt: skip
        """Note a pass that starts at a time and stretches its cycles by `pace`.

        What is written becomes valid `latency` later.
        """
        used, written = self.used, self.written
        for touch in reads:
            left = touch.end + start if pace == 1.0 else touch.end * pace + start
            granules = touch.granules
            used[granules] = np.maximum(used[granules], left)
        start += latency
        for touch in writes:
            valid = touch.end + start if pace == 1.0 else touch.end * pace + start
            written[touch.granules] = used[touch.granules] = valid


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
