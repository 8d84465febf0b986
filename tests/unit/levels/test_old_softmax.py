"""Before opset 13 a softmax takes all axes from its own on as one; level `onnx` knows that."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from lpuc.compiler.options import CompileOptions
from lpuc.verification.verified import verified

OPTIONS = CompileOptions("lpu-tiny", "f32")


@pytest.mark.parametrize("op", ["Softmax", "LogSoftmax", "Hardmax"])
@pytest.mark.parametrize("axis", [{}, {"axis": 0}, {"axis": -2}])
def test_every_level_agrees(op: str, axis: dict[str, int], tmp_path: Path):
    node = helper.make_node(op, ["x"], ["y"], "soft", **axis)
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [2, 3, 4]) for name in "xy")
    graph = helper.make_graph([node], "graph", [x], [y])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=8)
    onnx.save(model, str(tmp_path / "model.onnx"))
    assert verified(tmp_path / "model.onnx", OPTIONS, None, 0).mismatches == []
