"""The event model against one that goes from cycle to cycle: the same to the cycle."""

import pytest

from runtime.timing import predict
from tests.unit.runtime.timing.random_programs import random_exchange, random_program
from tests.unit.runtime.timing.ticks import Ticks

SEEDS = [pytest.param(seed, marks=[] if seed < 40 else pytest.mark.slow) for seed in range(100)]


@pytest.mark.parametrize("seed", SEEDS)
def test_random_programs_take_the_same_time(seed: int) -> None:
    program = random_program(seed)
    assert Ticks(program, {}).run() == predict(program, {}).cycles


@pytest.mark.parametrize("seed", SEEDS)
def test_random_exchanges_take_the_same_time(seed: int) -> None:
    program = random_exchange(seed)
    assert Ticks(program, {}).run() == predict(program, {}).cycles
