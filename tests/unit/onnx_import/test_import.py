"""What the importer makes of models that are right."""

from __future__ import annotations

from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper
from xdsl.dialects.builtin import DictionaryAttr, StringAttr

from dialects.errors import CompileError, node_names
from dialects.lpu.types import Tensor, TensorType
from dialects.lpu.weights import FileRange, Inline, read
from dialects.onnx.execution import run_function
from lpuc.onnx_import import Budgets, import_model
from runtime.numerics.elements import ElementType
from tests.unit.onnx_import.models import (
    BIG,
    imported,
    initializers_of,
    linear,
    model,
    nodes_of,
    save,
    step,
    unary,
)


def _tensor(value_type: object) -> Tensor:
    assert isinstance(value_type, TensorType)
    return value_type.data


def test_nodes_keep_names_and_versions(tmp_path: Path):
    module = imported(tmp_path, linear())
    (op,) = nodes_of(module)
    assert (op.OP_TYPE, op.since_version, node_names(op)) == ("MatMul", 13, ("product",))
    assert op.get("A") is step(module).body.block.args[0]
    assert _tensor(op.results[0].type) == Tensor(None, ElementType("f32"))


def test_nodes_without_a_name_get_one(tmp_path: Path):
    proto = unary()
    proto.graph.node[0].name = ""
    assert node_names(nodes_of(imported(tmp_path, proto))[0]) == ("Relu_0",)


def test_large_embedded_weights_stay_in_the_file(tmp_path: Path):
    (weight,) = initializers_of(imported(tmp_path, linear()))
    assert isinstance(weight.weight, FileRange)
    np.testing.assert_array_equal(read(weight.weight, tmp_path), BIG)


def test_large_packed_floats_stay_in_the_file(tmp_path: Path):
    typed = helper.make_tensor("w", TensorProto.FLOAT, BIG.shape, BIG.ravel().tolist())
    (weight,) = initializers_of(imported(tmp_path, linear(typed)))
    assert isinstance(weight.weight, FileRange)
    np.testing.assert_array_equal(read(weight.weight, tmp_path), BIG)


def test_large_constant_nodes_stay_in_the_file(tmp_path: Path):
    nodes = [
        helper.make_node("Constant", [], ["w"], value=numpy_helper.from_array(BIG)),
        helper.make_node("MatMul", ["x", "w"], ["y"]),
    ]
    constant, _ = nodes_of(imported(tmp_path, model(nodes, {"x": [1, 16]}, ["y"])))
    weight = constant.attr("value")
    assert isinstance(weight, FileRange)
    np.testing.assert_array_equal(read(weight, tmp_path), BIG)
    assert _tensor(constant.results[0].type) == Tensor.of((16, 32), ElementType("f32"))


@pytest.mark.parametrize(
    "array",
    [
        np.array([np.nan, np.inf, -np.inf, -0.0, 1e-45], np.float32),
        np.array([np.nan, -0.0, 65504], np.float16),
        np.array([np.nan, -np.inf, 3e38], ml_dtypes.bfloat16),
        np.array([np.iinfo(np.int64).min, np.iinfo(np.int64).max]),
        np.array([-1, 2**31 - 1], np.int32),
        np.array([-128], np.int8),
        np.array([[255], [0]], np.uint8),
        np.array([True, False]),
        np.array(2.5, np.float32),
        np.zeros((0, 3), np.float32),
    ],
    ids=lambda a: f"{a.dtype}{list(a.shape)}",
)
@pytest.mark.parametrize("raw", [True, False])
def test_small_constants_stand_in_the_ir(
    tmp_path: Path, array: np.ndarray[tuple[int, ...], np.dtype[np.float32]], raw: bool
):
    tensor = numpy_helper.from_array(array, "w")
    if not raw:
        values = array.ravel() if array.dtype.kind != "f" else array.ravel().astype(np.float32)
        tensor = helper.make_tensor("w", tensor.data_type, array.shape, values.tolist())
    nodes = [helper.make_node("Identity", ["w"], ["y"])]
    (op,) = initializers_of(imported(tmp_path, model(nodes, {}, ["y"], {"w": tensor})))
    assert isinstance(op.weight, Inline)
    assert read(op.weight, tmp_path).dtype == array.dtype
    assert read(op.weight, tmp_path).tobytes() == array.tobytes()


def test_every_form_of_constant_becomes_one(tmp_path: Path):
    values = {"value_int": -5, "value_ints": [1, 2], "value_float": 0.5, "value_floats": [1.0]}
    nodes = [helper.make_node("Constant", [], [n], **{n: v}) for n, v in values.items()]
    for op, value in zip(
        nodes_of(imported(tmp_path, model(nodes, {}, list(values)))), values.values(), strict=True
    ):
        weight = op.attr("value")
        assert isinstance(weight, Inline)
        np.testing.assert_array_equal(read(weight, tmp_path), np.array(value))


def test_names_of_extents(tmp_path: Path):
    dims = ["batch", "past + seq", "2", 7, None, "past_plus_seq", "batch"]
    proto = model([helper.make_node("Relu", ["x"], ["y"])], {"x": dims}, ["y"])
    function = step(imported(tmp_path, proto))
    tensor = _tensor(function.body.block.args[0].type)
    assert str(tensor) == "[batch, past_plus_seq, 2, 7, ?, past_plus_seq_2, batch], f32"
    names = function.attributes["lpu.dim_params"]
    assert isinstance(names, DictionaryAttr)
    assert names.data["past_plus_seq"] == StringAttr("past + seq")


def test_extents_can_be_fixed_by_name(tmp_path: Path):
    path = save(tmp_path, linear())
    function = step(import_model(path, shape={"batch": 3}))
    assert str(_tensor(function.body.block.args[0].type)) == "[3, 16], f32"
    with pytest.raises(CompileError, match=r"no extent is called 'bach'; there are: batch"):
        import_model(path, shape={"bach": 3})


def test_inputs_left_out(tmp_path: Path):
    node = helper.make_node("Clip", ["x", "", "high"], ["y"])
    proto = model([node], {"x": [2], "high": []}, ["y"])
    (op,) = nodes_of(imported(tmp_path, proto))
    assert op.absent == (1,)
    assert op.get("min") is None
    assert op.get("max") is op.operands[1]


def test_outputs_left_out(tmp_path: Path):
    node = helper.make_node(
        "SkipSimplifiedLayerNormalization",
        ["x", "x", "g"],
        ["y", "", "", "sum"],
        domain="com.microsoft",
    )
    module = imported(tmp_path, model([node], {"x": [1, 1, 2], "g": [2]}, ["y", "sum"]))
    assert len(nodes_of(module)[0].results) == 4
    x, g = np.array([[[3.0, 4.0]]], np.float32), np.ones(2, np.float32)
    results = run_function(step(module), {"x": x, "g": g}, tmp_path)
    np.testing.assert_allclose(results["sum"], x + x)


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        (helper.make_node("Cast", ["x"], ["y"], to=TensorProto.INT64), "i64"),
        (helper.make_node("Cast", ["x"], ["y"], to=TensorProto.BFLOAT16), "bf16"),
        (helper.make_node("Shape", ["x"], ["y"]), "i64"),
        (helper.make_node("IsNaN", ["x"], ["y"]), "bool"),
        (helper.make_node("Less", ["x", "x"], ["y"]), "bool"),
        (helper.make_node("ArgMax", ["x"], ["y"]), "i64"),
        (helper.make_node("RandomNormal", [], ["y"], shape=[2]), "f32"),
    ],
    ids=lambda v: v if isinstance(v, str) else v.op_type,
)
def test_element_types(tmp_path: Path, node: object, expected: str):
    module = imported(tmp_path, model([node], {"x": [2]}, ["y"]))
    assert _tensor(nodes_of(module)[0].results[0].type).dtype == ElementType(expected)


def test_unused_initializers_vanish(tmp_path: Path):
    proto = model([helper.make_node("Relu", ["x"], ["y"])], {"x": [2]}, ["y"], {"w": BIG})
    assert not initializers_of(imported(tmp_path, proto))


def test_initializers_listed_as_inputs_are_constants(tmp_path: Path):
    proto = linear()
    proto.graph.input.append(helper.make_tensor_value_info("w", TensorProto.FLOAT, [16, 32]))
    assert len(step(imported(tmp_path, proto)).body.block.args) == 1


@pytest.mark.parametrize("name", ["file_bytes", "graph_bytes", "nodes", "name_bytes", "rank"])
def test_budgets_name_their_flag(tmp_path: Path, name: str):
    with pytest.raises(CompileError, match=f"--max-{name.replace('_', '-')}"):
        import_model(save(tmp_path, linear()), budgets=Budgets(**{name: 0}))


HOSTILE = ["", '"', "a\nb", "é漢\U0001f600", "nul\0l", "1", "%0", "\\", "x" * 3000, "a/b.c:0"]


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_names_survive(tmp_path: Path, name: str):
    value = name or "v"
    nodes = [
        helper.make_node("Relu", [value], ["t" + name], name=name),
        helper.make_node("Relu", ["t" + name], ["y" + name], name=name),
    ]
    proto = model(nodes, {value: [2, "d" + name]}, ["y" + name])
    function = step(imported(tmp_path, proto))
    x = np.array([[-1.0], [2.0]], np.float32)
    outputs = run_function(function, {value: x}, tmp_path)
    np.testing.assert_array_equal(outputs["y" + name], [[0.0], [2.0]])
