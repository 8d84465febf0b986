"""Predicted time of samples, against a model that goes from cycle to cycle."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from lpuc.compiler.driver import compile_model
from lpuc.compiler.options import CompileOptions
from runtime.program.interface import device_symbols
from runtime.program.program import Program
from runtime.timing import predict
from tests.unit.runtime.timing.ticks import Ticks

SAMPLES = Path(__file__).parents[2] / "samples"
EXPORTS = [SAMPLES / "exports" / f"{name}.onnx" for name in ("gpt2", "llama")]
"""The other exports are the same few products and instructions."""
MODELS = [*EXPORTS, SAMPLES / "stories" / "model.onnx"]

GENERATING = [pytest.param(EXPORTS[0], marks=pytest.mark.slow), EXPORTS[1]]
"""One without and one with chunks of prompts; the loop around a step is the same for all."""


@cache
def compiled(path: Path) -> Program:
    """The program of a model, which tests ask for in turns."""
    chunk = None if path.stem == "llama" else 0
    return compile_model(path, CompileOptions(prompt_chunk=chunk)).program


@pytest.fixture(
    scope="module", params=[*EXPORTS, pytest.param(MODELS[-1], marks=pytest.mark.slow)],
    ids=lambda path: path.parent.name + "-" + path.stem,
)  # fmt: skip
def sample(request: pytest.FixtureRequest) -> Program:
    return compiled(request.param)


CASES = [(model, context) for model in MODELS for context in (1, 100)]


@pytest.mark.parametrize(
    ("sample", "context"),
    [pytest.param(*case, marks=() if case[0] in EXPORTS else pytest.mark.slow) for case in CASES],
    ids=[f"{path.stem}-{context}" for path, context in CASES],
    indirect=["sample"],
)
def test_samples_take_the_time_of_the_ticking_model(sample: Program, context: int) -> None:
    symbols = {s.name: min(context, s.upper) for s in sample.interface.symbols}
    assert Ticks(sample, symbols).run() == predict(sample, symbols).cycles


@pytest.mark.parametrize("sample", GENERATING, ids=lambda path: path.stem, indirect=True)
def test_generation_takes_the_time_of_the_ticking_model(sample: Program) -> None:
    symbols = {"fed": 0, "prompt": 2, "sampled": 1, "total": 4}
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


RING = 4


@pytest.fixture(scope="module")
def ring() -> Program:
    """A model on several devices."""
    return compile_model(
        SAMPLES / "exports" / "llama.onnx", CompileOptions(devices=RING, prompt_chunk=0)
    ).program


@pytest.mark.parametrize(
    ("entry", "symbols"),
    [
        ("step", {"P": 1}),
        ("step", {"P": 60}),
        ("generate", {"fed": 0, "prompt": 1, "sampled": 1, "total": 3}),
    ],
)
def test_several_devices_take_the_time_of_the_ticking_model(
    ring: Program, entry: str, symbols: dict[str, int]
) -> None:
    own = device_symbols(ring.entry(entry), 0, RING)
    found = predict(ring, symbols, entry=entry)
    assert Ticks(ring, {**symbols, **own}, entry).run() == found.cycles
    assert found.messages > 0
    assert 0 < found.exchange < found.seconds


def test_more_of_a_link_is_never_slower(ring: Program) -> None:
    target, usual = ring.target, predict(ring, {"P": 9})
    more = [
        replace(target, link_bandwidth=2 * target.link_bandwidth),
        replace(target, link_hop_latency=target.link_hop_latency // 2),
        replace(target, link_depth=100 * target.link_depth),
    ]
    found = [predict(replace(ring, target=t), {"P": 9}) for t in more]
    assert max(timing.cycles for timing in found) <= usual.cycles
    assert found[1].exchange < usual.exchange
