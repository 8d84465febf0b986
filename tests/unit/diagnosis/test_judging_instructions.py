"""What an instruction writes is held to what was written before a pass, value by value."""

from __future__ import annotations

from itertools import chain

import numpy as np
import pytest

from benchmarks.bounds import Planted, plants
from lpuc.compiler.driver import load_module
from lpuc.compiler.options import CompileOptions
from lpuc.compiler.pipeline import pipeline_of, stage_passes
from lpuc.diagnosis.checking import RESOLVED
from lpuc.diagnosis.judging.instructions import judge_instructions
from lpuc.diagnosis.judging.runs import Runs
from lpuc.diagnosis.judging.snapshots import Step, steps
from lpuc.levels.cases import Cases
from lpuc.levels.interface import interface_above
from tests.e2e.committed import ONE

TIMES = 4.0


@pytest.fixture(scope="module", params=["f32", "f16"])
def judged(request: pytest.FixtureRequest) -> list[tuple[Step, Runs, Runs]]:
    """The passes to and on instructions, with runs of one step before and behind each."""
    options = CompileOptions("lpu-tiny", request.param, max_context=16, prompt_chunk=0)
    passes = list(chain.from_iterable(map(stage_passes, pipeline_of(1))))
    found, case, last = list[tuple[Step, Runs, Runs]](), None, None
    for step in steps(load_module(ONE, options), passes):
        if step.one.name == RESOLVED:
            case = next(Cases(interface_above(step.after.module)).quick())
        elif step.after.level == "lpu_isa" and not step.is_idle:
            assert case is not None
            before, last = last or Runs(step.before, case), Runs(step.after, case)
            found.append((step, before, last))
    return found


def is_exact(step: Step) -> bool:
    return step.numbers.change == "exact"


def test_without_an_error_nothing_departs(judged: list[tuple[Step, Runs, Runs]]):
    assert judged[0][0].one.name == "convert-lpu-mem-to-lpu-isa"
    assert len(judged) >= 2
    for step, before, after in judged:
        assert judge_instructions(is_exact(step), before, after) is None


def test_a_product_that_is_off_by_four_local_bounds_is_named(
    judged: list[tuple[Step, Runs, Runs]],
):
    buffers = judged[0][1]
    for step, before, after in judged:
        errors = list(plants(after, TIMES, np.random.default_rng(0), buffers))
        assert len(errors) >= 10
        for plant in errors[::5]:
            planted = Planted(after.snapshot, after.case, plant=plant)
            found = judge_instructions(is_exact(step), before, planted)
            assert found is not None and found.operation in ("lpu_mem.vecmat", "vecmat")
            assert found.names
