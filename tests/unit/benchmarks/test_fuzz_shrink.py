"""A failing model is cut down to what fails."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto, helper

from benchmarks.fuzz.command import Case
from benchmarks.fuzz.outcome import Outcome
from benchmarks.fuzz.shrink import shrink


def _case() -> Case:
    nodes = [
        helper.make_node("Neg", ["x"], ["a"]),
        helper.make_node("Abs", ["a"], ["b"]),
        helper.make_node("Erf", ["b"], ["c"]),
        helper.make_node("Exp", ["c"], ["d"]),
        helper.make_node("Relu", ["c"], ["e"]),
    ]
    x, d, e = (helper.make_tensor_value_info(n, TensorProto.FLOAT, [2, "n"]) for n in "xde")
    graph = helper.make_graph(nodes, "five", [x], [d, e])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    return Case(model, [{"x": np.ones((2, n), np.float32)} for n in (1, 3)])


def test_the_node_that_fails_is_left(monkeypatch: pytest.MonkeyPatch):
    def erf_crashes(case: Case) -> Outcome:
        has_erf = any(node.op_type == "Erf" for node in case.model.graph.node)
        return Outcome("crash", "Erf", "compile") if has_erf else Outcome("right")

    monkeypatch.setattr("benchmarks.fuzz.shrink.outcome_of", erf_crashes)
    small = shrink(_case())
    assert [node.op_type for node in small.model.graph.node] == ["Erf"]
    assert len(small.calls) == 1


def test_another_failure_is_not_the_one_to_keep(monkeypatch: pytest.MonkeyPatch):
    def erf_is_wrong_behind_abs(case: Case) -> Outcome:
        operators = [node.op_type for node in case.model.graph.node]
        if operators[:1] == ["Erf"]:
            return Outcome("crash", "another", "compile")
        return Outcome("wrong" if "Erf" in operators else "right")

    monkeypatch.setattr("benchmarks.fuzz.shrink.outcome_of", erf_is_wrong_behind_abs)
    small = shrink(_case())
    found = [node.op_type for node in small.model.graph.node]
    assert len(found) == 2 and found[1] == "Erf"
