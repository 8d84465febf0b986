"""The decoders that benchmarks measure are decoders: ONNX Runtime and every level agree on them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import onnx
import pytest

from benchmarks.decoders.families import write_decoder
from benchmarks.decoders.shape import SHAPES
from lpuc.cli import invoke

TINY = [name for name in SHAPES if name.endswith("-tiny")]


USUAL = ("gpt2-tiny", "llama-tiny")
"""Of which the exports of the checkout are the same at every level."""


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[pytest.mark.slow] if n in USUAL else []) for n in TINY]
)
def test_every_level_agrees_on_a_tiny_one(name: str, tmp_path: Path):
    """In full precision: what attention adds to logits is less than half precision takes away."""
    write_decoder(tmp_path / "model.onnx", SHAPES[name])
    short = ["--max-context", "8", "--prompt-chunk", "0"]
    assert invoke(["verify", str(tmp_path / "model.onnx"), *short, "--precision", "f32"]) == 0


def test_there_are_as_many_layers_as_asked_for(tmp_path: Path):
    counts: list[int] = []
    for layers in (1, 3, 5):
        write_decoder(tmp_path / "model.onnx", replace(SHAPES["gpt2-tiny"], layers=layers))
        model = onnx.ModelProto.FromString((tmp_path / "model.onnx").read_bytes())
        assert [o.name for o in model.graph.output][-1] == f"present.{layers - 1}.value"
        counts.append(len(model.graph.node))
    assert counts[2] - counts[1] == counts[1] - counts[0] == 2 * 51


def test_equal_arguments_give_equal_files(tmp_path: Path):
    for folder in ("a", "b"):
        write_decoder(tmp_path / folder / "model.onnx", SHAPES["llama-tiny"], seed=3)
    for file in ("model.onnx", "model.onnx.data"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
