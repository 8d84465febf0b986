"""Decoders whose activations are quantised while they run, as ONNX Runtime's tools make them."""

from __future__ import annotations

from pathlib import Path

import pytest

import lpuc
from lpuc.compiler.driver import compile_model
from lpuc.compiler.options import CompileOptions
from lpuc.levels.onnx_runtime import Reference
from tests.e2e.committed import CONTEXT, ONE


@pytest.fixture(scope="module")
def quantised(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of the checkout with products of bytes, a scale for each column of the weights."""
    import onnxruntime.quantization as tools

    path = tmp_path_factory.mktemp("quantised") / "model.onnx"
    tools.quantize_dynamic(ONE, path, weight_type=tools.QuantType.QInt8, per_channel=True)
    return path


def test_a_quantised_decoder_is_right_at_every_level(quantised: Path):
    """Off by what sums round alone: no activation lies so near a half that it falls elsewhere.

    Scales of columns are whole, and many beside products of 32 rows.
    """
    ring = {"devices": 2, "whole_budget": 10.0}
    found = lpuc.verify(quantised, precision="f32", max_context=CONTEXT, **ring)
    assert found.is_right
    assert max(max(row.values()) for row in found.table.values()) < 5e-6


def test_tokens_with_one_scale_are_no_chunk(quantised: Path):
    """How far one is rounded would depend on the others, and on where a chunk begins."""
    compiled = compile_model(quantised, CompileOptions(max_context=CONTEXT))
    told = [words for what, words in compiled.remarks if "chunk" in what or "chunk" in words]
    assert told == ["DynamicQuantizeLinear takes one scale for all tokens of a step"]


def test_what_a_file_rounds_to_is_said(quantised: Path):
    assert Reference(quantised).narrowest == "i8"
    assert Reference(ONE).narrowest == "f32"
