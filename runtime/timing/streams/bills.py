"""What transfers take of the channels, and the time without bursts of streams that pays for it.

Let idle(t) be the units up to t in which no stream is served. Bills are paid in order, each from
its issue on, so that in idle time they form a queue:

    paid[j] = max(idle(issue of j), paid[j - 1]) + units of j

and a stream that begins when no other is served does so at t with idle(t) >= paid[j].
"""

from collections import deque

import numpy as np

from runtime.timing.chaining import Ints
from runtime.timing.streams.room import Rows


class Bills:
    """Bills of transfers in program order, and when streams were served, in units.

    `runs` are beats without a rest: when they begin and end, and what all so far served.
    """

    def __init__(self) -> None:
        self.count = 0
        self.open: deque[tuple[int, int]] = deque()
        self.settled = 0
        self.idle = 0
        self.served = 0
        self.runs = Rows(3)

    def owe(self, issued: int, units: int) -> None:
        """A transfer takes so many units."""
        self.open.append((issued, units))
        self.count += 1

    def serve(self, begin: Ints, over: Ints) -> None:
        """Beats of a stream begin and are over at ascending times."""
        breaks = (begin[1:] > over[:-1]).nonzero()[0]
        lows = np.append(begin[0], begin[breaks + 1])
        highs = np.append(over[breaks], over[-1])
        served = np.cumsum(highs - lows) + self.served
        self.served = int(served[-1])
        self.runs.append(lows, highs, served)

    def paid(self, count: int) -> int:
        """When the first bills are paid, if no stream begins before; all before are served."""
        while self.settled < count:
            issued, units = self.open.popleft()
            self.idle = max(issued - self._served_up_to(issued), self.idle) + units
            self.settled += 1
        return self.idle + self.served if count else 0

    def _served_up_to(self, time: int) -> int:
        """Units of streams that were served before a time, which does not decrease."""
        runs = self.runs
        runs.drop(int(runs.column(1).searchsorted(time)))
        if runs.low == runs.high:
            return self.served
        low, high, served = runs.values[:, runs.low].tolist()
        return served - high + max(low, time)
