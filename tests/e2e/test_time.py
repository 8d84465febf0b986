"""Predicted time of the samples, against a model that goes from cycle to cycle."""

from dataclasses import replace
from pathlib import Path

import pytest

from lpuc.compiler.driver import compile_model
from lpuc.compiler.options import CompileOptions
from runtime.program.program import Program
from runtime.timing import predict
from tests.unit.runtime.timing.ticks import Ticks

SAMPLES = Path(__file__).parents[2] / "samples"
MODELS = [*sorted((SAMPLES / "exports").glob("*.onnx")), SAMPLES / "stories" / "model.onnx"]

pytestmark = pytest.mark.xdist_group("time")
"""Each sample is compiled once, in one process."""


@pytest.fixture(scope="module", params=MODELS, ids=lambda path: path.parent.name + "-" + path.stem)
def sample(request: pytest.FixtureRequest) -> Program:
    return compile_model(request.param, CompileOptions()).program


@pytest.mark.parametrize("context", [1, 100])
def test_samples_take_the_time_of_the_ticking_model(sample: Program, context: int) -> None:
    symbols = {s.name: min(context, s.upper) for s in sample.interface.symbols}
    assert Ticks(sample, symbols).run() == predict(sample, symbols).cycles


def test_generation_takes_the_time_of_the_ticking_model(sample: Program) -> None:
    symbols = {"prompt": 3, "sampled": 1, "total": 6}
    predicted = predict(sample, symbols, entry="generate").cycles
    assert Ticks(sample, symbols, "generate").run() == predicted


@pytest.mark.parametrize("context", [1, 100])
def test_more_of_a_resource_is_never_slower(sample: Program, context: int) -> None:
    symbols = {s.name: min(context, s.upper) for s in sample.interface.symbols}
    target, usual = sample.target, predict(sample, symbols).cycles
    more = [replace(target, fifo_bytes=n * target.fifo_bytes) for n in (2, 32)]
    more += [replace(target, queue_depth=n * target.queue_depth) for n in (2, 100)]
    more += [replace(target, hbm_latency=40), replace(target, hbm_bandwidth=2 * 3.2768e12)]
    assert max(predict(replace(sample, target=t), symbols).cycles for t in more) <= usual
