"""Requests for HBM that follow each other, as the judge serves them without a rest between.

It says what the docstring of `runtime.timing.hbm.borders` says, by the clock-by-clock channel of
`bursts`, and shares no code with it: all bursts of a run, each channel on its own, but for what is
held until all channels are nearly as far. Channels wait for each other, and begin anew on rows in
nobody's way, only behind rows that an index chose.
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


def pieces_of(access: Access) -> tuple[list[int], int]:
    """Where bytes begin that follow each other, and how many these are."""
    run, rest = access.itemsize, list[tuple[int, int]]()
    moves = zip(access.strides, access.extents, strict=True)
    for stride, extent in sorted((abs(stride), extent) for stride, extent in moves):
        if extent > 1 and stride > run:
            rest.append((stride, extent))
        elif extent > 1:
            run += stride * (extent - 1)
    starts = [access.bounds()[0]]
    for stride, extent in rest:
        starts = [start + n * stride for n in range(extent) for start in starts]
    return starts, run


def queues_of(access: Access, target: Target) -> dict[int, list[Burst]]:
    """What each channel does for a request: what is read first, then what is written."""
    found: dict[int, list[Burst]] = defaultdict(list)
    places = [(place_of(address, target), address) for address in touched(access, target)]
    starts, run = pieces_of(access)
    merges = access.writes and target.hbm_partial_writes != "strobe" and len(starts) > 1
    for place, address in places:
        end = address + target.hbm_burst_bytes
        if access.reads or (merges and not any(s <= address and end <= s + run for s in starts)):
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
        """When each channel of a request is free behind it.

        Whom a request holds depends on those before it, so each round is right for one more of
        them, until a round changes nothing.
        """
        held = [self.begin] * len(self.counts)
        while True:
            clocks = {channel: self._served(channel, held) for channel in self.queues}
            found = [
                {channel: clocks[channel][count - 1] for channel, count in counts.items()}
                for counts in self.counts
            ]
            again, over = list[int](), self.begin
            for free in found:
                again.append(max(self.begin, over - self.target.hbm_lead * self.target.hbm_nbl))
                over = max(over, *free.values())
            if again == held:
                return found
            held = again

    def _served(self, own: int, held: list[int]) -> list[int]:
        """`held` are the clocks before which a channel has no burst of each request."""
        queue, timing = self.queues[own], replace(timing_of(self.target), refresh="none")
        wrote = queue[0].writes if self.wrote is None else self.wrote
        channel, before = behind_a_stream(timing, wrote)
        free = behind_a_stream(timing, wrote)[0].run(before)[-1]
        until = [0] * len(before)
        for counts, clock in zip(self.counts, held, strict=True):
            many = counts.get(own, 0) + len(before) - len(until)
            until += [clock - self.begin + free + timing.bl] * many
        served = channel.run([*before, *queue], until)
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
        gap = target.hbm_nwtr if access.reads else target.hbm_nrtw
        turn = gap - target.hbm_nbl if wrote not in (None, not access.reads) else 0
        found.append((total, 0 if any(access.jumps) else max(0, total - turn)))
        over, wrote = end, access.writes
    return found
