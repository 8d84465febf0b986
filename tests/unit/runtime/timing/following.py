"""Requests for HBM that follow each other, as the judge serves them without a rest between.

It says what the docstring of `runtime.timing.hbm.borders` says, by the clock-by-clock channel of
`bursts`, and shares no code with it. A channel goes on from request to request; it begins anew, as
behind a stream in nobody's way, with the end of a long request and behind rows that an index chose.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from math import prod
from typing import Any

import numpy as np

from runtime.isa.accesses import Access
from runtime.target import Target
from tests.unit.runtime.timing.addresses import behind_a_stream, delay, place_of
from tests.unit.runtime.timing.bursts import Burst, Timing, timing_of

EDGE = 48
NOBODY = -1
"""The end of a request that is looked at already."""


def touched(access: Access, target: Target) -> list[int]:
    """The addresses of all bursts, ascending."""
    at = np.indices(access.extents).reshape(4, -1).T
    where: Any = at @ np.array(access.strides) + access.base
    size = target.hbm_burst_bytes
    return (np.unique([(where + n) // size for n in (0, access.itemsize - 1)]) * size).tolist()


def run_of(access: Access) -> tuple[int, bool]:
    """Bytes that follow each other, and whether they are all."""
    run, is_all = access.itemsize, True
    moves = zip(access.strides, access.extents, strict=True)
    for stride, extent in sorted((abs(stride), extent) for stride, extent in moves):
        if extent > 1 and stride <= run:
            run += stride * (extent - 1)
        elif extent > 1:
            is_all = False
    return run, is_all


def one_channel(bursts: list[int], target: Target) -> list[tuple[int, int, int]]:
    """Those of the channel that has most of them."""
    places = [place_of(address, target) for address in bursts]
    counts = Counter(place.channel for place in places)
    chosen = min(counts, key=lambda channel: (-counts[channel], channel))
    return [place[1:4] for place in places if place.channel == chosen]


def request_of(access: Access, target: Target) -> list[list[Burst]]:
    """What one channel does for a request: all of it, or at first and at last."""
    assert target.hbm_partial_writes == "strobe"
    channels, size = target.hbm_channels, target.hbm_burst_bytes
    most, both = EDGE * channels, access.reads and access.writes
    bursts = touched(access, target)
    run, is_all = run_of(access)
    pieces = prod(e for e, s in zip(access.extents, access.strides, strict=True) if abs(s) > run)
    if is_all and not both:
        first, count = access.bounds()[0] // (size * channels), -(-run // size)
        found = [
            place_of(q * channels * size, target)[1:4]
            for q in range(first, first + -(-count // channels))
        ]
        parts = [found] if len(found) <= 2 * EDGE else [found[:EDGE], found[-EDGE:]]
    elif max(1, pieces) * -(-run // size) <= 2 * most:
        parts = [one_channel(bursts, target)]
    else:
        parts = [one_channel(bursts[:most], target), one_channel(bursts[-most:], target)]
    read = [[Burst(*place) for place in part] for part in parts]
    written = [[Burst(*place, True) for place in part] for part in parts]
    if len(parts) == 1:
        return [[*read[0] * access.reads, *written[0] * access.writes]]
    return [read[0] if access.reads else written[0], written[1] if access.writes else read[1]]


def later(accesses: Iterable[Access], target: Target) -> list[int]:
    """By how many clocks each request is later than behind a stream that is in nobody's way."""
    chains: list[list[tuple[list[Burst], int]]] = [[]]
    count = 0
    for count, access in enumerate(accesses, 1):
        if any(access.jumps):
            chains.append([])
            continue
        first, *last = request_of(access, target)
        chains[-1].append((first, count - 1))
        chains += [[(bursts, NOBODY)] for bursts in last]
    found = [0] * (count + 1)
    for chain in chains:
        for number, clocks in served(chain, timing_of(target)):
            found[number] = clocks
    return found[:count]


def served(chain: list[tuple[list[Burst], int]], timing: Timing) -> Iterator[tuple[int, int]]:
    """By how much requests without a rest between are later than each of them alone."""
    if not chain:
        return
    channel, before = behind_a_stream(timing, chain[0][0][0].writes)
    served = channel.run([*before, *(burst for bursts, _ in chain for burst in bursts)])
    at, last = len(before), before[-1]
    for bursts, number in chain:
        turned = channel.gap(last, bursts[0]) - timing.bl if last.writes != bursts[0].writes else 0
        took = served[at + len(bursts) - 1] - served[at - 1] - turned
        yield number, max(0, took - delay(bursts, timing))
        at, last = at + len(bursts), bursts[-1]
