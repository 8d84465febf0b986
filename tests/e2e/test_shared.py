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
from lpuc.verification.verified import difference, subject
from tests.e2e.committed import SHARED, expected, feeds

MODELS = SHARED / "models"
STORIES = MODELS / "stories260K"
EXPORTS = sorted(path.parent for path in (MODELS / "exports").glob("*/model.onnx"))


def golden() -> list[int]:
    """The greedy tokens of an independent implementation."""
    return json.loads((STORIES / "golden_greedy_tokens.json").read_text("utf-8"))["tokens"]


@pytest.mark.skipif(not STORIES.is_dir(), reason="no trained model beside the checkout")
@pytest.mark.parametrize("precision", WANTED)
@pytest.mark.parametrize("name", ["dynamo20", "dynamo23", "optimum"])
def test_greedy_tokens(name: str, precision: str):
    count = WANTED[precision]
    options = CompileOptions(precision=precision, max_context=count + 1)
    tokens, _, _ = greedy(STORIES / f"{name}.onnx", count, options)
    assert tokens == golden()[:count]


@pytest.mark.skipif(not EXPORTS, reason="no exports beside the checkout")
@pytest.mark.parametrize("past", [0, 9, 1100])
def test_half_precision(past: int):
    """An f16 model in f16, far from the start too: positions and sums stay in full precision."""
    model = MODELS / "exports/fp16__llama-fp16/model.onnx"
    runners = subject(model, CompileOptions(precision="f16"), Instrumentation()).runners
    inputs = feeds(model, Call(new=1, past=past))
    got = runners["program"](inputs)
    errors = {n: difference(got[n], value) for n, value in expected(model, inputs).items()}
    assert {n: e for n, e in errors.items() if not e <= 5e-3} == {}


@pytest.mark.slow
@pytest.mark.skipif(not EXPORTS, reason="no exports beside the checkout")
@pytest.mark.parametrize("target", ["lpu-4nm", "lpu-tiny"])
@pytest.mark.parametrize("folder", EXPORTS, ids=lambda folder: folder.name)
def test_exports_are_right_or_refused(folder: Path, target: str):
    _, scores, _ = check_model(folder, (target,), LEVELS)
    assert not [line for score in scores.values() for line in score.wrong]
