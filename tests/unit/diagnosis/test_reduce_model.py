"""A failing model is cut down to what fails, and stays one that ONNX Runtime takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from random import Random
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import NodeProto, TensorProto, helper, numpy_helper

from lpuc.diagnosis.reduction.model.case import Case, is_standard, runs
from lpuc.diagnosis.reduction.model.cuts import without_nodes
from lpuc.diagnosis.reduction.model.graph import Parts, reads
from lpuc.diagnosis.reduction.model.steps import Fails, reduce, search_of

FLOAT = TensorProto.FLOAT


def case_of(
    nodes: Sequence[NodeProto],
    inputs: dict[str, Sequence[Any]],
    outputs: Sequence[str],
    calls: Sequence[dict[str, np.ndarray]],
    constants: dict[str, np.ndarray] | None = None,
) -> Case:
    given = [helper.make_tensor_value_info(n, FLOAT, dims) for n, dims in inputs.items()]
    rank = len(next(iter(inputs.values())))
    wanted = [helper.make_tensor_value_info(n, FLOAT, [None] * rank) for n in outputs]
    fixed = [numpy_helper.from_array(a, n) for n, a in (constants or {}).items()]
    graph = helper.make_graph(nodes, "made", given, wanted, fixed)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    return Case(model, calls)


def operators(case: Case) -> list[str]:
    return [node.op_type for node in case.model.graph.node]


def reduced(case: Case, fails: Fails, nodes: Sequence[str] = ()) -> Case:
    search = search_of(case, fails)
    reduce(search, nodes)
    assert is_standard(search.best.model) and runs(search.best)
    return search.best


def five() -> Case:
    nodes = [
        helper.make_node("Neg", ["x"], ["a"], "neg"),
        helper.make_node("Abs", ["a"], ["b"], "abs"),
        helper.make_node("Erf", ["b"], ["c"], "erf"),
        helper.make_node("Exp", ["c"], ["d"], "exp"),
        helper.make_node("Relu", ["c"], ["e"], "relu"),
    ]
    calls = [{"x": np.ones((2, n), np.float32)} for n in (1, 3)]
    return case_of(nodes, {"x": [2, "n"]}, ["d", "e"], calls)


@pytest.mark.parametrize("nodes", [(), ("erf",)])
def test_the_node_that_fails_is_left(nodes: Sequence[str]):
    small = reduced(five(), lambda case: "Erf" in operators(case), nodes)
    assert operators(small) == ["Erf"]
    assert len(small.calls) == 1


def test_another_failure_is_not_the_one_to_keep():
    def fails(case: Case) -> bool:
        return "Erf" in operators(case) and operators(case)[0] == "Abs"

    assert operators(reduced(five(), fails)) == ["Abs", "Erf"]


def test_what_is_cut_has_the_value_that_it_had():
    small = reduced(five(), lambda case: "Exp" in operators(case))
    (given,) = small.calls[0].values()
    np.testing.assert_allclose(given.ravel()[0], 0.8427008)


def test_a_symbol_that_the_failure_needs_stays():
    def fails(case: Case) -> bool:
        dims = [d for v in case.model.graph.input for d in v.type.tensor_type.shape.dim]
        return "Erf" in operators(case) and any(dim.dim_param == "n" for dim in dims)

    assert operators(reduced(five(), fails)) == ["Erf"]


def test_two_calls_that_matter_stay():
    def fails(case: Case) -> bool:
        return len(case.calls) == 2 and "Erf" in operators(case)

    small = reduced(five(), fails)
    assert operators(small) == ["Erf"]
    assert len(small.calls) == 2


def chain(length: int) -> Case:
    names = ["x", *(f"v{i}" for i in range(length))]
    nodes = [helper.make_node("Neg", [a], [b]) for a, b in pairwise(names)]
    return case_of(nodes, {"x": [2]}, [names[-1]], [{"x": np.ones(2, np.float32)}])


def test_layers_go_in_halves():
    """Two nodes in a row of 100 are found in fewer tries than there are nodes."""
    case = chain(100)
    case.model.graph.node[40].op_type = "Abs"
    case.model.graph.node[41].op_type = "Exp"
    search = search_of(case, lambda c: {"Abs", "Exp"} <= {*operators(c)})
    reduce(search)
    assert operators(search.best) == ["Abs", "Exp"]
    assert search.tries < 60


def row(*layers: str) -> Case:
    case = chain(len(layers))
    for node, operator in zip(case.model.graph.node, layers, strict=True):
        node.op_type = operator
    return case


def is_row(case: Case) -> bool:
    nodes = case.model.graph.node
    return all(before.output[0] == after.input[0] for before, after in pairwise(nodes))


def test_layers_that_must_be_alike_are_cut_alike():
    """Every single node that goes makes one layer another one; what the failure needs is `Exp`."""
    layer = ("Neg", "Abs", "Erf", "Exp", "Tanh", "Sqrt")

    def fails(case: Case) -> bool:
        found = operators(case)
        half = len(found) // 2
        are_alike = found[:half] == found[half : 2 * half]
        return is_row(case) and are_alike and found[:half].count("Exp") == 1

    assert operators(reduced(row(*layer, *layer, "Neg"), fails)) == ["Exp", "Exp"]


def test_layers_of_one_node_are_bypassed_at_once():
    def fails(case: Case) -> bool:
        found = operators(case)
        return is_row(case) and found.count("Exp") == 3 and found.count("Erf") in (0, 7)

    case = row("Exp", *["Erf"] * 7, "Exp", "Exp")
    assert operators(reduced(case, fails)) == ["Exp"] * 3


def test_a_node_in_between_is_bypassed():
    """Nothing but the readers' own reading of an operand takes `Neg` away here."""

    def fails(case: Case) -> bool:
        made = {name: node.op_type for node in case.model.graph.node for name in node.output}
        erfs = [node for node in case.model.graph.node if node.op_type == "Exp"]
        return any(made.get(erf.input[0]) in ("Neg", "Abs") for erf in erfs)

    nodes = [
        helper.make_node("Abs", ["x"], ["a"]),
        helper.make_node("Neg", ["a"], ["b"]),
        helper.make_node("Exp", ["b"], ["c"]),
    ]
    case = case_of(nodes, {"x": [2]}, ["c"], [{"x": np.ones(2, np.float32)}])
    assert len(operators(reduced(case, fails))) == 2


def test_shapes_become_constants_and_data_inputs():
    nodes = [
        helper.make_node("Shape", ["x"], ["s"]),
        helper.make_node("Neg", ["x"], ["a"]),
        helper.make_node("Reshape", ["a", "s"], ["y"]),
    ]
    case = case_of(nodes, {"x": [2, 3]}, ["y"], [{"x": np.ones((2, 3), np.float32)}])

    def fails(case: Case) -> bool:
        return "Reshape" in operators(case) and len(case.model.graph.initializer) == 1

    small = reduced(case, fails)
    assert operators(small) == ["Reshape"]
    assert list(Parts.of(small.model).constants) == ["s"]


def test_extents_attributes_and_operands_go():
    nodes = [helper.make_node("Gemm", ["x", "w", "b"], ["y"], alpha=2.0, transB=1)]
    arrays = {"w": np.ones((7, 32), np.float32), "b": np.ones(7, np.float32)}
    case = case_of(nodes, {"x": [5, 32]}, ["y"], [{"x": np.ones((5, 32), np.float32)}], arrays)

    def fails(case: Case) -> bool:
        return any(a.name == "transB" for n in case.model.graph.node for a in n.attribute)

    small = reduced(case, fails)
    (node,) = small.model.graph.node
    assert [a.name for a in node.attribute] == ["transB"]
    assert list(node.input) == ["x", "w"]
    assert small.calls[0]["x"].shape == (1, 1)
    assert [list(t.dims) for t in small.model.graph.initializer] == [[1, 1]]


def test_bodies_keep_what_they_read():
    branch = helper.make_graph(
        [helper.make_node("Exp", ["a"], ["t"])],
        "branch",
        [],
        [helper.make_tensor_value_info("t", FLOAT, [None])],
    )
    chosen = helper.make_node("If", ["c"], ["y"], then_branch=branch, else_branch=branch)
    assert reads(chosen) == {"c", "a"}
    nodes = [
        helper.make_node("Neg", ["x"], ["a"]),
        helper.make_node("Less", ["x", "x"], ["l"]),
        helper.make_node("Squeeze", ["l"], ["c"]),
        chosen,
    ]
    case = case_of(nodes, {"x": [1]}, ["y"], [{"x": np.ones(1, np.float32)}])
    assert operators(reduced(case, lambda c: "If" in operators(c))) == ["If"]


def test_local_functions_are_opened():
    inner = [helper.make_node("Neg", ["p"], ["q"]), helper.make_node("Exp", ["q"], ["r"])]
    opsets = [helper.make_opsetid("", 18)]
    function = helper.make_function("own", "Both", ["p"], ["r"], inner, opsets)
    call = helper.make_node("Both", ["x"], ["y"], domain="own")
    case = case_of([call], {"x": [2]}, ["y"], [{"x": np.ones(2, np.float32)}])
    case.model.functions.append(function)
    case.model.opset_import.append(helper.make_opsetid("own", 1))

    def fails(case: Case) -> bool:
        bodies = [n.op_type for f in case.model.functions for n in f.node]
        return "Exp" in operators(case) + bodies

    small = reduced(case, fails)
    assert operators(small) == ["Exp"]
    assert not small.model.functions


def test_a_model_that_nobody_can_run_is_cut_by_its_types():
    case = five()
    case.model.graph.node[3].op_type = "Erf2"
    search = search_of(case, lambda c: "Relu" in operators(c))
    reduce(search)
    assert operators(search.best) == ["Relu"]


def test_every_node_of_the_end_is_needed():
    """1-minimal: none of the ways of taking one node away leaves a failure."""

    def fails(case: Case) -> bool:
        return {"Neg", "Exp"} <= {*operators(case)}

    small = reduced(five(), fails).known()
    assert len(operators(small)) == 2
    for index in range(len(operators(small))):
        assert not any(fails(c) and runs(c) for c in without_nodes(small, index, index + 1))


UNARY, BINARY = ("Neg", "Abs", "Tanh", "Erf"), ("Add", "Mul", "Sub")
SPINE = ("Tanh", "Add", "Erf", "Mul", "Abs")


def drawn(seed: int, length: int = 60) -> Case:
    """Nodes that read any of what was computed before them; each value has the same shape."""
    random, names, nodes = Random(seed), ["x"], list[NodeProto]()
    for index in range(length):
        operator = random.choice((*UNARY, *BINARY))
        operands = random.choices(names[-6:], k=1 + (operator in BINARY))
        names.append(f"v{index}")
        nodes.append(helper.make_node(operator, operands, [names[-1]]))
    read = {name for node in nodes for name in node.input}
    outputs = [name for name in names[1:] if name not in read]
    return case_of(nodes, {"x": [2]}, outputs, [{"x": np.ones(2, np.float32)}])


def has_spine(nodes: Sequence[NodeProto]) -> bool:
    """Whether a value comes of all of `SPINE`, each behind the one before, whatever is between."""
    reached: dict[str, int] = {}
    for node in nodes:
        most = max(reached.get(name, 0) for name in node.input)
        reached[node.output[0]] = most + (SPINE[most] == node.op_type)
        if reached[node.output[0]] == len(SPINE):
            return True
    return False


def with_one_less(nodes: Sequence[NodeProto], index: int) -> Iterator[list[NodeProto]]:
    """One node goes: its result is given, or what read it reads one of its operands."""
    gone = nodes[index]
    for stand_in in (gone.output[0], *gone.input):
        left = [helper.make_node(n.op_type, list(n.input), list(n.output)) for n in nodes]
        del left[index]
        for node in left:
            node.input[:] = [stand_in if n == gone.output[0] else n for n in node.input]
        yield left


@pytest.mark.parametrize("seed", [1, 2, 7, 13])
def test_no_node_can_be_taken_away_by_hand(seed: int):
    """1-minimal, as seen by changes that share nothing with those of the reducer."""
    nodes = reduced(drawn(seed), lambda c: has_spine(c.model.graph.node)).model.graph.node
    assert has_spine(nodes)
    for index in range(len(nodes)):
        assert not any(map(has_spine, with_one_less(nodes, index))), nodes[index]


def test_the_same_again():
    first, second = (reduced(five(), lambda c: "Exp" in operators(c)) for _ in range(2))
    assert first.key() == second.key()


def test_outputs_are_of_the_type_that_they_have():
    small = reduced(five(), lambda case: "Abs" in operators(case))
    onnx.checker.check_model(small.model, full_check=True)
