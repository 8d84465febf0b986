"""The event model against one that goes from cycle to cycle: the same to the cycle."""

import pytest

from runtime.program.program import Program
from runtime.timing.events import Cause, Engine
from runtime.timing.model import events, predict
from runtime.traps import Trap
from tests.unit.runtime.timing.jobs import Job
from tests.unit.runtime.timing.looping import random_loops
from tests.unit.runtime.timing.random_programs import random_exchange, random_program
from tests.unit.runtime.timing.ticks import Ticks

SEEDS = [pytest.param(seed, marks=[] if seed < 40 else pytest.mark.slow) for seed in range(100)]


def agree(program: Program) -> None:
    """On the end of the run, on when the last byte of each stream is there, and on the beat for
    which a product waits.
    """
    ticks, found = Ticks(program, {}), sorted(events(program, {}))
    assert ticks.run() == max(event.end for event in found)
    assert ticks.arrived_at == [event.end for event in found if event.engine is Engine.STREAM]
    products = zip(ticks.products, (e for e in found if e.engine is Engine.SXE), strict=True)
    for job, event in products:
        if event.cause is Cause.PANEL:
            assert event.ready == last_waited_for(job)


def last_waited_for(product: Job) -> int:
    """The arrival of the beat that delays a product most, the last of several."""
    assert product.panel is not None
    tiles, arrivals = product.work.steps, product.panel.arrivals
    beats = enumerate(arrivals)
    return max((came - tiles * n // len(arrivals), came) for n, came in beats)[1]


@pytest.mark.parametrize("seed", SEEDS)
def test_random_programs_take_the_same_time(seed: int) -> None:
    agree(random_program(seed))


@pytest.mark.parametrize("seed", SEEDS)
def test_random_exchanges_take_the_same_time(seed: int) -> None:
    agree(random_exchange(seed))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(40))
def test_random_loops_take_the_same_time(seed: int) -> None:
    program = random_loops(seed, 3)
    try:
        predict(program, {})
    except Trap:
        pytest.skip("a program that cannot run")
    agree(program)
