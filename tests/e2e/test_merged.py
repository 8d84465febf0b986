"""Decoders with and without a cache in one file, which an input chooses between."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import GraphProto, TensorProto, helper, numpy_helper, parser

import lpuc
from dialects.errors import CompileError
from lpuc.cli import invoke
from lpuc.compiler.options import CompileOptions
from lpuc.diagnosis.bisection import bisect
from lpuc.diagnosis.failure import IMPORTER
from lpuc.onnx_import import graph
from tests.e2e.single import f32, i64

WIDTH, IDS, CONTEXT = 8, 16, 12
BODY = """
    x = Gather<axis=0>(words, input_ids)
    query = Unsqueeze(x, one)
    new = MatMul(query, wk)
    {keys}
    turned = Transpose<perm=[0,1,3,2]>({present})
    scores = MatMul(query, turned)
    p = Softmax<axis=-1>(scores)
    values = MatMul(p, {present})
    a = Squeeze(values, one)
    logits{suffix} = MatMul(a, head)
"""
WITH = BODY.format(
    keys="present_with = Concat<axis=2>(past, new)", present="present_with", suffix="_with"
)
WITHOUT = BODY.format(
    keys="present_without = Identity(new)", present="present_without", suffix="_without"
)
HELD = {
    "words": f32(IDS, WIDTH),
    "wk": f32(WIDTH, WIDTH, seed=1),
    "head": f32(WIDTH, IDS, seed=2),
    "one": i64(1),
}


def _info(name: str, dims: Sequence[int | str] | None, kind: int = TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, kind, dims)


def _branch(text: str, suffix: str) -> GraphProto:
    lines = "\n".join(line.strip() for line in text.splitlines() if line.strip())
    nodes = list(parser.parse_graph(f"g () => () {{\n{lines}\n}}").node)
    for node in nodes:
        node.name = f"{node.op_type}_{node.output[0]}"
    results = [_info(f"{name}_{suffix}", None) for name in ("logits", "present")]
    return helper.make_graph(nodes, suffix, [], results)


def merged(folder: Path, condition: Sequence[int | str] = (1,)) -> Path:
    """A file as optimum writes it: one `If`, weights around both branches."""
    choice = helper.make_node(
        "If", ["use_cache_branch"], ["logits", "present"], name="optimum::if",
        then_branch=_branch(WITH, "with"), else_branch=_branch(WITHOUT, "without"),
    )  # fmt: skip
    takes = [
        _info("input_ids", ["batch", "seq"], TensorProto.INT64),
        _info("past", ["batch", 1, "past_length", WIDTH]),
        _info("use_cache_branch", condition, TensorProto.BOOL),
    ]
    gives = [_info("logits", None), _info("present", None)]
    held = [numpy_helper.from_array(array, name) for name, array in HELD.items()]
    graph = helper.make_graph([choice], "merged", takes, gives, held)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.save(model, folder / "model.onnx")
    return folder / "model.onnx"


def test_the_branch_with_a_cache_is_a_decoder(tmp_path: Path):
    path, given = merged(tmp_path), {"use_cache_branch": True}
    found = lpuc.verify(path, precision="f32", max_context=CONTEXT, input_value=given, values=True)
    assert found.is_right
    assert "generate greedy" in found.cases
    program = lpuc.compile(path, precision="f32", max_context=CONTEXT, input_value=given)
    assert [port.name for port in program.inputs] == ["input_ids", "past"]


def test_so_is_the_other_branch_what_onnx_runtime_makes_of_it(tmp_path: Path):
    """No past is read, and the program holds what the branch without a cache gives."""
    path, given = merged(tmp_path), {"use_cache_branch": False}
    ids = np.array([[3]])
    inputs = {"input_ids": ids, "past": np.zeros((1, 1, 2, WIDTH), np.float32)}
    program = lpuc.compile(path, precision="f32", max_context=CONTEXT, input_value=given)
    session = pytest.importorskip("onnxruntime").InferenceSession(path)
    logits, present = session.run(None, inputs | {"use_cache_branch": np.array([False])})
    got = program.run(inputs)
    np.testing.assert_allclose(got["logits"], logits, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(got["present"], present, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("word", ["true", "True", "1"])
def test_from_the_command_line(word: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path, value = merged(tmp_path), f"use_cache_branch={word}"
    assert invoke(["inspect", str(path), "--max-context", "12", "--input-value", value]) == 0
    assert "entries       step, prompt_chunk, generate" in capsys.readouterr().out


def test_nothing_is_named_of_a_model_whose_input_is_given(tmp_path: Path):
    options = CompileOptions(max_context=CONTEXT, input_value={"use_cache_branch": True})
    assert bisect(merged(tmp_path), options, is_thorough=False).failure is None


def test_another_value_is_the_importers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    before = graph.constant
    monkeypatch.setattr(graph, "constant", lambda value, *given: before(not value, *given))
    options = CompileOptions(max_context=CONTEXT, input_value={"use_cache_branch": True})
    failure = bisect(merged(tmp_path), options, is_thorough=False).failure
    assert failure is not None
    assert failure.where == IMPORTER


REFUSED = {
    "nothing given": ({}, (1,), "--input-value use_cache_branch=true, or =false"),
    "no input": ({"use_cach_branch": True}, (1,), "did you mean use_cache_branch"),
    "a number that is no bool": ({"use_cache_branch": 2}, (1,), "is of bool and cannot be 2"),
    "not a number": ({"use_cache_branch": float("nan")}, (1,), "is of bool and cannot be nan"),
    "open extents": ({"use_cache_branch": True}, ("n",), "extents that the model leaves open"),
    "a large input": ({"use_cache_branch": True}, (2000,), "more than 1024 bytes"),
    "a float for ids": ({"input_ids": 1.5}, (1,), "extents that the model leaves open"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_is_refused(name: str, tmp_path: Path):
    given, extents, words = REFUSED[name]
    with pytest.raises(CompileError, match=words):
        lpuc.compile(merged(tmp_path, extents), max_context=CONTEXT, input_value=given)
