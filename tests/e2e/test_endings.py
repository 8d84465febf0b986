"""Models that end in something else than logits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx import NodeProto, TensorProto, helper, numpy_helper
from xdsl.dialects.builtin import ModuleOp

from dialects.lpu.control import ForOp
from lpuc.compiler.driver import compile_model, load_module, lower
from lpuc.compiler.instrument import Instrumentation
from lpuc.compiler.options import CompileOptions
from passes.analysis.functions import step_function
from tests.unit.onnx_import.models import model, save

LAYERS, WIDTH = 4, 32
OPTIONS = CompileOptions(precision="f32")
ENDS = {
    "ArgMax": [helper.make_node("ArgMax", [f"h{LAYERS}"], ["i"], axis=-1)],
    "TopK": [helper.make_node("TopK", [f"h{LAYERS}", "k"], ["v", "i"])],
}


def _write(folder: Path, end: list[NodeProto]) -> tuple[Path, list[np.ndarray]]:
    """Equal layers and an end; the weights of the layers."""
    rng = np.random.default_rng(2)
    weights = [rng.standard_normal((WIDTH, WIDTH)).astype(np.float32) / 6 for _ in range(LAYERS)]
    nodes: list[NodeProto] = []
    for i in range(LAYERS):
        nodes.append(helper.make_node("MatMul", [f"h{i}", f"w{i}"], [f"p{i}"]))
        nodes.append(helper.make_node("Tanh", [f"p{i}"], [f"h{i + 1}"]))
    constants = {f"w{i}": weight for i, weight in enumerate(weights)}
    constants["k"] = numpy_helper.from_array(np.array([1]), "k")
    proto = model([*nodes, *end], {"h0": [1, WIDTH]}, ["i"], constants)
    proto.graph.output[0].type.tensor_type.elem_type = TensorProto.INT64
    return save(folder, proto), weights


def _loops(module: ModuleOp) -> int:
    return sum(isinstance(op, ForOp) for op in step_function(module).body.block.ops)


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_layers_before_one_of_several_results_become_a_loop(tmp_path: Path, end: list[NodeProto]):
    path, _ = _write(tmp_path, end)
    module = lower(load_module(path, OPTIONS), OPTIONS, "lpu", Instrumentation())
    assert _loops(module) == 1


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_the_largest_is_found(tmp_path: Path, end: list[NodeProto]):
    path, weights = _write(tmp_path, end)
    x = np.random.default_rng(3).standard_normal((1, WIDTH)).astype(np.float32)
    expected = x
    for weight in weights:
        expected = np.tanh(expected @ weight)
    assert compile_model(path, OPTIONS).run({"h0": x})["i"] == expected.argmax()


def test_constants_without_elements_lie_beside_others(tmp_path: Path):
    nodes = [helper.make_node("Identity", [name], [f"{name}_out"]) for name in ("a", "b")]
    constants = {"a": np.ones((0, 3), np.float32), "b": np.arange(3, dtype=np.float32)}
    path = save(tmp_path, model(nodes, {"x": [1]}, ["a_out", "b_out"], constants))
    outputs = compile_model(path, OPTIONS).run({"x": np.ones(1, np.float32)})
    assert outputs["a_out"].shape == (0, 3)
    assert outputs["b_out"].tolist() == [0, 1, 2]


def test_an_output_may_be_a_constant_without_elements(tmp_path: Path):
    node = helper.make_node("Shape", ["x"], ["i"], start=2, end=1)
    proto = model([node], {"x": [2, 3]}, ["i"])
    proto.graph.output[0].type.tensor_type.elem_type = TensorProto.INT64
    path = save(tmp_path, proto)
    assert compile_model(path, OPTIONS).run({"x": np.ones((2, 3), np.float32)})["i"].shape == (0,)
