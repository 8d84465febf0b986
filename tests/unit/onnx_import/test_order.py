"""Nodes may stand in any order that is no cycle, as ONNX Runtime takes them."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from onnx import NodeProto, helper

from dialects.errors import node_names
from tests.unit.onnx_import.models import imported, model, nodes_of, refusal
from tests.unit.onnx_import.test_branches import NEG, _branch, _if, _is, _model, _node, agrees

ort = pytest.importorskip("onnxruntime")

CHAIN = (_node("Neg", ["x"], "t"), _node("Abs", ["t"], "u"), _node("Add", ["t", "u"], "y"))


@pytest.mark.parametrize("order", list(permutations(range(3)))[1:])
def test_any_order_of_a_chain(tmp_path: Path, order: tuple[int, ...]):
    agrees(tmp_path, _model([CHAIN[at] for at in order]))


def test_a_node_waits_for_what_its_branch_reads(tmp_path: Path):
    sums = _branch([_node("Add", ["t", "w"], "r")], "r", w=np.full(4, 2, np.float32))
    agrees(tmp_path, _model([*_is(4), _if(sums, NEG), _node("Neg", ["x"], "t")]))


@pytest.mark.parametrize("order", [slice(None), slice(None, None, -1)])
def test_nodes_of_a_branch_must_be_in_order(tmp_path: Path, order: slice):
    """ONNX Runtime refuses them, too."""
    nodes = [_node("Neg", ["x"], "q"), _node("Abs", ["q"], "r")][order]
    proto = _model([_node("Neg", ["z"], "y"), *_is(4), _if(_branch(nodes, "r"), NEG, ["z"])])
    if order.step is None:
        agrees(tmp_path, proto)
        return
    assert refusal(tmp_path, proto).hint == "the nodes form a cycle, or are not in order"
    with pytest.raises(Exception, match="must be topologically sorted"):
        ort.InferenceSession(proto.SerializeToString())


def _names(tmp_path: Path, *nodes: NodeProto) -> list[str]:
    module = imported(tmp_path, model(nodes, {"x": [1, 4]}, ["y"]))
    return [node_names(op)[0] for op in nodes_of(module)]


def test_what_can_stay_in_its_place_does(tmp_path: Path):
    free = _node("Abs", ["x"], "v")
    neg, absolute, last = CHAIN
    assert _names(tmp_path, free, neg, absolute, last) == ["make_v", "make_t", "make_u", "make_y"]
    assert _names(tmp_path, free, last, neg, absolute) == ["make_v", "make_t", "make_u", "make_y"]
    assert _names(tmp_path, absolute, neg, free, last) == ["make_t", "make_u", "make_v", "make_y"]


def test_nodes_without_a_name_are_counted_as_in_the_file(tmp_path: Path):
    nodes = [helper.make_node("Abs", ["t"], ["y"]), helper.make_node("Neg", ["x"], ["t"])]
    assert _names(tmp_path, *nodes) == ["Neg_1", "Abs_0"]


def test_a_cycle_is_refused_behind_what_can_be_read(tmp_path: Path):
    nodes = [_node("Add", ["x", "y"], "t"), _node("Abs", ["t"], "y"), _node("Neg", ["x"], "v")]
    error = refusal(tmp_path, model(nodes, {"x": [1, 4]}, ["y"]))
    assert (error.node, error.hint) == ("make_t", "the nodes form a cycle, or are not in order")
