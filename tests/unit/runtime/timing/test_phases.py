"""A machine that is made anew from its phase goes on as the one that it was taken from.

It stands elsewhere: so much later, behind so many more instructions, bytes and bills. A part of the
phase that is left out shows, each of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from typing import Any, cast

import pytest

from runtime.order.ranges import Range
from runtime.program.program import Program
from runtime.target import Target
from runtime.timing import fetch, links, scoreboard
from runtime.timing.engines import Engines
from runtime.timing.events import Cause, Event, Reason
from runtime.timing.granules import NativeLmuScoreboard
from runtime.timing.scoreboard import NEVER, Wait
from runtime.timing.steady import filling
from runtime.timing.steady.clocks import Clocks, Far, Message, Near, Sides
from runtime.timing.steady.filling import (
    LONG_AGO,
    Begun,
    Ended,
    Filling,
    Held,
    Owing,
    Room,
    Unsent,
)
from runtime.timing.steady.phases import Phase, now_of, phase_of, ranges_of, resumed
from runtime.timing.steady.since import NOBODY, Now, Since
from runtime.timing.streams import Fifo, NativeFifo, Panel, WindowedFifo, bills, room
from runtime.timing.walk import Walk
from runtime.traps import Trap
from tests.unit.runtime.timing.microbenchmarks.assembled import assembled
from tests.unit.runtime.timing.random_programs import random_exchange, random_program

FURTHER = Now(1000, 77, 12345, 3)
LPU = Target.load("lpu-4nm")
STRIPE = LPU.hbm_channels * LPU.hbm_banks * LPU.hbm_row_bytes
LONG = Ended(LONG_AGO, LONG_AGO)
SEEDS = [pytest.param(seed, marks=[] if seed < 1 else pytest.mark.slow) for seed in range(200)]
Alter = Callable[[Phase], Phase]


def plain(program: Program) -> list[Event]:
    """The events of a run."""
    engines = Engines(program.target)
    return [event for step in Walk(program, {}).run(1 << 16) for event in engines.execute(*step)]


def resuming(program: Program, every: int, alter: Alter = lambda phase: phase) -> Iterator[Event]:
    """The same, where every so many instructions another machine goes on, further on."""
    engines, moved = Engines(program.target), Now(0, 0, 0, 0)
    borders = engines.borders
    for count, step in enumerate(Walk(program, {}).run(1 << 16), 1):
        for event in engines.execute(*step):
            yield back(event, moved)
        if count % every == 0:
            ranges = {n + FURTHER.number: of for n, of in ranges_of(engines).items()}
            phase, now = alter(phase_of(engines)), now_of(engines).moved(FURTHER)
            engines = resumed(program.target, phase, now, ranges, LONG, borders)
            moved = moved.moved(FURTHER)


def back(event: Event, by: Now) -> Event:
    """An event as it is without so much that was added."""
    number, waited = event.number - by.number, earlier(event.waited, by)
    first = Reason(event.first.time - by.time, event.first.cause, earlier(event.first.waited, by))
    issued, start, ready, left, end = (time - by.time for time in event[3:8])
    return event._replace(
        number=number, issued=issued, start=start, ready=ready, left=left, end=end, waited=waited,
        first=first,
    )  # fmt: skip


def earlier(number: int, by: Now) -> int:
    return NEVER if number == NEVER else number - by.number


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", [random_program, random_exchange])
def test_a_machine_made_anew_goes_on(kind: Callable[[int], Program], seed: int) -> None:
    program = kind(seed)
    assert all(list(resuming(program, every)) == plain(program) for every in (1, 5))


PARTS = (Clocks, Near, Far, Message, Sides, Filling, Held, Unsent, Begun, Room, Owing)
WHOLE = {(Filling, "room"), (Filling, "owing")}
"""Parts with parts of their own."""
FIELDS = [(part, f) for part in PARTS for f in part._fields if (part, f) not in WHOLE]
NUMBERS = {"number", "waited", "drainer"}
EMPTY: dict[str, Callable[[Any], Any]] = {
    "free": lambda old: (old[0], *(None for _ in old[1:])), "queues": lambda old: ((),) * len(old),
    "fetch": lambda old: (0, 0), "sent": lambda old: ((), ()),
    "received": lambda old: tuple(tuple(None for _ in side) for side in old),
    "last": lambda old: (None, NOBODY),
    "first": lambda old: (0, Cause.ISSUE, NOBODY), "room": lambda old: (1 << 20, 1 << 20),
}  # fmt: skip
"""Tuples of a machine that does not know them; others are none."""


def empty(field: str, old: Any) -> Any:
    """A part that is left out."""
    if isinstance(old, Cause):
        return Cause.ISSUE
    if isinstance(old, bytes):
        return bytes(len(old))
    if isinstance(old, int):
        return type(old)(NOBODY if field in NUMBERS else 0)
    if old is None or isinstance(old, Since | Unsent | Begun):
        return None
    return EMPTY.get(field, lambda old: ())(old)


def without(value: Any, part: type, field: str) -> Any:
    """A phase, or some of it, in which a field of a part is left out wherever it stands."""
    if isinstance(value, part):
        value = value._replace(**{field: empty(field, getattr(value, field))})
    if not isinstance(value, tuple):
        return value
    found, parts = cast(Any, value), [without(each, part, field) for each in cast(Any, value)]
    return found._make(parts) if hasattr(found, "_make") else tuple(parts)


CORPUS = (
    (random_program, 29, 3), (random_exchange, 3, 3), (random_program, 16, 3),
    (random_program, 28, 3), (random_program, 103, 1), (random_program, 3, 3),
    (random_exchange, 10, 1), (random_exchange, 7, 3),
)  # fmt: skip
"""Programs, by their seeds, and every how many instructions another machine goes on."""


@cache
def corpus(at: int) -> tuple[Program, list[Event]]:
    kind, seed, _ = CORPUS[at]
    program = kind(seed)
    return program, plain(program)


def shows(alter: Alter) -> bool:
    """Whether a run of the corpus is another one, or ends, with altered phases."""
    for at, (_, _, every) in enumerate(CORPUS):
        program, right = corpus(at)
        try:
            if list(resuming(program, every, alter)) != right:
                return True
        except (LookupError, ValueError, TypeError, Trap):
            return True
    return False


@pytest.mark.parametrize(("part", "field"), FIELDS, ids=lambda v: getattr(v, "__name__", v))
def test_a_part_that_is_left_out_shows(part: type, field: str) -> None:
    assert shows(lambda phase: without(phase, part, field))


def test_nothing_shows_where_nothing_is_left_out() -> None:
    assert not shows(lambda phase: phase)


def test_a_rest_that_is_no_rest_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream is issued when the one before is over, and its bank is still in use."""
    stream = "stream (@1,@1,@1024,@64), f16 @{at}[@0,@0,@128,@2]\n"
    product = "vecmat (@1,@1,@1024,@64), f16 @65536[@0,@128,@0,@2], f16 @32768[@0,@2048,@2,@0], 0\n"
    streams = [stream.format(at=at) for at in (1 << 25, (1 << 25) + STRIPE)]
    row = "map1.neg (@1,@1,@1,@1000), f16 @0[@0,@0,@0,@2], f16 @0[@0,@0,@0,@2]\nlds r91, 1992\n"
    text = streams[0] + row + streams[1] + 2 * product
    program = assembled(text, replace(LPU, hbm_skew="none"))
    assert list(resuming(program, 1)) == plain(program)
    monkeypatch.setattr(filling, "REST", 0)
    assert list(resuming(program, 1)) != plain(program)


CONSTANT: dict[type, set[str]] = {
    Engines: {"target", "rates", "borders"}, fetch.Fetch: {"each"}, links.Links: {"hop"},
    WindowedFifo: {"unit", "setup", "depth", "latency", "done", "ahead"}, Panel: set(),
    NativeFifo: {"unit", "setup", "depth", "latency", "done", "filling"},
    scoreboard.HbmScoreboard: set(), bills.Bills: set(),
    scoreboard.LmuScoreboard: set(), NativeLmuScoreboard: {"board"},
    room.Rows: {"size", "values"}, room.Ledger: {"size", "values"},
}  # fmt: skip
"""What does not change in a run or its events, is counted apart, or is empty between
instructions."""
KEPT: dict[type, set[str]] = {
    Engines: {
        "lmu", "writes", "streams", "fifo", "links", "free", "queues", "pushed", "number", "bus",
        "fetch", "wrote",
    },
    fetch.Fetch: {"begun", "words"}, links.Links: {"sent", "received", "room"},
    Fifo: {
        "unsent", "undrained", "total", "before", "earliest", "bills", "drainer", "arrivals",
        "freed",
    },
    scoreboard.HbmScoreboard: {"pending"},
    scoreboard.LmuScoreboard: {"times", "numbers", "written", "used", "writer", "user"},
    bills.Bills: {"count", "open", "settled", "idle", "served", "runs"},
    room.Rows: {"low", "high"}, room.Ledger: {"low", "high"},
    Panel: {
        "number", "pc", "size", "beats", "units", "range", "issued", "base", "bills", "hazard",
        "border", "asked", "begun", "cause", "waited", "first", "ready", "last",
    },
}  # fmt: skip
"""What a phase has, or what follows from it."""


def test_a_phase_has_all_that_a_machine_knows() -> None:
    """Whoever gives the machine something more to know says where it is kept."""
    engines = Engines(LPU)
    panel = Panel(0, 0, 0, 0, 0, Range(0, 0, False), 0, 0, 0, Wait(0))
    parts = (engines, engines.fetch, engines.links, engines.fifo, engines.writes, engines.lmu)
    fifo = engines.fifo
    for part in (*parts, fifo.bills, fifo.bills.runs, fifo.arrivals, fifo.freed, panel):
        kept = next(KEPT[known] for known in type(part).mro() if known in KEPT)
        assert set(vars(part)) == CONSTANT[type(part)] | kept, type(part).__name__
