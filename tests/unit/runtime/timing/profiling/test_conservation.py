"""No cycle is lost and none is counted twice, in programs that nobody wrote by hand."""

from collections import Counter
from fractions import Fraction
from itertools import pairwise

import pytest

from runtime.isa.spec import Unit
from runtime.program.program import Program
from runtime.timing import predict
from runtime.timing.events import Engine
from runtime.timing.profiling.accounts import accounts
from runtime.timing.profiling.causes import WORK, Spent
from runtime.timing.profiling.path import critical_path
from runtime.timing.profiling.record import CHANNELS, Record, record
from tests.unit.runtime.timing.random_programs import random_exchange, random_program


def programs() -> list[Program]:
    return [*map(random_program, range(30)), *map(random_exchange, range(30))]


@pytest.fixture(scope="module", params=[0, 1, 2, 3])
def runs(request: pytest.FixtureRequest) -> list[tuple[Program, Record]]:
    return [(program, record(program, {})) for program in programs()[request.param :: 4]]


def test_the_accounts_of_an_engine_add_up_to_the_run(runs: list[tuple[Program, Record]]) -> None:
    for program, run in runs:
        sums: Counter[Engine] = Counter()
        for entry, cycles in accounts(run).items():
            assert cycles > 0
            sums[entry.engine] += cycles  # type: ignore[assignment]
        timing = predict(program, {})
        assert (run.cycles, run.hbm_bytes) == (timing.cycles, timing.hbm_bytes)
        assert {engine: sums[engine] for engine in Engine} == dict.fromkeys(Engine, run.cycles)


def test_work_is_what_the_model_says(runs: list[tuple[Program, Record]]) -> None:
    """The engines that compute are busy for as long as `predict` counts."""
    for program, run in runs:
        busy = predict(program, {}).busy
        for engine, unit in ((Engine.SXE, Unit.SXE), (Engine.VXE, Unit.VXE)):
            work = [n for e, n in accounts(run).items() if e.engine is engine and not e.waits]
            assert sum(work) == busy[unit]


def test_refresh_takes_its_share_of_moving(runs: list[tuple[Program, Record]]) -> None:
    for _, run in runs:
        shares: dict[Spent, Fraction] = {Spent.MEMORY: Fraction(), Spent.REFRESH: Fraction()}
        for entry, cycles in accounts(run).items():
            if entry.engine in CHANNELS and not entry.waits:
                shares[entry.spent] += cycles
        left = run.target.refresh_leaves
        assert shares[Spent.REFRESH] * left == shares[Spent.MEMORY] * (1 - left)


def test_the_critical_path_has_no_gaps(runs: list[tuple[Program, Record]]) -> None:
    for _, run in runs:
        path = critical_path(run)
        assert path[0].begin == 0
        assert path[-1].end == run.cycles
        assert all(one.end == other.begin for one, other in pairwise(path))
        assert all(piece.begin <= piece.end for piece in path)
        control = {Spent.CONTROL}
        assert all(piece.spent in {WORK[piece.engine], *control} for piece in path)
