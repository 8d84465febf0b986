"""The critical path: what the end of a run waited for, back to the first issue.

From the instruction whose result comes last the path goes back to what that one waited for last,
and so on. A piece is the time from when its instruction had all it needed until what follows it on
the path could go on; the pieces follow each other without gaps and add up to the cycles of the run.
"""

from bisect import bisect_left
from collections.abc import Iterator
from typing import NamedTuple

from runtime.timing.events import Engine, Event
from runtime.timing.profiling.causes import WORK, Spent
from runtime.timing.profiling.conserving import check_path
from runtime.timing.profiling.issuing import issuable
from runtime.timing.profiling.record import Record
from runtime.timing.profiling.turns import Nodes
from runtime.timing.scoreboard import NEVER


class Piece(NamedTuple):
    """Cycles from `begin` to `end` that one instruction takes on the path."""

    number: int
    engine: Engine
    spent: Spent
    nodes: Nodes
    begin: int
    end: int


def critical_path(run: Record) -> tuple[Piece, ...]:
    """The pieces in the order of time."""
    path = tuple(_back(run))[::-1] if run.events else ()
    check_path(run.cycles, [(piece.engine, piece.begin, piece.end) for piece in path])
    return path


def _back(run: Record) -> Iterator[Piece]:
    held, seen = _held(run), set[int]()
    event, at = max(run.events, key=lambda event: event.end), run.cycles
    while True:
        seen.add(event.number)
        before, ready = _before(run, event, seen)
        begin = min(at, ready)
        yield _piece(run, event, WORK[event.engine], begin, at)
        at = begin
        if before is None:
            holder = _holder(event, held)
            since = 0 if holder is None else min(at, _went_on(run.events[holder]))
            yield _piece(run, event, Spent.CONTROL, since, at)
            if holder is None:
                return
            at, before = since, _leaver(run, run.events[holder])
        event = before


def _before(run: Record, event: Event, seen: set[int]) -> tuple[Event | None, int]:
    """What an instruction waited for last, if for any, and when it did not wait any more.

    A product of a panel that is larger than the FIFO waits for bytes, which wait for the product:
    they take their time together, from when the later of the two waited for nothing else.
    """
    if event.waited == NEVER:
        return None, event.ready
    if event.waited not in seen:
        return run.events[event.waited], event.ready
    firsts = sorted((event.first, run.events[event.waited].first), reverse=True)
    for time, _, waited in firsts:
        if waited != NEVER and waited not in seen:
            return run.events[waited], time
    return None, min(event.ready, event.issued)


def _piece(run: Record, event: Event, spent: Spent, begin: int, end: int) -> Piece:
    engine = Engine.ICP if spent is Spent.CONTROL else event.engine
    return Piece(event.number, engine, spent, run.nodes[event.number], begin, end)


def _held(run: Record) -> list[int]:
    """The numbers of instructions for whose queue or scalar the control processor waited."""
    return [
        event.number
        for event, could in zip(run.events, issuable(run), strict=True)
        if (event.start if event.engine is Engine.ICP else event.issued) > could
    ]


def _holder(event: Event, held: list[int]) -> int | None:
    """The last instruction up to an event for which the control processor had to wait."""
    at = bisect_left(held, event.number + 1)
    return held[at - 1] if at else None


def _went_on(event: Event) -> int:
    """When the control processor had what it waited for."""
    return event.start if event.engine is Engine.ICP else event.issued


def _leaver(run: Record, event: Event) -> Event:
    """What the control processor waited for: who wrote a scalar, or, of a full queue, who left it
    when its engine took it up.
    """
    if event.engine is Engine.ICP:
        return run.events[event.waited]
    ahead = run.target.queue_depth
    for number in range(event.number - 1, -1, -1):
        other = run.events[number]
        if other.engine is event.engine:
            ahead -= 1
            if not ahead:
                return other
    raise AssertionError("a full queue holds instructions")
