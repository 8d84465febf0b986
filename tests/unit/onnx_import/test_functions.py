"""Local functions are inlined, within limits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from onnx import AttributeProto, FunctionProto, ModelProto, NodeProto, helper, numpy_helper

from dialects.errors import node_names
from dialects.onnx.execution import run_function
from tests.unit.onnx_import.models import imported, model, nodes_of, refusal, step


def _call(name: str, source: str, target: str) -> NodeProto:
    return helper.make_node(name, [source], [target], domain="local", name=f"call_{name}")


def _function(name: str, nodes: list[NodeProto]) -> FunctionProto:
    return helper.make_function(
        "local",
        name,
        ["a"],
        ["b"],
        nodes,
        [helper.make_opsetid("", 20), helper.make_opsetid("local", 1)],
    )


def _calling(name: str, functions: list[FunctionProto]) -> ModelProto:
    proto = model([_call(name, "x", "y")], {"x": [2]}, ["y"], functions=functions)
    proto.opset_import.append(helper.make_opsetid("local", 1))
    return proto


def _twice(name: str, inner: str) -> FunctionProto:
    return _function(name, [_call(inner, "a", "t"), _call(inner, "t", "b")])


def test_functions_are_inlined(tmp_path: Path):
    neg = _function("neg", [helper.make_node("Neg", ["a"], ["b"])])
    module = imported(tmp_path, _calling("two", [_twice("two", "neg"), neg]))
    assert [op.OP_TYPE for op in nodes_of(module)] == ["Neg", "Neg"]
    x = np.array([1.0, -2.0], np.float32)
    np.testing.assert_array_equal(run_function(step(module), {"x": x}, tmp_path)["y"], x)


def _doubling(depth: int) -> list[FunctionProto]:
    leaf = _function("f0", [helper.make_node("Neg", ["a"], ["b"])])
    return [leaf, *(_twice(f"f{i}", f"f{i - 1}") for i in range(1, depth + 1))]


@pytest.mark.parametrize(
    ("functions", "message"),
    [
        ([_twice("f", "f")], "the function 'f' calls itself"),
        ([_twice("f", "g"), _twice("g", "f")], "calls itself"),
        ([_twice("f", "f30"), *_doubling(30)], "--max-nodes"),
        ([_twice("f", "f99"), *_doubling(99)], "more than 64 deep"),
        ([_function("f", []), _function("f", [])], "the function 'f' is defined twice"),
        ([_function("f", [helper.make_node("Nog", ["a"], ["b"])])], "unknown operator"),
    ],
    ids=["recursive", "mutual", "exponential", "deep", "twice", "unknown"],
)
def test_refused_functions(tmp_path: Path, functions: list[FunctionProto], message: str):
    assert message in str(refusal(tmp_path, _calling("f", functions)))


def _leaky(name: str, alpha: str, nodes: list[NodeProto], default: float | None) -> FunctionProto:
    """A function whose attribute `alpha` may have a default."""
    function = _function(name, nodes)
    if default is None:
        function.attribute.append(alpha)
    else:
        function.attribute_proto.append(helper.make_attribute(alpha, default))
    return function


def _refers(op_type: str, attribute: str, outer: str, **names: str) -> NodeProto:
    """A node of a body one of whose attributes is the function's."""
    node = helper.make_node(op_type, ["a"], ["b"], **names)
    node.attribute.append(
        AttributeProto(name=attribute, ref_attr_name=outer, type=AttributeProto.FLOAT)
    )
    return node


SLOPE = _refers("LeakyRelu", "alpha", "slope")
X = np.array([1.0, -2.0], np.float32)


def _slope(tmp_path: Path, functions: list[FunctionProto], **attributes: object) -> float:
    """What the functions multiply negative numbers by."""
    proto = _calling("f", functions)
    proto.graph.node[0].attribute.extend(
        helper.make_attribute(name, value) for name, value in attributes.items()
    )
    module = imported(tmp_path, proto)
    return float(run_function(step(module), {"x": X}, tmp_path)["y"][1] / X[1])


def test_an_attribute_that_a_call_leaves_out_has_the_default_of_the_function(tmp_path: Path):
    assert _slope(tmp_path, [_leaky("f", "slope", [SLOPE], 0.25)]) == 0.25


def test_an_attribute_of_a_call_goes_before_the_default(tmp_path: Path):
    assert _slope(tmp_path, [_leaky("f", "slope", [SLOPE], 0.25)], slope=0.5) == 0.5


def test_without_any_value_the_default_of_the_operator_holds(tmp_path: Path):
    assert _slope(tmp_path, [_leaky("f", "slope", [SLOPE], None)]) == pytest.approx(0.01)


def test_a_reference_without_a_value_leaves_the_inner_default(tmp_path: Path):
    inner = _leaky("g", "slope", [SLOPE], 0.25)
    outer = _leaky("f", "gradient", [_refers("g", "slope", "gradient", domain="local")], None)
    assert _slope(tmp_path, [outer, inner]) == 0.25
    assert _slope(tmp_path, [outer, inner], gradient=0.5) == 0.5


def test_a_body_is_read_under_the_opsets_of_its_function(tmp_path: Path):
    node = helper.make_node("Softmax", ["a"], ["b"])
    function = helper.make_function(
        "local", "f", ["a"], ["b"], [node], [helper.make_opsetid("", 11)]
    )
    (op,) = nodes_of(imported(tmp_path, _calling("f", [function])))
    assert (op.OP_TYPE, op.since_version) == ("Softmax", 11)


def test_names_of_a_body_are_its_own(tmp_path: Path):
    neg, twice = helper.make_node("Neg", ["a"], ["x"]), helper.make_node("Abs", ["x"], ["b"])
    proto = _calling("f", [_function("f", [neg, twice])])
    module = imported(tmp_path, proto)
    np.testing.assert_array_equal(run_function(step(module), {"x": X}, tmp_path)["y"], abs(X))
    assert [node_names(op) for op in nodes_of(module)] == [("call_f/Neg_0",), ("call_f/Abs_1",)]


def test_an_operand_that_a_call_leaves_out_is_absent_in_the_body(tmp_path: Path):
    clip = helper.make_node("Clip", ["a", "low", "high"], ["b"])
    opsets = [helper.make_opsetid("", 20)]
    function = helper.make_function("local", "f", ["a", "low", "high"], ["b"], [clip], opsets)
    proto = _calling("f", [function])
    proto.graph.node[0].input.extend(["", "top"])
    proto.graph.initializer.append(numpy_helper.from_array(np.float32(0.5), "top"))
    module = imported(tmp_path, proto)
    found = run_function(step(module), {"x": X}, tmp_path)["y"]
    np.testing.assert_array_equal(found, np.array([0.5, -2.0], np.float32))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda call: call.attribute.append(helper.make_attribute("odd", 1)), "no attribute 'odd'"),
        (lambda call: call.input.append("x"), "has 1 inputs and 1 outputs"),
        (lambda call: call.output.append("z"), "has 1 inputs and 1 outputs"),
    ],
    ids=["attribute", "inputs", "outputs"],
)
def test_a_call_fits_its_function(
    tmp_path: Path, change: Callable[[NodeProto], object], message: str
):
    proto = _calling("f", [_function("f", [helper.make_node("Neg", ["a"], ["b"])])])
    change(proto.graph.node[0])
    error = refusal(tmp_path, proto)
    assert message in str(error)
    assert error.node == "call_f"


def test_a_function_defines_its_outputs(tmp_path: Path):
    function = _function("f", [helper.make_node("Neg", ["a"], ["c"])])
    assert "call_f: local.f: the function defines no 'b'" in str(
        refusal(tmp_path, _calling("f", [function]))
    )


def test_what_is_no_function_is_unknown(tmp_path: Path):
    assert "unknown operator" in str(refusal(tmp_path, _calling("gone", [])))
