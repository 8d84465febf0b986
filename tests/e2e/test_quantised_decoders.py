"""Decoders whose activations are quantised while they run, as ONNX Runtime's tools make them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx import numpy_helper, parser

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

    On two devices: each has the scales of its own columns.
    """
    found = lpuc.verify(quantised, precision="f32", max_context=CONTEXT, devices=2)
    assert found.is_right
    assert max(max(row.values()) for row in found.table.values()) < 5e-6


def test_eight_devices_have_scales_of_their_own_columns(tmp_path: Path):
    """A list of 64 is much beside products of 32 rows: more than may be whole."""
    import onnxruntime.quantization as tools

    random = np.random.default_rng(0)
    weights = {"w": random.standard_normal((32, 64)), "v": random.standard_normal((64, 32))}
    model = parser.parse_model("""<ir_version: 10, opset_import: ["": 20]>
    g (float[1, 1, 32] x) => (float[1, 1, 32] y) {
      h = MatMul (x, w)
      r = Relu (h)
      y = MatMul (r, v)
    }""")
    model.graph.initializer.extend(
        numpy_helper.from_array(array.astype(np.float32), name) for name, array in weights.items()
    )
    made = tmp_path / "quantised.onnx"
    tools.quantize_dynamic(model, made, per_channel=True)
    assert lpuc.verify(made, precision="f32", devices=8).is_right


def test_tokens_with_one_scale_are_no_chunk(quantised: Path):
    """How far one is rounded would depend on the others, and on where a chunk begins."""
    compiled = compile_model(quantised, CompileOptions(max_context=CONTEXT))
    told = [words for what, words in compiled.remarks if "chunk" in what or "chunk" in words]
    assert told == ["DynamicQuantizeLinear takes one scale for all tokens of a step"]


def test_what_a_file_rounds_to_is_said(quantised: Path):
    assert Reference(quantised).narrowest == "i8"
    assert Reference(ONE).narrowest == "f32"


class Calibration:
    """Inputs that tell a quantiser how large activations are."""

    def __init__(self, inputs: list[dict[str, np.ndarray]]) -> None:
        self.left = iter(inputs)

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self.left, None)


def test_products_of_bytes_are_exact_in_short_floats(tmp_path: Path):
    """
    Rows of a table and two products, each quantised to bytes: as in f32 by ONNX Runtime.

    What is scaled before it is added would be rounded in each factor, and 16 of 280 results would
    fall on the other side of a half.
    """
    import onnxruntime.quantization as tools

    random = np.random.default_rng(0)
    weights = {"table": random.standard_normal((50, 48)), "w": random.standard_normal((48, 96))}
    weights["v"] = random.standard_normal((96, 40))
    text = """<ir_version: 10, opset_import: ["": 20]>
    g (int64[1, 7] input_ids) => (float[1, 7, 40] y) {
      x = Gather (table, input_ids)
      h = MatMul (x, w)
      r = Relu (h)
      y = MatMul (r, v)
    }"""
    model = parser.parse_model(text)
    model.graph.initializer.extend(
        numpy_helper.from_array(array.astype(np.float32), name) for name, array in weights.items()
    )
    ids = random.integers(0, 50, (1, 7))
    made = tmp_path / "quantised.onnx"
    given = Calibration([{"input_ids": random.integers(0, 50, (1, 7))} for _ in range(3)])
    tools.quantize_static(model, made, given, per_channel=True)
    (want,) = Reference(made)({"input_ids": ids}).values()
    got = lpuc.compile(made, precision="f16").run({"input_ids": ids})["y"]
    np.testing.assert_allclose(got, want, rtol=1e-6, atol=1e-6)
