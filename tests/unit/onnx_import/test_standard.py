"""Operators that the standard writes out, and that nothing lowers, are what it writes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx import NodeProto, TensorProto, helper

from benchmarks.fuzz.judging import judge, reference
from dialects.errors import CompileError, node_names
from lpuc.onnx_import import Budgets, import_model
from tests.unit.onnx_import.models import imported, model, nodes_of, save

X = np.random.default_rng(1).standard_normal((2, 3, 4, 5)).astype(np.float32)
MVN = helper.make_node("MeanVarianceNormalization", ["x"], ["y"], name="norm")


def _names(folder: Path, node: NodeProto) -> list[str]:
    module = imported(folder, model([node], {"x": list(X.shape)}, ["y"]))
    return [op.name for op in nodes_of(module)]


def test_a_body_stands_for_the_operator(tmp_path: Path):
    names = _names(tmp_path, MVN)
    assert "onnx.MeanVarianceNormalization" not in names
    assert "onnx.ReduceMean" in names


def test_what_a_pass_handles_stays_whole(tmp_path: Path):
    assert _names(tmp_path, helper.make_node("Gelu", ["x"], ["y"])) == ["onnx.Gelu"]


def test_the_nodes_of_a_body_are_named_after_the_operator(tmp_path: Path):
    module = imported(tmp_path, model([MVN], {"x": list(X.shape)}, ["y"]))
    assert all(node_names(op)[0].startswith("norm/") for op in nodes_of(module))


@pytest.mark.parametrize("axes", [None, [1], [0, 2]])
def test_attributes_reach_the_body_or_have_the_defaults_of_the_operator(axes: list[int] | None):
    pytest.importorskip("onnxruntime")
    node = helper.make_node("MeanVarianceNormalization", ["x"], ["y"], axes=axes)
    proto = model([node], {"x": list(X.shape)}, ["y"], opset=13)
    expected, why_not = reference(proto, {"x": X})
    assert expected is not None, why_not
    assert judge(proto, {"x": X}, expected).verdict == "right"


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("reduction", ["none", "mean"])
def test_a_body_depends_on_the_inputs_that_are_there(weighted: bool, reduction: str):
    pytest.importorskip("onnxruntime")
    scores, labels = X[:, :, 0, 0], np.array([2, 0], np.int64)
    inputs = {"x": scores, "w": np.array([0.5, 1, 2], np.float32)} if weighted else {"x": scores}
    node = helper.make_node(
        "SoftmaxCrossEntropyLoss", ["x", "t", *list(inputs)[1:]], ["y"], reduction=reduction
    )
    proto = model([node], {n: list(a.shape) for n, a in inputs.items()}, ["y"], opset=13)
    proto.graph.input.append(helper.make_tensor_value_info("t", TensorProto.INT64, [2]))
    arrays = {**inputs, "t": labels}
    expected, why_not = reference(proto, arrays)
    assert expected is not None, why_not
    assert judge(proto, arrays, expected).verdict == "right"


def test_bodies_count_as_nodes(tmp_path: Path):
    nodes = [helper.make_node("MeanVarianceNormalization", ["x"], [f"y{i}"]) for i in range(9)]
    proto = model(nodes, {"x": list(X.shape)}, ["y0"])
    with pytest.raises(CompileError, match="nodes after inlining functions"):
        import_model(save(tmp_path, proto), budgets=Budgets(nodes=50))
