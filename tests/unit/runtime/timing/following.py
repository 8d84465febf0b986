"""Requests for HBM that follow each other, as the judge serves them without a rest between.

It says what the docstring of `runtime.timing.hbm.borders` says, by the clock-by-clock channel of
`bursts`, and shares no code with it: all bursts of a run, each channel on its own. Channels wait
for each other, and begin anew on rows in nobody's way, only behind rows that an index chose.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from runtime.isa.accesses import Access
from runtime.target import Target
from tests.unit.runtime.timing.addresses import behind_a_stream, place_of
from tests.unit.runtime.timing.bursts import Burst, timing_of
from tests.unit.runtime.timing.passes import taken

Ends = dict[int, int]
"""By channel, when its bus is free."""


def touched(access: Access, target: Target) -> list[int]:
    """The addresses of all bursts, ascending."""
    at = np.indices(access.extents).reshape(4, -1).T
    where: Any = at @ np.array(access.strides) + access.base
    size = target.hbm_burst_bytes
    return (np.unique([(where + n) // size for n in (0, access.itemsize - 1)]) * size).tolist()


def is_ascending(access: Access) -> bool:
    """Whether all bytes follow each other."""
    run, is_all = access.itemsize, True
    moves = zip(access.strides, access.extents, strict=True)
    for stride, extent in sorted((abs(stride), extent) for stride, extent in moves):
        is_all &= extent == 1 or stride <= run
        run += stride * (extent - 1) if stride <= run else 0
    return is_all


def is_cut(access: Access, address: int, target: Target) -> bool:
    """Whether a burst is touched in part: as many of its bytes as there are."""
    at = np.indices(access.extents).reshape(4, -1).T
    where: Any = at @ np.array(access.strides) + access.base
    own = {int(w) + n for w in where for n in range(access.itemsize)}
    return not all(address + n in own for n in range(target.hbm_burst_bytes))


def queues_of(access: Access, target: Target) -> dict[int, list[Burst]]:
    """What each channel does for a request: what is read first, then what is written."""
    found: dict[int, list[Burst]] = defaultdict(list)
    places = [(place_of(address, target), address) for address in touched(access, target)]
    merges = target.hbm_partial_writes != "strobe" and not is_ascending(access)
    for place, address in places:
        if access.reads or (merges and access.writes and is_cut(access, address, target)):
            found[place.channel].append(Burst(*place[1:4]))
    for place, _ in places:
        if access.writes:
            found[place.channel].append(Burst(*place[1:4], True))
    return found


class Run:
    """Channels that go through requests, each on its own, from the same time on."""

    def __init__(self, target: Target, begin: int, wrote: bool | None) -> None:
        self.target, self.begin, self.wrote = target, begin, wrote
        self.queues: dict[int, list[Burst]] = defaultdict(list)
        self.counts: list[dict[int, int]] = []

    def add(self, queues: dict[int, list[Burst]]) -> None:
        """The next request."""
        for channel, bursts in queues.items():
            self.queues[channel] += bursts
        self.counts.append({channel: len(self.queues[channel]) for channel in queues})

    def ends(self) -> list[Ends]:
        """When each channel of a request is free behind it."""
        clocks = {channel: self._served(queue) for channel, queue in self.queues.items()}
        return [
            {channel: clocks[channel][count - 1] for channel, count in counts.items()}
            for counts in self.counts
        ]

    def _served(self, queue: list[Burst]) -> list[int]:
        timing = replace(timing_of(self.target), refresh="none")
        wrote = queue[0].writes if self.wrote is None else self.wrote
        channel, before = behind_a_stream(timing, wrote)
        served = channel.run([*before, *queue])
        free = served[len(before) - 1]
        return [self.begin + clock - free for clock in served[len(before) :]]


def whole(accesses: Sequence[Access], target: Target) -> tuple[list[int], Ends]:
    """The end of each request, of its last channel or one before it; of each channel at last."""
    runs, ends, over, last = [Run(target, 0, None)], list[int](), 0, Ends()
    batches = list[list[Access]]([[]])
    for access in accesses:
        batches[-1].append(access)
        if any(access.jumps):
            batches.append([])
    for batch in batches:
        for access in batch:
            if not any(access.jumps):
                runs[-1].add(queues_of(access, target))
        for free in runs[-1].ends():
            last |= free
            over = max(over, *free.values())
            ends.append(over)
        if batch and any(batch[-1].jumps):
            over += taken(batch[-1], target)
            ends.append(over)
            runs.append(Run(target, over, batch[-1].writes))
    return ends, last


def later(accesses: Iterable[Access], target: Target) -> list[tuple[int, int]]:
    """The border of each request, and what of it is no turn of the bus."""
    several = list(accesses)
    found, over, wrote = list[tuple[int, int]](), 0, None
    for access, end in zip(several, whole(several, target)[0], strict=True):
        total = end - over - taken(access, target)
        cut = target.hbm_partial_writes != "strobe" and any(
            not burst.writes for queue in queues_of(access, target).values() for burst in queue
        )
        reads = access.reads or cut
        turned = wrote not in (None, not reads)
        turn = (target.hbm_nwtr if reads else target.hbm_nrtw) - target.hbm_nbl if turned else 0
        found.append((total, 0 if any(access.jumps) else max(0, total - turn)))
        over, wrote = end, access.writes
    return found
