"""The reference of `verify` where ONNX Runtime has no element type of the file."""

from __future__ import annotations

from pathlib import Path

import ml_dtypes
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from lpuc.compiler.instrument import Instrumentation
from lpuc.compiler.options import CompileOptions
from lpuc.levels.onnx_runtime import Reference, Refusal
from lpuc.verification.subject import subject

pytest.importorskip("onnxruntime")

BF16 = TensorProto.BFLOAT16
SHORT = ml_dtypes.bfloat16
WEIGHT = (np.arange(12).reshape(4, 3) / 7 - 0.8).astype(SHORT)
ADDED = np.array([1, 257, -0.01]).astype(SHORT)
X = np.array([[0.3, -2, 5, 0.01]]).astype(SHORT)


def _model(path: Path, operator: str = "MatMul", external: bool = False) -> Path:
    """A product by a weight, a constant, and casts there and back, all bf16."""
    constant = numpy_helper.from_array(ADDED)
    nodes = [
        helper.make_node(operator, ["x", "w"], ["a"], "first"),
        helper.make_node("Constant", [], ["c"], "second", value=constant),
        helper.make_node("Add", ["a", "c"], ["b"], "third"),
        helper.make_node("Cast", ["b"], ["f"], "fourth", to=TensorProto.FLOAT),
        helper.make_node("Cast", ["f"], ["y"], "fifth", to=BF16),
    ]
    x = helper.make_tensor_value_info("x", BF16, [1, 4])
    y = helper.make_tensor_value_info("y", BF16, [1, 3])
    weights = [numpy_helper.from_array(WEIGHT, "w")]
    graph = helper.make_graph(nodes, "g", [x], [y], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    onnx.save(model, path, save_as_external_data=external, location="w.bin", size_threshold=0)
    return path


@pytest.mark.parametrize("external", [False, True])
def test_bf16_is_judged_in_f32_where_onnx_runtime_lacks_it(tmp_path: Path, external: bool):
    path = _model(tmp_path / "m.onnx", external=external)
    reference = Reference(path)
    found = reference({"x": X})["y"]
    exact = X.astype(np.float64) @ WEIGHT.astype(np.float64) + ADDED.astype(np.float64)
    assert found.dtype == SHORT
    assert np.array_equal(found, exact.astype(SHORT))
    assert np.allclose(reference.values({"x": X})["b"].astype(np.float64), exact, rtol=1e-6)
    assert reference.narrowest == "bf16"
    assert any("no bf16" in note for note in reference.notes)
    compiled = subject(path, CompileOptions(), Instrumentation())
    for run in compiled.runners.values():
        near = np.abs(run({"x": X})["y"].astype(np.float64) - exact)
        assert np.all(near <= 2.0**-7 * np.abs(exact) + 0.05)


def test_what_is_refused_for_another_reason_stays_refused(tmp_path: Path):
    with pytest.raises(Refusal, match="ONNX Runtime refuses the model"):
        Reference(_model(tmp_path / "m.onnx", "Nonsense"))
