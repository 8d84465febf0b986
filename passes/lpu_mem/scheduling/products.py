"""Which products, or halves of them, go behind others that do not need them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from passes.lpu_mem.scheduling.costs import Engine
from passes.lpu_mem.scheduling.gains import is_better
from passes.lpu_mem.scheduling.timeline import Units

NEAR = 400
"""Units between a product and the first that needs it, for the two to be looked at together."""


class Arrangement(NamedTuple):
    """Units, some of them cut, and the order of the products."""

    units: Units
    order: list[int]


def arranged(units: Units) -> Arrangement:
    """Each product where those that wait for it and for others are over soonest."""
    order = [unit for unit, cost in enumerate(units.costs[0]) if cost.engine is Engine.MATRIX]
    best, at = Arrangement(units, order), 0
    while at < len(best.order):
        reader = _reader(best, at)
        if at + 1 < reader < len(best.order) and best.order[reader] - best.order[at] <= NEAR:
            best = _improved(best, at, reader)
        at += 1
    return best


def _reader(arrangement: Arrangement, at: int) -> int:
    """The first product that needs one; behind all of them if there is none."""
    (units, order), product = arrangement, arrangement.order[at]
    behind = range(at + 1, len(order))
    return next((i for i in behind if units.needs[order[i]] >> product & 1), len(order))


def _improved(now: Arrangement, at: int, reader: int) -> Arrangement:
    """The best of all arrangements of one product."""
    best, times = now, before = now, _times(now, at, reader)
    for other, last in _others(now, at, reader):
        found = _times(other, at, last)
        if is_better(found, before) and sum(found) < sum(times):
            best, times = other, found
    return best


def _others(now: Arrangement, at: int, reader: int) -> Iterator[tuple[Arrangement, int]]:
    """A product behind others before its reader, or its second half; where the reader is then."""
    units, order = now
    product = order[at]
    for place in range(at + 1, reader):
        yield Arrangement(units, _moved(order, at, place)), reader
    if units.cuts[product]:
        halves = units.cut(product)
        later = [unit + (unit > product) for unit in order]
        later.insert(at + 1, product + 1)
        for place in range(at + 2, reader + 1):
            yield Arrangement(halves, _moved(later, at + 1, place)), reader + 1


def _moved(order: Sequence[int], at: int, place: int) -> list[int]:
    found = [unit for number, unit in enumerate(order) if number != at]
    found.insert(place, order[at])
    return found


def _times(arrangement: Arrangement, at: int, reader: int) -> list[float]:
    """How long it takes at each context until the reader is over, from behind a product before."""
    (units, order), behind = arrangement, arrangement.order[reader]
    first = min(order[at : reader + 1])
    before = max((unit for unit in order if unit < first), default=-1)
    members = range(before + 1, max(order[at : reader + 1]) + 1)
    products = [unit for unit in order if unit in members]
    return units.times(units.packed(members, products), behind)
