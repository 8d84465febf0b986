"""Models that lie beside the checkout: other exporters, and a trained one with known tokens."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.correctness import LEVELS, check_model
from benchmarks.golden import greedy
from tests.e2e.committed import SHARED

MODELS = SHARED / "models"
STORIES = MODELS / "stories260K"
EXPORTS = sorted(path.parent for path in (MODELS / "exports").glob("*/model.onnx"))


def golden() -> list[int]:
    """The greedy tokens of an independent implementation."""
    return json.loads((STORIES / "golden_greedy_tokens.json").read_text("utf-8"))["tokens"]


@pytest.mark.skipif(not STORIES.is_dir(), reason="no trained model beside the checkout")
@pytest.mark.parametrize("count", [16, pytest.param(256, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", ["dynamo20", "dynamo23", "optimum"])
def test_greedy_tokens(name: str, count: int):
    tokens, _, _ = greedy(STORIES / f"{name}.onnx", count, "lpu-4nm")
    assert tokens == golden()[:count]


@pytest.mark.slow
@pytest.mark.skipif(not EXPORTS, reason="no exports beside the checkout")
@pytest.mark.parametrize("target", ["lpu-4nm", "lpu-tiny"])
@pytest.mark.parametrize("folder", EXPORTS, ids=lambda folder: folder.name)
def test_exports_are_right_or_refused(folder: Path, target: str):
    _, scores, _ = check_model(folder, (target,), LEVELS)
    assert not [line for score in scores.values() for line in score.wrong]
