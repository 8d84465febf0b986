"""Rows that data selects: experts that take some of the tokens, in both ways exporters write it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper, numpy_helper, parser

import lpuc
from dialects.errors import CompileError
from runtime.traps import Trap
from tests.e2e.single import Array, assert_same, f32, i64

TOKENS, WIDTH, EXPERTS = 5, 4, 3
WEIGHTS = {
    **{f"w{expert}": f32(WIDTH, WIDTH, seed=expert) for expert in range(EXPERTS)},
    "zeros": np.zeros((TOKENS, WIDTH), np.float32), "ones": np.ones((TOKENS, WIDTH), np.float32),
    "zero": np.int64(0), "one": np.int64(1), "line": i64(-1), "first": i64(0), "second": i64(1),
    "wide": i64(1, WIDTH), "some": i64(TOKENS, WIDTH), "all": i64(-1, WIDTH),
}  # fmt: skip

TAKEN = """
    places{0} = NonZero(chosen{0})
    token{0} = Gather<axis=0>(places{0}, zero)
    rows{0} = Gather<axis=0>(x, token{0})
    flat{0} = Reshape(rows{0}, all)
    y{0} = MatMul(flat{0}, w{0})
"""
"""An expert that takes the tokens for which a row of the mask is set."""
SPREAD = """
    column{0} = Unsqueeze(token{0}, second)
    extent{0} = Shape(y{0})
    index{0} = Expand(column{0}, extent{0})
"""
ELEMENTS = 'sum{1} = ScatterElements<axis=0, reduction="add">(sum{0}, index{0}, y{0})'
OWN = "own{0} = ScatterElements<axis=0>(zeros, index{0}, y{0})  sum{1} = Add(sum{0}, own{0})"
TUPLES = 'sum{1} = ScatterND<reduction="add">(sum{0}, column{0}, y{0})'
MASKS = "chosen0, chosen1, chosen2 = Split<axis=0>(mask, parts)"


def _graph(body: str, takes: dict[str, Array], output: str = "y") -> onnx.ModelProto:
    """A model of lines as `onnx.parser` reads nodes; operands that it does not make are held."""
    kinds = {name: helper.np_dtype_to_tensor_dtype(a.dtype) for name, a in takes.items()}
    inputs = [helper.make_tensor_value_info(n, kinds[n], a.shape) for n, a in takes.items()]
    lines = "\n".join(line for line in body.replace(")  ", ")\n").splitlines() if line.strip())
    nodes = parser.parse_graph(f"g () => () {{\n{lines}\n}}").node
    for number, node in enumerate(nodes):
        node.name = f"{node.op_type}_{number}"
    held = [numpy_helper.from_array(np.asarray(array), name) for name, array in WEIGHTS.items()]
    held.append(numpy_helper.from_array(i64(1, 1, 1), "parts"))
    result = helper.make_value_info(output, helper.make_tensor_type_proto(1, None))
    graph = helper.make_graph(list(nodes), "experts", inputs, [result], held)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


def dispatch(scatter: str, last: str = "y = Identity(sum3)") -> str:
    """Experts one after the other, which read the rows of a mask `[experts, tokens]`."""
    body = [MASKS, "sum0 = Identity(zeros)"]
    for expert in range(EXPERTS):
        mask = f"chosen{expert}r = Squeeze(chosen{expert}, first)"
        body += [mask, (TAKEN + SPREAD + scatter).replace("chosen{0}", "chosen{0}r")]
        body[-1] = body[-1].format(expert, expert + 1)
    return "\n".join([*body, last])


def segments(ends: str = "e0, e1, e2", first: str = "zero") -> str:
    """Experts that take the rows from where the one before ended; `ends` are computed."""
    body = ["c0, c1, c2 = Split<axis=0>(ends, parts)"]
    body += [f"e{expert} = Squeeze(c{expert}, first)" for expert in range(EXPERTS)]
    starts = [first, *ends.split(", ")]
    for expert in range(EXPERTS):
        limit = f"e{expert}"
        body += [
            f"range{expert} = Range({starts[expert]}, {limit}, one)",
            f"rows{expert} = Gather<axis=0>(x, range{expert})",
            f"y{expert} = MatMul(rows{expert}, w{expert})",
        ]
    return "\n".join([*body, "y = Concat<axis=0>(y0, y1, y2)"])


def masks(rows: Sequence[Sequence[int]], kind: type = np.bool_) -> dict[str, Array]:
    mask = np.zeros((EXPERTS, TOKENS), kind)
    for expert, tokens in enumerate(rows):
        mask[expert, list(tokens)] = 1
    return {"x": f32(TOKENS, WIDTH, seed=9), "mask": mask}


def _path(model: onnx.ModelProto, folder: Path) -> Path:
    onnx.save(model, folder / "model.onnx")
    return folder / "model.onnx"


def _agree(body: str, calls: Sequence[dict[str, Array]], folder: Path) -> None:
    """One program for all calls, which select other rows, and other numbers of them."""
    model = _graph(body, calls[0])
    session = onnxruntime.InferenceSession(model.SerializeToString())
    program = lpuc.compile(_path(model, folder), precision="f32")
    for inputs in calls:
        assert_same([program.run(inputs)["y"]], session.run(["y"], inputs))


CHOICES = [[[0, 2], [1], [3, 4]], [[], [0, 1, 2, 3, 4], []], [[4], [4], [4, 0]], [[], [], []]]


@pytest.mark.parametrize("scatter", [ELEMENTS, OWN, TUPLES], ids=["add", "own zeros", "tuples"])
@pytest.mark.parametrize("kind", [np.bool_, np.int64, np.float32])
def test_experts_take_the_tokens_of_a_mask(scatter: str, kind: type, tmp_path: Path):
    _agree(dispatch(scatter), [masks(rows, kind) for rows in CHOICES], tmp_path)


def test_rows_that_are_not_selected_may_be_no_numbers(tmp_path: Path):
    """An expert divides by a number that is 0 for the tokens that it does not take."""
    share = "z{0} = Gather<axis=0>(divisor, token{0})  part{0} = Div(y{0}, z{0})  "
    body = dispatch(share + ELEMENTS.replace("y{0})", "part{0})"))
    divisor = np.array([1, 0, 2, 0, 4], np.float32).reshape(TOKENS, 1)
    _agree(body, [{**masks([[0], [2, 4], [0, 4]]), "divisor": divisor}], tmp_path)


def ended(*ends: int) -> dict[str, Array]:
    return {"x": f32(TOKENS, WIDTH, seed=9), "ends": i64(*ends)}


def test_experts_take_ranges_that_follow_one_another(tmp_path: Path):
    calls = [ended(2, 3, 5), ended(0, 5, 5), ended(5, 5, 5), ended(0, 0, 5)]
    _agree(segments(), calls, tmp_path)


@pytest.mark.parametrize("ends", [(3, 1, 5), (2, 3, 4)], ids=["back", "short"])
def test_ranges_that_are_no_partition_are_a_trap(ends: tuple[int, ...], tmp_path: Path):
    model = _graph(segments(), ended(*ends))
    program = lpuc.compile(_path(model, tmp_path), precision="f32")
    with pytest.raises(Trap, match="Concat"):
        program.run(ended(*ends))


@pytest.mark.parametrize("ends", [(-2, 3, 5), (2, -1, 5), (7, 3, 5)])
def test_ranges_with_rows_that_are_none_or_count_from_the_end_are_a_trap(
    ends: tuple[int, ...], tmp_path: Path
):
    """Where the standard takes a row from the end, ours must not take others or fewer."""
    program = lpuc.compile(_path(_graph(segments(), ended(*ends)), tmp_path), precision="f32")
    with pytest.raises(Trap, match="Range"):
        program.run(ended(*ends))


DIVIDED = "\n".join([
    "r0, r1, r2 = Split<axis=0>(x, sizes)",
    *(f"y{expert} = MatMul(r{expert}, w{expert})" for expert in range(EXPERTS)),
    "y = Concat<axis=0>(y0, y1, y2)",
])  # fmt: skip


def sized(*sizes: int) -> dict[str, Array]:
    return {"x": f32(TOKENS, WIDTH, seed=9), "sizes": i64(*sizes)}


def test_experts_take_parts_of_computed_sizes(tmp_path: Path):
    _agree(DIVIDED, [sized(2, 1, 2), sized(0, 5, 0), sized(5, 0, 0)], tmp_path)


@pytest.mark.parametrize("sizes", [(2, 2, 2), (1, 1, 1), (4, -2, 3)])
def test_sizes_of_other_rows_are_a_trap(sizes: tuple[int, ...], tmp_path: Path):
    program = lpuc.compile(_path(_graph(DIVIDED, sized(*sizes)), tmp_path), precision="f32")
    with pytest.raises(Trap, match="Split"):
        program.run(sized(*sizes))


@pytest.mark.parametrize("order", ["y1, y0, y2", "y0, y0, y2"])
def test_parts_in_another_order_are_refused(order: str, tmp_path: Path):
    body = DIVIDED.replace("y0, y1, y2", order)
    with pytest.raises(CompileError, match="joins rows that data selects"):
        lpuc.compile(_path(_graph(body, sized(1, 1, 3)), tmp_path))


OTHERWISE = {
    "given out": "y = Identity(y0)",
    "added up": "y = ReduceSum(y0, first)",
    "normalised": "y = Softmax<axis=0>(y0)",
    "multiplied with one another": "t = Transpose<perm=[1,0]>(y0)  y = MatMul(t, y0)",
    "behind one another": "y = Concat<axis=0>(y0, y1)",
    "counted": "n = Shape<start=0,end=1>(y0)  c = Cast<to=1>(n)  y = Add(sum3, c)",
    "numbered": "n = Shape<start=0,end=1>(y0)  s = Squeeze(n)  r = Range(zero, s, one)"
    "  c = Cast<to=1>(r)  d = Unsqueeze(c, second)  e = Add(y0, d)  u = Unsqueeze(token0, second)"
    "  y = ScatterND<reduction=\"add\">(zeros, u, e)",
    "cut": "y = Slice(y0, first, second, first)",
    "flattened": "y = Reshape(y0, line)",
    "written over others": "u = Unsqueeze(token0, second)  y = ScatterND(ones, u, y0)",
    "the larger ones": "u = Unsqueeze(token0, second)"
    "  y = ScatterND<reduction=\"max\">(ones, u, y0)",
    "mixed": "y = Add(y0, y1)",
}  # fmt: skip


@pytest.mark.parametrize("name", OTHERWISE)
def test_what_reads_selected_rows_otherwise_is_refused(name: str, tmp_path: Path):
    path = _path(_graph(dispatch(ELEMENTS, OTHERWISE[name]), masks(CHOICES[0])), tmp_path)
    told = r"\w+_\d+: .*(data selects|do not broadcast|min\(1, rows_0\))"
    with pytest.raises(CompileError, match=told):
        lpuc.compile(path)


def test_a_number_has_no_places(tmp_path: Path):
    body = "p = NonZero(one)  z = Gather<axis=1>(x, p)  y = ReduceSum(z, second)"
    with pytest.raises(CompileError, match=r"NonZero_0: .*a number has no axes"):
        lpuc.compile(_path(_graph(body, {"x": f32(2, 4)}), tmp_path))


@pytest.mark.parametrize(
    "body",
    [
        segments(first="one"),
        segments(ends="e1, e0"),
        segments().replace("(y0, y1, y2)", "(y1, y0, y2)"),
    ],
    ids=["not from the first", "from another end", "in another order"],
)  # fmt: skip
def test_ranges_that_do_not_follow_are_refused(body: str, tmp_path: Path):
    with pytest.raises(CompileError, match="joins rows that data selects"):
        lpuc.compile(_path(_graph(body, ended(1, 2, 5)), tmp_path))


def test_places_in_what_is_known_are_known(tmp_path: Path):
    body = "p = NonZero(known)  q = Gather<axis=0>(p, second)  r = Squeeze(q, first)"
    body += "  z = Gather<axis=1>(x, r)  y = ReduceSum(z, second)"
    model = _graph(body, {"x": f32(2, 4)})
    known = numpy_helper.from_array(np.array([[0, 3, 0, 1], [0, 0, 2, 0]], np.int64), "known")
    model.graph.initializer.append(known)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    inputs: dict[str, Array] = {"x": f32(2, 4)}
    program = lpuc.compile(_path(model, tmp_path), precision="f32")
    assert_same([program.run(inputs)["y"]], session.run(["y"], inputs))
