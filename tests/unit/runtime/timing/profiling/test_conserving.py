"""What is lost of a run, or counted twice, is named with its engine and both figures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import product
from typing import Any

import pytest

from runtime.isa.fields import Four
from runtime.program.program import Program
from runtime.target import Target
from runtime.timing import predict
from runtime.timing.batches import Batches
from runtime.timing.events import Engine, Event
from runtime.timing.profiling import accounts as books
from runtime.timing.profiling import path as paths
from runtime.timing.profiling import record as records
from runtime.timing.profiling.record import record
from runtime.timing.steady import recognising
from runtime.timing.streams import Panel, fifo
from tests.unit.runtime.timing.fixed_programs import fixed
from tests.unit.runtime.timing.random_programs import random_program

LPU = Target.load("lpu-4nm")
FIXED = {name: fixed(name, LPU) for name in ("attention", "ring")}
Plant = Callable[[Event], list[Event]]
RUNS: dict[str, Callable[[Program], Any]] = {
    "record": lambda program: record(program, {}),
    "predict": lambda program: predict(program, {}),
}


ENGINES = [engine for engine in Engine if engine not in (Engine.SEND_RIGHT, Engine.RECV_LEFT)]
"""Those that have several instructions."""


def _program(engine: Engine) -> Program:
    """One that has several instructions of an engine."""
    is_link = engine.name.startswith(("SEND", "RECV"))
    return FIXED["ring" if is_link else "attention"]


def _plant(monkeypatch: pytest.MonkeyPatch, engine: Engine, plant: Plant) -> None:
    """What becomes of the second event of an engine."""
    execute, seen = recognising.Steady._execute, list[int]()

    def wrong(self: Any, *arguments: Any) -> Iterator[Event]:
        for event in execute(self, *arguments):
            seen.extend([event.number] if event.engine is engine else [])
            is_second = event.engine is engine and len(seen) == 2
            yield from plant(event) if is_second else [event]

    monkeypatch.setattr(recognising.Steady, "_execute", wrong)


def _twice(event: Event) -> list[Event]:
    taken = event.left - event.start
    return [event._replace(left=event.left + taken, busy=2 * event.busy)]


EITHER: dict[str, Plant] = {
    "lost": lambda event: [],
    "doubled": lambda event: [event, event],
    "twice as long": _twice,
    "twice the bytes": lambda event: [event._replace(bytes=2 * event.bytes + 1)],
}
"""What both see; a prediction has no events but their sums."""
RECORDED: dict[str, Plant] = {
    "taken up before the engine is free": lambda event: [event._replace(start=event.start - 10**6)],
    "left before it is done": lambda event: [event._replace(left=event.start)],
    "that of the one before": lambda event: [event._replace(number=event.number - 1)],
}


@pytest.mark.parametrize(("run", "plant"), [*product(RUNS, EITHER)])
@pytest.mark.parametrize("engine", ENGINES)
def test_an_interval_that_is_lost_or_doubled_is_named(
    monkeypatch: pytest.MonkeyPatch, engine: Engine, run: str, plant: str
):
    _plant(monkeypatch, engine, EITHER[plant])
    with pytest.raises(AssertionError, match=rf"^{engine}: .* \d+ .* \d+"):
        RUNS[run](_program(engine))


@pytest.mark.parametrize("plant", RECORDED)
@pytest.mark.parametrize("engine", ENGINES)
def test_an_interval_that_cannot_be_is_named(
    monkeypatch: pytest.MonkeyPatch, engine: Engine, plant: str
):
    _plant(monkeypatch, engine, RECORDED[plant])
    with pytest.raises(AssertionError, match=r"instruction \d+"):
        record(_program(engine), {})


@pytest.mark.parametrize("lost", [True, False], ids=["lost", "doubled"])
@pytest.mark.parametrize("which", ["_engine", "_control"])
def test_an_account_that_is_lost_or_doubled_is_named(
    monkeypatch: pytest.MonkeyPatch, which: str, lost: bool
):
    run, right = record(FIXED["attention"], {}), getattr(books, which)
    books.accounts(run)
    seen = list[int]()

    def wrong(*arguments: Any) -> Iterator[Any]:
        for found in right(*arguments):
            seen.append(1)
            yield from [found] if len(seen) != 9 else [] if lost else [found, found]

    monkeypatch.setattr(books, which, wrong)
    with pytest.raises(AssertionError, match=r"^[A-Z]+: .*\d+ cycles .*\d+"):
        books.accounts(run)


def test_idle_cycles_that_are_lost_are_named():
    run = record(FIXED["attention"], {})
    with pytest.raises(AssertionError, match=rf"cycles of work .* the {run.cycles + 1} of the run"):
        books.check_accounts(run.cycles + 1, run.work, _spent(run))


def _spent(run: Any) -> Iterator[Any]:
    found = books.accounts(run).items()
    return ((entry.engine, entry.waits, cycles) for entry, cycles in found)


def test_products_of_less_than_was_streamed_are_named(monkeypatch: pytest.MonkeyPatch):
    """Another product than the machine has made: of a column less."""
    right = records.values

    def fewer(registers: Sequence[int], extents: Four) -> tuple[int, ...]:
        *others, columns = right(registers, extents)
        return (*others, columns - 1)

    monkeypatch.setattr(records, "values", fewer)
    with pytest.raises(AssertionError, match=r"^SXE: products take \d+ bytes of \d+ streamed"):
        record(FIXED["attention"], {})


@pytest.mark.parametrize("lost", [True, False], ids=["lost", "doubled"])
@pytest.mark.parametrize("at", [0, 1, 2])
def test_a_piece_of_the_critical_path_that_is_lost_or_doubled_is_named(
    monkeypatch: pytest.MonkeyPatch, at: int, lost: bool
):
    run, back = record(FIXED["attention"], {}), paths._back  # pyright: ignore[reportPrivateUsage]
    path = paths.critical_path(run)
    piece = [p for p in path if p.end > p.begin][at]

    def wrong(run: Any) -> Iterator[Any]:
        for found in back(run):
            yield from [found] if found != piece else [] if lost else [found, found]

    monkeypatch.setattr(paths, "_back", wrong)
    with pytest.raises(AssertionError, match=r"critical path"):
        paths.critical_path(run)


SAVING = random_program(43)
"""Its streams begin while others end; what each saves follows from its event."""


@pytest.mark.parametrize("units", [-1, 1])
@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("program", [FIXED["attention"], SAVING], ids=["attention", "saving"])
def test_a_unit_of_any_stream_that_is_lost_or_added_is_named(
    monkeypatch: pytest.MonkeyPatch, program: Program, run: str, units: int
):
    execute, streams = recognising.Steady._execute, record(program, {}).events
    for at in [event.number for event in streams if event.engine is Engine.STREAM]:

        def wrong(self: Any, *arguments: Any, at: int = at) -> Iterator[Event]:
            for event in execute(self, *arguments):
                yield event._replace(busy=event.busy + units * (event.number == at))

        monkeypatch.setattr(recognising.Steady, "_execute", wrong)
        with pytest.raises(
            AssertionError, match=rf"^STREAM: instruction {at} takes -?\d+ units .* \d+"
        ):
            RUNS[run](program)


@pytest.mark.parametrize("units", [-1, 1, None], ids=["one more", "one less", "nothing"])
def test_a_stream_that_saves_something_else_is_named(
    monkeypatch: pytest.MonkeyPatch, units: int | None
):
    """The machine takes borders off what streams take, but for a unit, or not at all."""
    begin = fifo.Fifo._begin  # pyright: ignore[reportPrivateUsage]

    def wrong(self: fifo.Fifo, panel: Panel) -> None:
        owed = panel.units
        begin(self, panel)
        if panel.units < owed:
            panel.units = owed if units is None else panel.units + units

    monkeypatch.setattr(fifo.Fifo, "_begin", wrong)
    monkeypatch.setattr(recognising, "engines_of", Batches)
    with pytest.raises(AssertionError, match=r"^STREAM: instruction \d+ takes -?\d+ units"):
        predict(SAVING, {})
