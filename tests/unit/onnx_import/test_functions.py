"""Local functions are inlined, within limits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx import FunctionProto, ModelProto, NodeProto, helper

from dialects.onnx.semantics import run_function
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


def test_what_is_no_function_is_unknown(tmp_path: Path):
    assert "unknown operator" in str(refusal(tmp_path, _calling("gone", [])))
