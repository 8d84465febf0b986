"""The head size that no input says is that of the query's projection, whatever is added to it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

import lpuc
from tests.e2e.single import MICROSOFT, Array, assert_same, f32

SIZE, PAST = 8, 3
BIASES = {"none": None, "one number": np.float32(0.5), "a list of one": f32(1), "a row": f32(16)}


def _grouped(bias: Array | np.float32 | None) -> onnx.ModelProto:
    """Two heads over one, and a past whose head size is a symbol."""
    weights = {"wq": f32(16, 2 * SIZE), "wk": f32(16, SIZE, seed=1), "wv": f32(16, SIZE, seed=2)}
    nodes = [helper.make_node("MatMul", ["x", f"w{n}"], [f"p{n}"]) for n in "qkv"]
    query = "pq"
    if bias is not None:
        weights["bias"] = np.asarray(bias)
        nodes.append(helper.make_node("Add", ["bias", "pq"], ["q"]))
        query = "q"
    past = ["past_key_values.0.key", "past_key_values.0.value"]
    present = ["present.0.key", "present.0.value"]
    inputs = [query, "pk", "pv", *past, "lengths", "total"]
    heads = {"num_heads": 2, "kv_num_heads": 1}
    nodes.append(
        helper.make_node("GroupQueryAttention", inputs, ["y", *present], domain=MICROSOFT, **heads)
    )
    takes = [
        helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1, 16]),
        *(helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 1, PAST, "D"]) for n in past),
        helper.make_tensor_value_info("lengths", TensorProto.INT32, [1]),
        helper.make_tensor_value_info("total", TensorProto.INT32, []),
    ]
    gives = [
        helper.make_tensor_value_info(n, TensorProto.FLOAT, dims)
        for n, dims in (("y", [1, 1, 16]), *((n, [1, 1, PAST + 1, "D"]) for n in present))
    ]
    held = [numpy_helper.from_array(array, name) for name, array in weights.items()]
    graph = helper.make_graph(nodes, "g", takes, gives, held)
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid(MICROSOFT, 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10)


@pytest.mark.parametrize("name", BIASES)
def test_the_head_size_is_that_of_the_projection(name: str, tmp_path: Path):
    model = _grouped(BIASES[name])
    inputs = {
        "x": f32(1, 1, 16),
        "past_key_values.0.key": f32(1, 1, PAST, SIZE, seed=3),
        "past_key_values.0.value": f32(1, 1, PAST, SIZE, seed=4),
        "lengths": np.array([PAST], np.int32),
        "total": np.array(PAST + 1, np.int32),
    }
    path = tmp_path / "model.onnx"
    onnx.save(model, path)
    outputs = lpuc.compile(path, precision="f32").run(inputs)
    names = [output.name for output in model.graph.output]
    expected = onnxruntime.InferenceSession(model.SerializeToString()).run(names, inputs)
    assert_same([outputs[name] for name in names], expected)


def test_products_of_bytes_say_it_too(tmp_path: Path):
    """As ONNX Runtime's tools quantise a projection: a sum of integers, a cast and a scale."""
    import onnxruntime.quantization as tools

    path = tmp_path / "model.onnx"
    tools.quantize_dynamic(
        _grouped(BIASES["a row"]), path, ["MatMul"], weight_type=tools.QuantType.QInt8
    )
    ports = lpuc.compile(path, precision="f32").inputs
    shapes = [port.shape for port in ports if port.name.startswith("past")]
    assert [shape[-1] for shape in shapes] == [SIZE, SIZE]
