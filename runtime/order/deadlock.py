"""Refuses programs that block for ever under the rules of `runtime.order`, and says who waits.

One walk over structured code, for all runs at once, follows the panels in flight: of each the most
bytes that it may have and the range that it may read. Where ways meet, the panels are those of the
way with more of them, each as large as on either. A loop is repeated until its turns change
nothing. So what passes never blocks; what might block for some value of a symbol is refused.
"""

from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import NamedTuple

from runtime.errors import Invalid
from runtime.order.panels import blocks, requested, sent
from runtime.order.ranges import Range, meet
from runtime.target import Target

MOST_PANELS = 1 << 12
MOST_STEPS = 1 << 20


class Flight(NamedTuple):
    """A panel in flight: the instruction that pushed it, its size, and what it reads."""

    at: int
    size: int
    range: Range


Flights = tuple[Flight, ...]


class Flow(NamedTuple):
    """Structured code as far as it matters here, by instructions counted from 0.

    `names` are for messages. `pushes` and `writes` are the ranges of streams and of transfers that
    write, `sizes` those of panels, `drains` the products. `loops` has the last instructions of the
    loops that begin at one, outermost first, `turns` how often each can turn. `goals` are those of
    branches, and behind those of `ends` nothing follows. What no run reaches is left out.
    """

    names: Sequence[str]
    pushes: Mapping[int, Range]
    sizes: Mapping[int, int]
    writes: Mapping[int, Range]
    drains: frozenset[int]
    loops: Mapping[int, Sequence[int]]
    turns: Mapping[int, int]
    goals: Mapping[int, int]
    ends: frozenset[int]


def refuse_deadlocks(flow: Flow, start: int, target: Target) -> None:
    """Raise Invalid where a run from an instruction on could block for ever."""
    if flow.drains or flow.pushes:
        _Walk(flow, target).span(start, len(flow.names), (), 0)


def _merged(one: Flights | None, other: Flights | None) -> Flights | None:
    """What may be in flight where two ways meet; None where no way leads."""
    if one is None or other is None or one == other:
        return other if one is None else one
    pairs = list(zip_longest(reversed(one), reversed(other)))
    return tuple(_wider(a or b, b or a) for a, b in reversed(pairs))


def _wider(one: Flight, other: Flight) -> Flight:
    (a, b, _), (c, d, _) = one.range, other.range
    at = one.at if one.size >= other.size else other.at
    return Flight(at, max(one.size, other.size), Range(min(a, c), max(b, d), False))


class _Walk:
    """One way over the code, from top to bottom."""

    def __init__(self, flow: Flow, target: Target) -> None:
        self.flow = flow
        self.target = target
        self.waiting: dict[int, Flights] = {}
        self.steps = 0

    def span(self, low: int, high: int, flights: Flights | None, opened: int) -> Flights | None:
        """What is in flight behind some instructions; of the loops at the first, some are open."""
        at = low
        while at < high:
            flights = _merged(flights, self.waiting.pop(at, None))
            tails = self.flow.loops.get(at, ())
            inside = opened if at == low else 0
            if flights is not None and inside < len(tails):
                flights = self._loop(at, tails[inside], flights, inside + 1)
                at = tails[inside] + 1
                continue
            if flights is not None:
                flights = self._step(at, flights)
            at += 1
        return flights

    def _loop(self, head: int, tail: int, flights: Flights, opened: int) -> Flights | None:
        """What is in flight behind a loop: its turns are repeated until they add nothing."""
        out: Flights | None = None
        for _ in range(self.flow.turns.get(tail, 1)):
            out = self.span(head, tail + 1, flights, opened)
            both = _merged(flights, out)
            if out is None or both is None or both == flights:
                return out
            flights = both
        return out

    def _step(self, at: int, flights: Flights) -> Flights | None:
        flow = self.flow
        self.steps += 1
        if self.steps > MOST_STEPS:
            raise Invalid(f"{flow.names[at]}: too many ways lead here with panels in flight")
        if at in flow.writes:
            self._refuse_write(at, flights)
        if at in flow.pushes:
            return self._push(at, flights)
        if at in flow.drains:
            return self._drain(at, flights)
        if at in flow.goals:
            goal = flow.goals[at]
            merged = _merged(flights, self.waiting.get(goal))
            assert merged is not None
            self.waiting[goal] = merged
        return None if at in flow.ends else flights

    def _push(self, at: int, flights: Flights) -> Flights:
        sizes, name = [flight.size for flight in flights], self.flow.names[at]
        if blocks(sizes, self.target):
            taken = flights[requested(sizes, self.target)]
            raise Invalid(
                f"{name} would block for ever: it waits for a place in its queue of "
                f"{self.target.queue_depth}, which waits for what {self._room(taken)}, and "
                f"{self._next(at)}"
            )
        if len(flights) >= MOST_PANELS:
            raise Invalid(f"{name} may have more than {MOST_PANELS} panels in flight before it")
        return (*flights, Flight(at, self.flow.sizes[at], self.flow.pushes[at]))

    def _drain(self, at: int, flights: Flights) -> Flights:
        if not flights:
            name = self.flow.names[at]
            raise Invalid(f"{name} would block for ever: no stream before it pushes its panel")
        return flights[1:]

    def _refuse_write(self, at: int, flights: Flights) -> None:
        """Refuse a transfer that waits for a panel that waits for a product behind it."""
        sizes = [flight.size for flight in flights]
        for index, flight in enumerate(flights):
            if meet(self.flow.writes[at], flight.range) and not sent(sizes, index, self.target):
                raise Invalid(
                    f"{self.flow.names[at]} would block for ever: it may write what "
                    f"{self._room(flight)}, and {self._next(at)}"
                )

    def _room(self, flight: Flight) -> str:
        """A panel and what it waits for."""
        return (
            f"{self.flow.names[flight.at]} reads, whose {flight.size} bytes wait for room in the "
            f"FIFO of {self.target.fifo_bytes}"
        )

    def _next(self, at: int) -> str:
        """Who would make room."""
        behind = [drain for drain in self.flow.drains if drain > at]
        if not behind:
            return "no product follows that makes room"
        return f"{self.flow.names[min(behind)]}, which makes room, stands behind"
