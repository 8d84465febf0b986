"""Models that lie beside the checkout: other exporters, and a trained one with known tokens."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.correctness import LEVELS, check_model
from benchmarks.decoder_inputs import Call
from benchmarks.golden import WANTED, greedy
from lpuc.compiler.instrument import Instrumentation
from lpuc.compiler.options import CompileOptions
from lpuc.verification.verified import Subject, difference, subject
from tests.e2e.committed import SHARED, expected, feeds

MODELS = SHARED / "models"
STORIES = MODELS / "stories260K"
EXPORTS = sorted(path.parent for path in (MODELS / "exports").glob("*/model.onnx"))


def golden() -> list[int]:
    """The greedy tokens of an independent implementation."""
    return json.loads((STORIES / "golden_greedy_tokens.json").read_text("utf-8"))["tokens"]


FEW = [("dynamo20", "f32"), ("dynamo20", "bf16"), ("dynamo23", "f16"), ("optimum", "f16")]
"""Each exporter and each precision; all of both are slow tests."""
GREEDY = [
    pytest.param(name, precision, marks=() if (name, precision) in FEW else pytest.mark.slow)
    for name in ("dynamo20", "dynamo23", "optimum")
    for precision in WANTED
]


@pytest.mark.skipif(not STORIES.is_dir(), reason="no trained model beside the checkout")
@pytest.mark.parametrize(("name", "precision"), GREEDY)
def test_greedy_tokens(name: str, precision: str):
    count = WANTED[precision]
    options = CompileOptions(precision=precision, max_context=count + 1)
    tokens, _, _ = greedy(STORIES / f"{name}.onnx", count, options)
    assert tokens == golden()[:count]


@pytest.fixture(scope="module")
def half() -> tuple[Path, Subject]:
    """An f16 model in f16."""
    model = MODELS / "exports/fp16__llama-fp16/model.onnx"
    return model, subject(model, CompileOptions(precision="f16"), Instrumentation())


@pytest.mark.skipif(not EXPORTS, reason="no exports beside the checkout")
@pytest.mark.parametrize("past", [0, 9, 1100])
def test_half_precision(past: int, half: tuple[Path, Subject]):
    """Far from the start too: positions and sums stay in full precision."""
    model, compiled = half
    inputs = feeds(model, Call(new=1, past=past))
    got = compiled.runners["program"](inputs)
    errors = {n: difference(got[n], value) for n, value in expected(model, inputs).items()}
    assert {n: e for n, e in errors.items() if not e <= 5e-3} == {}


@pytest.mark.slow
@pytest.mark.skipif(not EXPORTS, reason="no exports beside the checkout")
@pytest.mark.parametrize("target", ["lpu-4nm", "lpu-tiny"])
@pytest.mark.parametrize("folder", EXPORTS, ids=lambda folder: folder.name)
def test_exports_are_right_or_refused(folder: Path, target: str):
    _, scores, _ = check_model(folder, (target,), LEVELS)
    assert not [line for score in scores.values() for line in score.wrong]
