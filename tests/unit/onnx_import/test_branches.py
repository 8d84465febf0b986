"""An If whose condition follows from constants or shapes is the branch that it chooses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper

from dialects.errors import CompileError, node_names
from dialects.onnx.branches import IfOp
from dialects.onnx.execution import run_function
from lpuc.compiler.driver import compile_model
from lpuc.compiler.options import CompileOptions
from tests.unit.onnx_import.models import imported, model, refusal, save, step

ort = pytest.importorskip("onnxruntime")

Array = np.ndarray[Any, np.dtype[Any]]
X = np.array([[1.0, -2.0, 3.0, -4.0]], np.float32)


def _branch(nodes: Sequence[NodeProto], *outputs: str, **constants: Array) -> GraphProto:
    infos = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs]
    tensors = [numpy_helper.from_array(array, name) for name, array in constants.items()]
    return helper.make_graph(nodes, "branch", [], infos, tensors)


def _node(op_type: str, inputs: Sequence[str], output: str, **attributes: object) -> NodeProto:
    return helper.make_node(op_type, inputs, [output], name=f"make_{output}", **attributes)


def _if(then: GraphProto, other: GraphProto, results: Sequence[str] = ("y",)) -> NodeProto:
    return helper.make_node(
        "If", ["c"], results, name="choice", then_branch=then, else_branch=other
    )


def _model(nodes: Sequence[NodeProto], outputs: Sequence[str] = ("y",), **constants: Array) -> Any:
    return model(nodes, {"x": [1, 4]}, outputs, constants)


def _is(extent: int) -> list[NodeProto]:
    """`c`: whether the last extent of x is this."""
    given = numpy_helper.from_array(np.array([extent]))
    return [
        _node("Shape", ["x"], "s", start=1),
        helper.make_node("Constant", [], ["n"], value=given),
        _node("Equal", ["s", "n"], "c1"),
        _node("Squeeze", ["c1"], "c"),
    ]


def agrees(tmp_path: Path, proto: ModelProto, tolerance: float = 0.0) -> None:
    """ONNX Runtime, level `onnx` and the program give the same numbers."""
    session = ort.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    x, names = X, [output.name for output in proto.graph.output]
    expected = dict(zip(names, session.run(names, {"x": x}), strict=True))
    module = imported(tmp_path, proto)
    options = CompileOptions(precision="f32")
    for got in (
        run_function(step(module), {"x": x}, tmp_path),
        compile_model(save(tmp_path, proto), options).run({"x": x}),
    ):
        for name in names:
            assert got[name].shape == expected[name].shape
            np.testing.assert_allclose(got[name], expected[name], rtol=tolerance, atol=tolerance)


NEG, ABS = _branch([_node("Neg", ["x"], "r")], "r"), _branch([_node("Abs", ["x"], "r")], "r")


@pytest.mark.parametrize("extent", [4, 5])
def test_shapes_decide(tmp_path: Path, extent: int):
    agrees(tmp_path, _model([*_is(extent), _if(NEG, ABS)]))


@pytest.mark.parametrize("condition", [True, False])
def test_an_initializer_decides(tmp_path: Path, condition: bool):
    agrees(tmp_path, _model([_if(NEG, ABS)], c=np.array(condition)))


def test_branches_may_have_results_of_different_rank(tmp_path: Path):
    flat = _branch([_node("Squeeze", ["x"], "r")], "r")
    agrees(tmp_path, _model([*_is(4), _if(flat, NEG)]))


def test_a_branch_reads_what_is_computed_around_it(tmp_path: Path):
    sums = _branch([_node("Add", ["t", "w"], "r")], "r", w=np.full(4, 2, np.float32))
    agrees(tmp_path, _model([_node("Neg", ["x"], "t"), *_is(4), _if(sums, NEG)]))


def test_a_branch_may_pass_a_value_from_around_it(tmp_path: Path):
    outer = _branch([_node("Identity", ["x"], "r")], "r")
    agrees(tmp_path, _model([*_is(4), _if(outer, NEG), _node("Neg", ["y"], "z")], ["z"]))


def test_all_results_of_a_branch_are_taken(tmp_path: Path):
    nodes = [_node("Neg", ["x"], "r"), _node("Abs", ["x"], "q")]
    both = _branch(nodes, "r", "q"), _branch(nodes, "q", "r")
    agrees(tmp_path, _model([*_is(5), _if(*both, ["y", "z"])], ["y", "z"]))


def test_branches_nest(tmp_path: Path):
    same = _node("Identity", ["u"], "q")
    inner = _branch([_node("Neg", ["x"], "u"), _if(ABS, _branch([same], "q"), ["r"])], "r")
    agrees(tmp_path, _model([*_is(5), _if(NEG, inner)]))


def test_large_constants_of_a_branch_stay_in_the_file(tmp_path: Path):
    weight = np.arange(4096, dtype=np.float32).reshape(4, 1024)
    product = _branch([_node("MatMul", ["x", "w"], "r")], "r", w=weight)
    proto = _model([*_is(4), _if(product, NEG)])
    agrees(tmp_path, proto)
    assert weight.tobytes().hex()[:4000] not in str(imported(tmp_path, proto))


def test_a_node_of_a_branch_is_called_after_the_if(tmp_path: Path):
    module = imported(tmp_path, _model([*_is(4), _if(NEG, ABS)]))
    (op,) = [op for op in step(module).body.block.ops if isinstance(op, IfOp)]
    first = op.then_branch.block.first_op
    assert first is not None
    assert node_names(first) == ("choice/make_r",)


def test_a_condition_that_depends_on_data_is_refused(tmp_path: Path):
    nodes = [_node("ReduceMax", ["x"], "m", keepdims=0), _node("Greater", ["m", "zero"], "c")]
    proto = _model([*nodes, _if(NEG, ABS)], zero=np.array(0, np.float32))
    with pytest.raises(CompileError, match=r"choice: onnx\.If: the condition depends on data"):
        compile_model(save(tmp_path, proto), CompileOptions())


def _takes_an_input(node: NodeProto) -> None:
    node.attribute[0].g.input.append(helper.make_tensor_value_info("i", 1, None))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda node: node.attribute.pop(), "has the attributes then_branch and else_branch"),
        (lambda node: node.input.append("x"), "takes 1 inputs, not 2"),
        (lambda node: node.output.append("z"), "gives 2 outputs"),
        (lambda node: node.input.__setitem__(0, "x"), "input 'cond' may not be f32"),
        (_takes_an_input, "a branch takes no inputs"),
        (lambda node: node.attribute[0].g.output.pop(), "gives 1 outputs"),
    ],
)
def test_an_if_is_whole(tmp_path: Path, change: Callable[[NodeProto], object], message: str):
    proto = _model([*_is(4), _if(NEG, ABS)])
    change(proto.graph.node[-1])
    error = refusal(tmp_path, proto)
    assert message in str(error)
    assert error.node == "choice"


def test_branches_agree_in_the_types_of_their_results(tmp_path: Path):
    whole = _branch([_node("Cast", ["x"], "r", to=TensorProto.INT64)], "r")
    assert "different element types" in str(refusal(tmp_path, _model([*_is(4), _if(NEG, whole)])))


def test_a_name_inside_of_a_branch_does_not_hide_one_around_it(tmp_path: Path):
    hiding = _branch([_node("Neg", ["x"], "s")], "s")
    assert "'s' is defined twice" in str(refusal(tmp_path, _model([*_is(4), _if(hiding, ABS)])))


def test_what_a_branch_defines_is_not_seen_outside(tmp_path: Path):
    proto = _model([*_is(4), _if(NEG, ABS), _node("Neg", ["r"], "z")], ["z"])
    assert "input 'r' is not defined" in str(refusal(tmp_path, proto))
