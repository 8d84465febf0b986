"""What the importer makes of a file is held to the file, node by node, before anything is run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from lpuc.compiler.driver import load_module
from lpuc.compiler.options import CompileOptions
from lpuc.diagnosis.bisection import bisect
from lpuc.diagnosis.failure import Failure
from lpuc.diagnosis.judging.structure import misbuilt
from lpuc.onnx_import import body, graph, nodes
from lpuc.onnx_import.graph import GraphReader
from lpuc.onnx_import.nodes import NodeReader
from tests.e2e.committed import ONE

OPTIONS = CompileOptions("lpu-tiny", "f32")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two values of one type, an input that is left out, an attribute, two outputs of one node."""
    made = [
        helper.make_node("Sub", ["x", "w"], ["d"], "less"),
        helper.make_node("Clip", ["d", "", "top"], ["c"], "clip"),
        helper.make_node("Split", ["c"], ["a", "b"], "halves", axis=1, num_outputs=2),
        helper.make_node("Sub", ["a", "b"], ["y"], "apart"),
    ]
    weights = [
        numpy_helper.from_array(np.arange(4, dtype=np.float32), "w"),
        numpy_helper.from_array(np.float32(1.5), "top"),
    ]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 4])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [2, 2])
    whole = helper.make_graph(made, "graph", [x], [y], weights)
    path = tmp_path_factory.mktemp("structure") / "model.onnx"
    onnx.save(helper.make_model(whole, opset_imports=[helper.make_opsetid("", 18)]), str(path))
    return path


def found(model: Path) -> Failure | None:
    return misbuilt(load_module(model, OPTIONS))


def test_what_is_read_rightly_is_not_named(model: Path):
    assert found(model) is None
    assert found(ONE) is None


def test_an_output_may_be_of_no_type(model: Path, tmp_path: Path):
    proto = onnx.load(str(model))
    proto.graph.output[0].ClearField("type")
    bare = tmp_path / "bare.onnx"
    onnx.save(proto, str(bare))
    assert found(bare) is None


def swapped(patch: pytest.MonkeyPatch) -> None:
    before = NodeReader.build

    def build(self: NodeReader, node: Any, name: str, inputs: Any) -> Any:
        return before(self, node, name, inputs[::-1] if name == "apart" else inputs)

    patch.setattr(NodeReader, "build", build)


def shorter(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(body, "named", lambda names: [n for n in names if n])


def other_attribute(patch: pytest.MonkeyPatch) -> None:
    before = NodeReader._attributes

    def attributes(self: NodeReader, node: Any, schema: Any) -> Any:
        return before(self, node, schema) | ({"axis": 0} if node.op_type == "Split" else {})

    patch.setattr(NodeReader, "_attributes", attributes)


def no_attribute(patch: pytest.MonkeyPatch) -> None:
    before = NodeReader._attributes

    def attributes(self: NodeReader, node: Any, schema: Any) -> Any:
        return {k: v for k, v in before(self, node, schema).items() if k != "axis"}

    patch.setattr(NodeReader, "_attributes", attributes)


def older(patch: pytest.MonkeyPatch) -> None:
    before = nodes.find_schema
    patch.setattr(nodes, "find_schema", lambda d, n, v: before(d, n, 12 if n == "Clip" else v))


def fewer_dimensions(patch: pytest.MonkeyPatch) -> None:
    before = GraphReader._dims
    patch.setattr(GraphReader, "_dims", lambda *given: before(*given)[:-1])


def other_names(patch: pytest.MonkeyPatch) -> None:
    before = graph._ports
    patch.setattr(graph, "_ports", lambda names, values: before([f"{n}_" for n in names], values))


PLANTED = [
    (swapped, "apart", "input 0 is result 1 of 'halves', in the file 'halves'"),
    (shorter, "clip", "leaves out inputs [], in the file [1]"),
    (other_attribute, "halves", "has axis = 0, in the file 1"),
    (no_attribute, "halves", "has no attribute axis, in the file 1"),
    (older, "clip", "is of version 12, in the file of version 13"),
    (fewer_dimensions, "", "input 'x' has 1 dimensions, in the file 2"),
    (other_names, "", "inputs are ['x_'], in the file ['x']"),
]


@pytest.mark.parametrize(
    ("plant", "node", "what"), PLANTED, ids=lambda p: getattr(p, "__name__", "")
)
def test_what_is_read_otherwise_is_the_importers(
    plant: Callable[[pytest.MonkeyPatch], None],
    node: str,
    what: str,
    model: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    plant(monkeypatch)
    failure = found(model)
    assert failure is not None
    assert (failure.where, failure.nodes) == ("importer", (node,) if node else ())
    assert failure.message == what


def test_a_pass_that_cannot_take_what_was_read_wrongly_is_not_named(
    monkeypatch: pytest.MonkeyPatch,
):
    """Of a decoder whose inputs have lost their last extent no roles can be told."""
    fewer_dimensions(monkeypatch)
    failure = bisect(ONE, OPTIONS, is_thorough=False).failure
    assert failure is not None
    assert (failure.kind, failure.where) == ("structure", "importer")
