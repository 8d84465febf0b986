"""What transfers take of the channels, and the time without bursts of streams that pays for it.

Let idle(t) be the units up to t in which no stream is served. Bills are paid in order, each from
its issue on, so that in idle time they form a queue:

    paid[j] = max(idle(issue of j), paid[j - 1]) + units of j

and a stream that begins when no other is served does so at t with idle(t) >= paid[j].
"""

from collections import deque
from typing import NamedTuple

import numpy as np

from runtime.timing.chaining import Ints


class Runs(NamedTuple):
    """Beats without a rest: when each run of them begins and ends, and what all so far served."""

    lows: Ints
    highs: Ints
    served: Ints

    def before(self, time: int) -> int:
        """Units served before a time, which is at most the end of the last run."""
        at = int(self.highs.searchsorted(time))
        return int(self.served[at]) - int(self.highs[at]) + max(int(self.lows[at]), time)


class Bills:
    """Bills of transfers in program order, and when streams were served, in units."""

    def __init__(self) -> None:
        self.count = 0
        self.open: deque[tuple[int, int]] = deque()
        self.settled = 0
        self.idle = 0
        self.served = 0
        self.runs: deque[Runs] = deque()

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
        self.runs.append(Runs(lows, highs, served))

    def paid(self, count: int) -> int:
        """When the first bills are paid, if no stream begins before; all before are served."""
        while self.settled < count:
            issued, units = self.open.popleft()
            self.idle = max(issued - self._served_up_to(issued), self.idle) + units
            self.settled += 1
        return self.idle + self.served if count else 0

    def _served_up_to(self, time: int) -> int:
        """Units of streams that were served before a time, which does not decrease."""
        while self.runs and self.runs[0].highs[-1] < time:
            self.runs.popleft()
        return self.runs[0].before(time) if self.runs else self.served
