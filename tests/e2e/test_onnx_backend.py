"""The compiler as a backend of the onnx package: any model in, arrays out."""

from __future__ import annotations

import random
import unittest
import warnings
from collections import Counter
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import ModelProto, TensorProto, helper
from onnx.backend.test import loader
from onnx.backend.test.runner import BackendIsNotSupposedToImplementIt, Runner

from dialects.errors import CompileError
from lpuc import onnx_backend
from lpuc.onnx_backend import LpucBackend, LpucRep
from runtime.errors import Unlinkable

FLOATS = np.arange(6, dtype=np.float32).reshape(2, 3)


def _port(name: str, dims: list[Any] | None) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, dims)


def _model(
    nodes: list[onnx.NodeProto], inputs: dict[str, list[Any]], outputs: list[str]
) -> ModelProto:
    ports = [_port(name, dims) for name, dims in inputs.items()]
    graph = helper.make_graph(nodes, "g", ports, [_port(name, None) for name in outputs])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


def _neg(dims: list[Any]) -> ModelProto:
    return _model([helper.make_node("Neg", ["x"], ["y"])], {"x": dims}, ["y"])


def test_outputs_come_in_the_order_of_the_model():
    nodes = [helper.make_node("Neg", ["x"], ["n"]), helper.make_node("Exp", ["n"], ["e"])]
    outputs = onnx_backend.run_model(_model(nodes, {"x": [2, 3]}, ["e", "n"]), [FLOATS])
    np.testing.assert_array_equal(outputs[1], -FLOATS)
    np.testing.assert_allclose(outputs[0], np.exp(-FLOATS), rtol=1e-6)


def test_outputs_can_be_had_by_name():
    assert onnx_backend.run_model(_neg([2, 3]), [FLOATS])["y"] is not None
    assert onnx_backend.run_model(_neg([2, 3]), [FLOATS]).y is not None


def test_inputs_can_be_given_by_name():
    node = helper.make_node("Sub", ["a", "b"], ["c"])
    rep = onnx_backend.prepare(_model([node], {"a": [1], "b": [1]}, ["c"]))
    one, two = np.ones(1, np.float32), np.full(1, 2, np.float32)
    assert rep.run({"b": two, "a": one})[0] == rep.run([one, two])[0] == -1


def test_scalars_are_scalars_in_and_out():
    (result,) = onnx_backend.run_node(
        helper.make_node("Add", ["a", "b"], ["c"]), [np.float32(2), np.float32(3)]
    )
    assert result.shape == ()
    assert result == 5


def test_extents_that_are_open_are_those_of_the_call():
    rep = onnx_backend.prepare(_neg(["n", 3]))
    for rows in (2, 4, 2):
        assert rep.run([np.ones((rows, 3), np.float32)])[0].shape == (rows, 3)


def test_a_shape_that_is_open_is_that_of_the_call():
    model = _neg([1])
    model.graph.input[0].type.tensor_type.ClearField("shape")
    assert onnx_backend.run_model(model, [FLOATS])[0].shape == FLOATS.shape


def test_equal_names_are_equal_extents():
    node = helper.make_node("Mul", ["a", "b"], ["c"])
    rep = onnx_backend.prepare(_model([node], {"a": ["n"], "b": ["n"]}, ["c"]))
    with pytest.raises(Unlinkable, match="b: expected n = 2, got 1"):
        rep.run([np.ones(2, np.float32), np.ones(1, np.float32)])


def test_extents_that_the_model_says_are_held():
    with pytest.raises(Unlinkable, match="x"):
        onnx_backend.run_model(_neg([2, 3]), [FLOATS.T])


def test_a_missing_input_is_named():
    with pytest.raises(Unlinkable, match="x: expected an array, got nothing"):
        onnx_backend.prepare(_neg([2, 3])).run({})


def test_a_model_that_says_all_extents_is_compiled_when_prepared():
    model = _model([helper.make_node("Det", ["x"], ["y"])], {"x": [3, 3]}, ["y"])
    with pytest.raises(BackendIsNotSupposedToImplementIt, match="Det"):
        onnx_backend.prepare(model)


def test_what_the_compiler_lacks_is_not_compatible():
    assert onnx_backend.is_compatible(_neg([2, 3]))
    det = _model([helper.make_node("Det", ["x"], ["y"])], {"x": [3, 3]}, ["y"])
    assert not onnx_backend.is_compatible(det)


def test_element_types_that_the_compiler_lacks_are_not_compatible():
    model = _neg([2, 3])
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.STRING
    assert not onnx_backend.is_compatible(model)


def test_a_fault_of_the_model_is_no_skip():
    model = _model([helper.make_node("Add", ["x", "z"], ["y"])], {"x": [2, 3]}, ["y"])
    with pytest.raises(CompileError, match="'z' is not defined"):
        onnx_backend.prepare(model)


def test_options_are_those_of_the_compiler():
    node = helper.make_node("MatMul", ["a", "b"], ["c"])
    model = _model([node], {"a": [1, 4], "b": [4, 1]}, ["c"])
    tenth = np.full((1, 4), 0.1, np.float32)
    exact, rounded = (
        onnx_backend.run_model(model, [tenth, tenth.T], precision=p)[0] for p in ("f32", "bf16")
    )
    assert exact != rounded
    with pytest.raises(TypeError, match="precison"):
        onnx_backend.prepare(model, precison="f16")


def test_programs_run_on_the_host_alone():
    assert onnx_backend.supports_device("CPU")
    assert onnx_backend.supports_device("CPU:0")
    assert not onnx_backend.supports_device("CUDA")
    with pytest.raises(BackendIsNotSupposedToImplementIt, match="CUDA"):
        onnx_backend.prepare(_neg([1]), "CUDA")


def test_a_node_runs_in_the_opset_that_is_asked_for():
    x = np.array([[[1.0, 2.0], [3.0, 4.0]]], np.float32)
    node = helper.make_node("Softmax", ["x"], ["y"])
    (old,) = onnx_backend.run_node(node, [x], opset_version=11)
    (new,) = onnx_backend.run_node(node, [x], opset_version=13)
    assert old.sum() == pytest.approx(1)
    assert new.sum() == pytest.approx(2)


COUNT = 40


class _Counting(LpucBackend):
    """Counts what became of the models that the runner prepares."""

    counts: Counter[str] = Counter()

    @classmethod
    def prepare(cls, model: ModelProto, device: str = "CPU", **kwargs: Any) -> LpucRep:
        try:
            rep = super().prepare(model, device, **kwargs)
        except BackendIsNotSupposedToImplementIt:
            cls.counts["skipped"] += 1
            raise
        cls.counts["compiled"] += 1
        return rep


@pytest.mark.xdist_group("node tests")
def test_the_runner_of_the_standard_finds_nothing_wrong():
    """In the process that has made the standard's tests already: making them takes longer."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        names = sorted(test.name for test in loader.load_model_tests(kind="node"))
        runner = Runner(_Counting, __name__)
    chosen = random.Random(5).sample(names, COUNT)
    runner.include(f"^({'|'.join(chosen)})_cpu$")
    result = unittest.TestResult()
    runner.test_suite.run(result)
    assert not result.failures + result.errors
    assert _Counting.counts["compiled"] >= COUNT // 4
    assert sum(_Counting.counts.values()) == COUNT
