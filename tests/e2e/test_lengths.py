"""What nodes say of the lengths of caches that the inputs of a model leave open."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

import lpuc
from dialects.errors import CompileError
from tests.e2e.single import Array, assert_same, f32, i64

WIDTH, ROWS, IDS = 8, 12, 16
WEIGHTS = {
    "words": f32(IDS, WIDTH),
    "places": f32(ROWS, WIDTH, seed=1),
    "causal": np.tril(np.ones((1, 1, ROWS, ROWS), np.float32)),
    **{name: f32(WIDTH, WIDTH, seed=seed) * 0.3 for seed, name in enumerate("qkvo")},
    "none": np.float32(-np.inf), "zero": np.float32(0), "i0": np.int64(0), "i1": np.int64(1),
    "first": i64(0), "one": i64(1), "rows": i64(2), "keys": i64(3),
    "limit": i64(ROWS), "lanes": i64(WIDTH),
}  # fmt: skip

QKV = [
    "h{0} = Unsqueeze(x{0}, one)",
    *(f"{n}{{0}} = MatMul(h{{0}}, {n})" for n in "qkv"),
    "present.{0}.key = Concat[axis=2](past.{0}.key, k{0})",
    "present.{0}.value = Concat[axis=2](past.{0}.value, v{0})",
    "t{0} = Transpose[perm=0,1,3,2](present.{0}.key)",
    "s{0} = MatMul(q{0}, t{0})",
]
REST = [
    "p{0} = Softmax[axis=-1](m{0})",
    "a{0} = MatMul(p{0}, present.{0}.value)",
    "f{0} = Squeeze(a{0}, one)",
    "x{1} = Add(x{0}, f{0})",
]
MASK = [
    "past = Shape[start=2,end=3](past.0.key)",
    "new = Shape[start=1,end=2](input_ids)",
    "total = Add(past, new)",
    "strip = Slice(causal, past, total, rows)",
    "square = Slice(strip, first, total, keys)",
    "seen = Cast[to=9](square)",
]
PLACES = [
    "from = Squeeze(past)", "until = Squeeze(total)",
    "range = Range(from, until, i1)",
    "place = Gather(places, range)",
    "x0 = Add(word, place)",
]  # fmt: skip
CAPPED = [
    "upto = Min(total, limit)", "before = Min(past, limit)", "width = Sub(upto, before)",
    "size = Concat[axis=0](one, width, lanes)",
]  # fmt: skip


def _node(text: str) -> onnx.NodeProto:
    """`y = Op[a=1,b=2,3](x, z)`."""
    output, call = text.split(" = ")
    op, inputs = call.rstrip(")").split("(")
    kind, _, given = op.rstrip("]").partition("[")
    attributes: dict[str, list[int]] = {}
    name = ""
    for part in given.split(",") if given else ():
        name = part.split("=")[0] if "=" in part else name
        attributes.setdefault(name, []).append(int(part.rpartition("=")[2]))
    plain = {k: v if k == "perm" else v[0] for k, v in attributes.items()}
    return helper.make_node(kind, inputs.split(", "), [output], output, **plain)


def _model(nodes: Sequence[str], layers: int, lengths: Sequence[str]) -> onnx.ModelProto:
    """`lengths` names the extents of keys and values, layer by layer."""
    caches = [f"{i}.{kind}" for i in range(layers) for kind in ("key", "value")]
    takes = [helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["batch", "new"])]
    for cache, name in zip(caches, lengths, strict=True):
        dims = [1, 1, name, WIDTH]
        takes.append(helper.make_tensor_value_info(f"past.{cache}", TensorProto.FLOAT, dims))
    gives = ["logits", *(f"present.{cache}" for cache in caches)]
    outputs = [helper.make_value_info(g, helper.make_tensor_type_proto(1, None)) for g in gives]
    held = [numpy_helper.from_array(np.asarray(array), name) for name, array in WEIGHTS.items()]
    ends = ["word = Gather(words, input_ids)", *nodes, f"logits = MatMul(x{layers}, o)"]
    graph = helper.make_graph([_node(text) for text in ends], "g", takes, outputs, held)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


def masked(lengths: Sequence[str], nodes: Sequence[str] = PLACES) -> onnx.ModelProto:
    """Two layers, of which the mask is cut to the first cache's keys."""
    body = [*MASK, *nodes]
    for i in range(2):
        layer = [*QKV, "m{0} = Where(seen, s{0}, none)", *REST]
        body += [text.format(i, i + 1) for text in layer]
    return _model(body, 2, lengths)


def capped(nodes: Sequence[str]) -> onnx.ModelProto:
    """A layer of as many new rows as lie in front of a limit, which is said before a table is."""
    layer = [text.format(0, 1) for text in (*QKV, "m{0} = Identity(s{0})", *REST)]
    return _model([*MASK[:3], *CAPPED, *nodes, *layer], 1, ["p", "p"])


def free() -> onnx.ModelProto:
    """Two layers of which each has its own length: nothing compares them."""
    body = ["x0 = Identity(word)"]
    for i in range(2):
        layer = [*QKV, "m{0} = Identity(s{0})", *REST]
        body += [text.format(i, i + 1) for text in layer]
    return _model(body, 2, ["p", "p", "q", "q"])


def given(*lengths: int) -> dict[str, Array]:
    names = [f"past.{i}.{kind}" for i in range(2) for kind in ("key", "value")]
    sizes = zip(names, lengths, strict=False)
    pasts = {name: f32(1, 1, size, WIDTH, seed=size) for name, size in sizes}
    return {"input_ids": i64(3).reshape(1, 1), **pasts}


def _path(model: onnx.ModelProto, folder: Path) -> Path:
    onnx.save(model, folder / "model.onnx")
    return folder / "model.onnx"


def _agrees(model: onnx.ModelProto, program: lpuc.Program, inputs: dict[str, Array]) -> None:
    names = [output.name for output in model.graph.output]
    expected = onnxruntime.InferenceSession(model.SerializeToString()).run(names, inputs)
    outputs = program.run(inputs)
    assert_same([outputs[name] for name in names], expected)


SPELLINGS = [["p"] * 4, ["p", "q"] * 2, ["a", "b", "c", "d"], ["a", "a", "b", "b"]]


@pytest.mark.parametrize("lengths", SPELLINGS, ids="".join)
def test_lengths_that_nodes_compare_are_one(lengths: list[str], tmp_path: Path):
    model = masked(lengths)
    program = lpuc.compile(_path(model, tmp_path), precision="f32")
    for count in (0, 1, ROWS - 1):
        _agrees(model, program, given(count, count, count, count))
    with pytest.raises(lpuc.Error, match=r"past\.1\.key"):
        program.run(given(3, 3, 2, 2))


def test_every_level_agrees_where_lengths_had_names_of_their_own(tmp_path: Path):
    path = _path(masked(["a", "b", "c", "d"]), tmp_path)
    assert lpuc.verify(path, precision="f32").is_right
    assert lpuc.verify(path, precision="f32", devices=2, whole_budget=30).is_right


def test_a_table_bounds_the_cache(tmp_path: Path):
    program = lpuc.compile(_path(masked(["p"] * 4), tmp_path), precision="f32")
    with pytest.raises(lpuc.Error, match=f"P: expected 0 to {ROWS - 1}"):
        program.run(given(ROWS, ROWS, ROWS, ROWS))


@pytest.mark.parametrize("nodes", [PLACES, ["x0 = Identity(word)"]], ids=["looked up", "cut"])
def test_a_context_beyond_the_table_is_refused(nodes: list[str], tmp_path: Path):
    path = _path(masked(["p"] * 4, nodes), tmp_path)
    with pytest.raises(CompileError, match=f"--max-context 13 is more than the {ROWS} positions"):
        lpuc.compile(path, max_context=ROWS + 1)
    lpuc.compile(path, max_context=ROWS)


def test_a_table_decides_extents_that_were_open_before(tmp_path: Path):
    model = capped([*PLACES[:-1], "both = Add(word, place)", "x0 = Reshape(both, size)"])
    program = lpuc.compile(_path(model, tmp_path), precision="f32")
    for count in (0, 1, ROWS - 1):
        inputs = given(count, count)
        _agrees(model, program, inputs)


def test_what_leaves_an_extent_open_is_said(tmp_path: Path):
    path = _path(capped(["x0 = Reshape(word, size)"]), tmp_path)
    why = r"x0: onnx.Reshape: 'shape' depends on min\(P \+ 1, 12\), .* P up to 2047"
    with pytest.raises(CompileError, match=why) as refused:
        lpuc.compile(path)
    assert refused.value.hint == "--max-context 11"
    _agrees(onnx.load(path), lpuc.compile(path, precision="f32", max_context=11), given(9, 9))


def test_prompts_in_chunks_stay_within_the_table(tmp_path: Path):
    path = _path(masked(["p"] * 4), tmp_path)
    whole = lpuc.compile(path, precision="f32", prompt_chunk=0)
    wanted = list(whole.generate([1, 2, 3, 4, 5, 6, 7], max_new_tokens=4))
    for chunk in (4, 64):
        program = lpuc.compile(path, precision="f32", prompt_chunk=chunk)
        assert list(program.generate([1, 2, 3, 4, 5, 6, 7], max_new_tokens=4)) == wanted


def test_lengths_that_nothing_compares_stay_two(tmp_path: Path):
    model = free()
    program = lpuc.compile(_path(model, tmp_path), precision="f32", prompt_chunk=0)
    _agrees(model, program, given(2, 2, 5, 5))
    _agrees(model, program, given(5, 5, 0, 0))


def test_extents_that_differ_by_a_token_stay_refused(tmp_path: Path):
    """Nothing can make `p + 1` and `q + 2` equal for caches that both start empty."""
    twice = "present.{0}.value = Concat[axis=2](past.{0}.value, v{0}, v{0})"
    layer = [*QKV[:5], twice, *QKV[6:], "m{0} = Identity(s{0})", *REST]
    body = ["x0 = Identity(word)", *(text.format(0, 1) for text in layer)]
    with pytest.raises(CompileError, match="the inner extents P \\+ 1 and P1 \\+ 2 differ"):
        lpuc.compile(_path(_model(body, 1, ["p", "q"]), tmp_path))
