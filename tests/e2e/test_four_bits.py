"""Weights of 4-bit integers, as tools that quantise to the format QDQ store them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper

import lpuc
from dialects.errors import CompileError
from tests.e2e.single import Array, assert_same, f32

KINDS = {"int4": (TensorProto.INT4, -8), "uint4": (TensorProto.UINT4, 0)}


def _tensor(name: str, kind: str, numbers: Array, raw: bool) -> TensorProto:
    number, _ = KINDS[kind]
    if not raw:
        return helper.make_tensor(name, number, numbers.shape, numbers.reshape(-1).tolist())
    halves = np.append(numbers.reshape(-1) & 15, np.zeros(numbers.size % 2, np.int64))
    packed = (halves[0::2] | halves[1::2] << 4).astype(np.uint8)
    return helper.make_tensor(name, number, numbers.shape, packed.tobytes(), raw=True)


def _model(kind: str, rows: int, block: int, pointed: bool, raw: bool) -> ModelProto:
    """A product with weights `[rows, 3]`, of which each block of rows has a scale."""
    least = KINDS[kind][1]
    draw = np.random.default_rng(rows)
    blocks = (-(-rows // block), 3) if block else ()
    numbers = draw.integers(least, least + 16, (rows, 3))
    held = [_tensor("w", kind, numbers, raw), numpy_helper.from_array(abs(f32(*blocks)), "s")]
    names = ["w", "s"]
    if pointed:
        held.append(_tensor("z", kind, draw.integers(least, least + 16, blocks), raw))
        names.append("z")
    given = {"axis": 0, "block_size": block} if block else {}
    nodes = [
        helper.make_node("DequantizeLinear", names, ["d"], "weights", **given),
        helper.make_node("MatMul", ["x", "d"], ["y"], "product"),
    ]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, rows])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [2, 3])
    graph = helper.make_graph(nodes, "short", [x], [y], held)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("rows", "block"), [(32, 16), (5, 0)], ids=["blocks", "an odd number"])
@pytest.mark.parametrize("raw", [True, False], ids=["bytes", "a list"])
def test_weights_of_four_bits(kind: str, rows: int, block: int, raw: bool, tmp_path: Path):
    model = _model(kind, rows, block, block > 0, raw)
    onnx.save(model, tmp_path / "model.onnx")
    inputs = {"x": f32(2, rows, seed=1)}
    plain = onnxruntime.SessionOptions()  # it quantises activations where it optimises
    plain.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), plain)
    program = lpuc.compile(tmp_path / "model.onnx", precision="f32")
    assert_same([program.run(inputs)["y"]], session.run(None, inputs))


def _turned(model: ModelProto) -> ModelProto:
    """The same with weights that are stored the other way round."""
    (held,) = [t for t in model.graph.initializer if t.name == "w"]
    kind = next(k for k, (number, _) in KINDS.items() if number == held.data_type)
    numbers = numpy_helper.to_array(held).astype(np.int64).T
    held.CopyFrom(_tensor("turned", kind, numbers, True))
    model.graph.node.insert(
        0, helper.make_node("Transpose", ["turned"], ["w"], "turn", perm=[1, 0])
    )
    return model


def _as_nodes(model: ModelProto) -> ModelProto:
    """The same with every 4-bit constant as a node."""
    held = [
        t for t in model.graph.initializer if t.data_type in (TensorProto.INT4, TensorProto.UINT4)
    ]
    others = [t for t in model.graph.initializer if t not in held]
    made = [helper.make_node("Constant", [], [t.name], f"const_{t.name}", value=t) for t in held]
    nodes = [*made, *model.graph.node]
    del model.graph.initializer[:], model.graph.node[:]
    model.graph.initializer.extend(others)
    model.graph.node.extend(nodes)
    return model


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("form", [_as_nodes, _turned])
def test_constants_that_are_nodes_or_turned(
    form: Callable[[ModelProto], ModelProto], kind: str, tmp_path: Path
):
    model = form(_model(kind, 32, 16, True, True))
    onnx.save(model, tmp_path / "model.onnx")
    inputs = {"x": f32(2, 32, seed=1)}
    plain = onnxruntime.SessionOptions()
    plain.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), plain)
    program = lpuc.compile(tmp_path / "model.onnx", precision="f32")
    assert_same([program.run(inputs)["y"]], session.run(None, inputs))
    assert lpuc.verify(tmp_path / "model.onnx", precision="f32").is_right


def _table(kind: str, pointed: bool, **given: int) -> ModelProto:
    """Rows of a table of 24 columns in blocks of 16."""
    least, draw = KINDS[kind][1], np.random.default_rng(7)
    held = [_tensor("w", kind, draw.integers(least, least + 16, (9, 24)), True)]
    held.append(numpy_helper.from_array(abs(f32(9, 2)), "s"))
    names = ["w", "ids", "s"]
    if pointed:
        held.append(_tensor("z", kind, draw.integers(least, least + 16, (9, 2)), True))
        names.append("z")
    given = {"block_size": 16, "quantize_axis": 1, **given}
    node = helper.make_node(
        "GatherBlockQuantized", names, ["y"], "rows", domain="com.microsoft", **given
    )
    ids = helper.make_tensor_value_info("ids", TensorProto.INT64, [1, 3])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph([node], "table", [ids], [y], held)
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("pointed", [True, False])
def test_rows_of_a_table_of_four_bits(kind: str, pointed: bool, tmp_path: Path):
    """Its zero point is 0 where none is given, not the middle of the range, as for bytes."""
    model = _table(kind, pointed)
    onnx.save(model, tmp_path / "model.onnx")
    inputs = {"ids": np.array([[3, 8, 0]], np.int64)}
    want = onnxruntime.InferenceSession(model.SerializeToString()).run(None, inputs)
    program = lpuc.compile(tmp_path / "model.onnx", precision="f32")
    assert_same([program.run(inputs)["y"]], want)


def test_a_table_of_four_bits_that_says_other_bits_is_refused(tmp_path: Path):
    onnx.save(_table("uint4", True, bits=8), tmp_path / "model.onnx")
    words = r"rows: com\.microsoft\.GatherBlockQuantized: bits is 8, of a table of 4-bit integers"
    with pytest.raises(CompileError, match=words):
        lpuc.compile(tmp_path / "model.onnx")


def test_what_else_reads_them_is_refused(tmp_path: Path):
    """Nothing but a scale says what numbers of four bits are for."""
    model = _model("uint4", 5, 0, False, True)
    model.graph.node.append(helper.make_node("Identity", ["w"], ["v"], "other"))
    model.graph.output.append(helper.make_tensor_value_info("v", TensorProto.UINT4, [5, 3]))
    onnx.save(model, tmp_path / "model.onnx")
    with pytest.raises(CompileError, match="the initializer 'w' has element type uint4"):
        lpuc.compile(tmp_path / "model.onnx")


def test_bytes_that_are_missing_are_refused(tmp_path: Path):
    model = _model("int4", 5, 0, False, True)
    model.graph.initializer[0].raw_data = b"1234567"
    onnx.save(model, tmp_path / "model.onnx")
    with pytest.raises(CompileError, match=r"the initializer 'w' holds 7 bytes, \[8\] of u8"):
        lpuc.compile(tmp_path / "model.onnx")
