"""Loops whose steps shapes and constants count: written out, against ONNX Runtime."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from onnx import ModelProto, numpy_helper, parser

import lpuc
from dialects.errors import CompileError
from lpuc.compiler.driver import load_module
from lpuc.compiler.options import CompileOptions
from lpuc.levels.execution import run_level
from tests.e2e.single import Array, assert_same, f32, i64

X = f32(3, 4)
HEAD = """<ir_version: 10, opset_import: ["": 21]>
g (float[3, 4] x) => ({results}) {{
  three = Constant <value = int64 {{3}}> ()
  go = Constant <value = bool {{1}}> ()
  stop = Constant <value = bool {{0}}> ()
  one = Constant <value = int64 {{1}}> ()
  zero = Constant <value = int64 {{0}}> ()
  shape = Shape (x)
  count = Gather <axis = 0> (shape, zero)
{nodes}
}}"""
BOTH = "float[r, c] s, float[n, r, c] ys"
BODY = """ <body = step (int64 i, bool c, float[r, c] s0) => (bool on, float[] s1, float[] y) {
    row = Gather <axis = 0> (x, i)
    half = Mul (s0, row)
    s1 = Add (half, x)
    y = Neg (half)
    %s
  }>"""
OF_DATA = "sum = ReduceSum <keepdims = 0> (s1)\n    on = Cast <to = 9> (sum)"
ON, COUNTED = "on = Identity (c)", "two = Constant <value = int64 {2}> ()\n    on = Less (i, two)"
LOOPS = {
    "as many as rows": (BOTH, "  s, ys = Loop" + BODY % ON + " (count, , x)"),
    "until a condition ends it": (BOTH, "  s, ys = Loop" + BODY % COUNTED + " (, go, x)"),
    "no step": (
        "float[r, c] s",
        "  s = Loop <body = b (int64 i, bool c, float[r, c] t) => (bool on, float[r, c] u) {"
        " u = Neg (t)\n on = Identity (c) }> (three, stop, x)",
    ),
    "steps that change an extent": (
        "float[r, c] s",
        "  s = Loop <body = b (int64 i, bool c, float[r, c] t) => (bool on, float[r, c] u) {"
        " u = Concat <axis = 0> (t, x)\n on = Identity (c) }> (three, go, x)",
    ),
    "a loop in a loop": (
        "float[r, c] s",
        "  s = Loop <body = b (int64 i, bool c, float[r, c] t) => (bool on, float[r, c] u) {"
        " u = Loop <body = d (int64 j, bool e, float[r, c] v) => (bool off, float[r, c] w) {"
        " k = Add (i, j)\n h = Cast <to = 1> (k)\n w = Add (v, h)\n off = Identity (e) }>"
        " (three, go, t)\n on = Identity (c) }> (count, go, x)",
    ),
}  # fmt: skip


def _model(results: str, nodes: str) -> ModelProto:
    return parser.parse_model(HEAD.format(results=results, nodes=nodes))


@pytest.mark.parametrize("name", LOOPS)
def test_steps_are_written_out(name: str, tmp_path: Path):
    """As a program, and at level `onnx`, where they are a loop still."""
    proto, path = _model(*LOOPS[name]), tmp_path / "m.onnx"
    path.write_bytes(proto.SerializeToString())
    want = onnxruntime.InferenceSession(path).run(None, {"x": X})
    meant = run_level("onnx", load_module(path, CompileOptions()), {"x": X})
    found = lpuc.compile(path, precision="f32").run({"x": X})
    assert_same([found[o.name] for o in proto.graph.output], want)
    assert_same([meant[o.name] for o in proto.graph.output], want)


REFUSED = {
    "steps that data counts": (
        "  sum = ReduceSum <keepdims = 0> (x)\n  many = Cast <to = 7> (sum)\n"
        "  s, ys = Loop" + BODY % ON + " (many, go, x)",
        "how many steps there are depends on data",
    ),
    "a condition of data": (
        "  s, ys = Loop" + BODY % OF_DATA + " (three, go, x)",
        "the condition depends on data",
    ),
    "many steps": (
        "  many = Constant <value = int64 {40}> ()\n  s, ys = Loop"
        + (BODY % ON).replace("(x, i)", "(x, zero)") + " (many, go, x)",
        "more than 32 steps of 6 operations are not written out",
    ),
    "no steps that give": (
        "  s, ys = Loop" + BODY % ON + " (zero, go, x)", "a loop of no steps gives nothing",
    ),
    "a count of floats": (
        "  many = Cast <to = 1> (three)\n  s, ys = Loop" + BODY % ON + " (many, go, x)",
        "input 'M' may not be f32",
    ),
    "states of another type": (
        "  s, ys = Loop" + (BODY % ON).replace("s1 = Add (half, x)", "s1 = Cast <to = 7> (half)")
        + " (three, go, x)",
        "states of other element types",
    ),
    "a state too few": ("  s, ys = Loop" + BODY % ON + " (three, go)", "for 0 states"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_written_out_is_refused(name: str, tmp_path: Path):
    nodes, message = REFUSED[name]
    path = tmp_path / "m.onnx"
    path.write_bytes(_model(BOTH, nodes).SerializeToString())
    with pytest.raises(CompileError, match=message) as caught:
        lpuc.compile(path)
    assert str(caught.value.node).startswith("Loop")


DECODER = """<ir_version: 10, opset_import: ["": 21, "own": 1]>
g (int64[1, seq] input_ids, float[1, 2, 3, 3] past_state)
=> (float[1, seq, 17] logits, float[1, 2, 3, 3] present_state) {
  x = Gather (words, input_ids)
  y, present_state = own.Recurrence (x, past_state)
  logits = MatMul (y, head)
}
<domain: "own", opset_import: ["": 21]>
Recurrence (x, past) => (y, present) {
  rows = Transpose <perm = [1, 0, 2]> (x)
  shape = Shape (x)
  one = Constant <value = int64 {1}> ()
  count = Gather <axis = 0> (shape, one)
  go = Constant <value = bool {1}> ()
  present, ys = Loop <body = step (int64 i, bool c, float[b, h, k, v] s) =>
      (bool on, float[b, h, k, v] t, float[b, h, v] y0) {
    row = Gather <axis = 0> (rows, i)
    split = Constant <value = int64[3] {0, 2, 3}> ()
    key = Reshape (row, split)
    two = Constant <value = int64[1] {2}> ()
    last = Constant <value = int64[1] {3}> ()
    column = Unsqueeze (key, last)
    across = Unsqueeze (key, two)
    known = MatMul (across, s)
    missed = Sub (across, known)
    outer = Mul (column, missed)
    rate = Constant <value = float {0.3}> ()
    added = Mul (rate, outer)
    t = Add (s, added)
    read = MatMul (across, t)
    y0 = Squeeze (read, two)
    on = Constant <value = bool {1}> ()
  }> (count, go, past)
  back = Transpose <perm = [1, 0, 2, 3]> (ys)
  merged = Constant <value = int64[3] {0, 0, 6}> ()
  y = Reshape (back, merged)
}"""


def test_a_recurrence_of_a_function_takes_a_step_for_each_token(tmp_path: Path):
    """As model builders write it for runtimes that have no kernel: a step for each token."""
    text = DECODER.replace(") =>\n      (bool", ") => (bool")
    model, path = parser.parse_model(text), tmp_path / "m.onnx"
    held: dict[str, Array] = {"words": f32(17, 6), "head": f32(6, 17, seed=1)}
    model.graph.initializer.extend(numpy_helper.from_array(v, name) for name, v in held.items())
    path.write_bytes(model.SerializeToString())
    ids = i64(3).reshape(1, 1)
    state = np.zeros((1, 2, 3, 3), np.float32)
    judge = onnxruntime.InferenceSession(path)
    want = judge.run(None, {"input_ids": ids, "past_state": state})
    compiled = lpuc.compile(path, precision="f32")
    got = compiled.run({"input_ids": ids, "past_state": state})
    assert_same([got["logits"], got["present_state"]], want)
