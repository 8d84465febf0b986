"""Double precision exists in constants: what is computed from them is computed when compiling."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import ModelProto, NodeProto, TensorProto, helper

from dialects.errors import CompileError
from lpuc.onnx_import import import_model
from tests.unit.onnx_import.models import model, refusal, save
from tests.unit.onnx_import.test_branches import agrees

Array = np.ndarray[Any, np.dtype[Any]]
DOUBLE, FLOAT = TensorProto.DOUBLE, TensorProto.FLOAT


def _node(op_type: str, inputs: Sequence[str], output: str, **attributes: object) -> NodeProto:
    return helper.make_node(op_type, inputs, [output], name=f"make_{output}", **attributes)


def _model(nodes: Sequence[NodeProto], **constants: Array) -> ModelProto:
    return model(nodes, {"x": [1, 4]}, ["y"], dict(constants))


def _scaled(scale: Sequence[NodeProto], **constants: Array) -> ModelProto:
    """x times the double `d`, which the nodes compute, rounded to f32."""
    end = [_node("Cast", ["d"], "f", to=FLOAT), _node("Mul", ["x", "f"], "y")]
    return _model([*scale, *end], **constants)


THIRD = np.array(1 / 3)


def test_a_scale_follows_from_the_shape_of_an_intermediate_value(tmp_path: Path):
    nodes = [
        _node("Transpose", ["x"], "t"),
        _node("Shape", ["t"], "s", end=1),
        _node("Cast", ["s"], "n", to=DOUBLE),
        _node("Sqrt", ["n"], "r"),
        _node("Div", ["third", "r"], "d"),
    ]
    agrees(tmp_path, _scaled(nodes, third=THIRD))


def test_doubles_are_not_rounded_on_the_way(tmp_path: Path):
    """In f32 the sum would be 1, and the difference 0."""
    nodes = [
        _node("Add", ["one", "tiny"], "a"),
        _node("Sub", ["a", "one"], "d"),
    ]
    agrees(tmp_path, _scaled(nodes, one=np.array(1.0), tiny=np.array(1e-12)))


def test_moves_and_makers_of_doubles(tmp_path: Path):
    nodes = [
        _node("Range", ["a", "b", "c"], "r"),
        _node("Unsqueeze", ["r", "axis"], "u"),
        _node("Neg", ["u"], "d"),
    ]
    bounds = {"a": np.array(0.1), "b": np.array(0.45), "c": np.array(0.1)}
    agrees(tmp_path, _scaled(nodes, axis=np.array([0]), **bounds))


def test_a_large_weight_in_double_precision_may_be_cast(tmp_path: Path):
    weight = np.random.default_rng(1).standard_normal((4, 1000))
    nodes = [_node("Cast", ["w"], "f", to=FLOAT), _node("MatMul", ["x", "f"], "y")]
    agrees(tmp_path, _model(nodes, w=weight), tolerance=1e-6)


def test_what_depends_on_an_input_is_refused(tmp_path: Path):
    nodes = [
        _node("Cast", ["x"], "d", to=DOUBLE),
        _node("Mul", ["d", "third"], "m"),
        _node("Cast", ["m"], "y", to=FLOAT),
    ]
    with pytest.raises(CompileError, match="'input' is none, or too large") as error:
        agrees(tmp_path, _model(nodes, third=THIRD))
    assert error.value.node == "make_d"


def test_a_large_result_in_double_precision_is_refused(tmp_path: Path):
    nodes = [_node("Neg", ["w"], "d"), _node("Cast", ["d"], "f", to=FLOAT)]
    proto = _model([*nodes, _node("MatMul", ["x", "f"], "y")], w=np.ones((4, 100)))
    with pytest.raises(CompileError, match="'X' is none, or too large") as error:
        agrees(tmp_path, proto)
    assert error.value.node == "make_d"


def test_an_input_has_no_double_precision(tmp_path: Path):
    proto = model([_node("Neg", ["x"], "y")], {"x": [1]}, ["y"], dtype=DOUBLE)
    assert "the input 'x' has element type double" in str(refusal(tmp_path, proto))


def test_an_output_has_no_double_precision(tmp_path: Path):
    proto = _model([_node("Neg", ["third"], "y")], third=THIRD)
    expected = "make_y: the output 'y' has element type double"
    assert expected in str(refusal(tmp_path, proto))


def test_doubles_are_imported_as_they_are(tmp_path: Path):
    module = import_model(save(tmp_path, _scaled([_node("Neg", ["third"], "d")], third=THIRD)))
    assert THIRD.tobytes().hex() in str(module)
