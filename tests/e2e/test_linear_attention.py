"""Recurrences that decoders have in place of attention, against ONNX Runtime's kernels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from onnx import numpy_helper, parser

import lpuc
from lpuc.compiler.driver import compile_model, load_module
from lpuc.compiler.options import CompileOptions
from lpuc.levels.execution import run_level
from tests.e2e.single import MICROSOFT, Array, Case, assert_refused, assert_same, f32, i64

Inputs = dict[str, Array | None]
Options = dict[str, Any]

HEADS = {"q_num_heads": 4, "kv_num_heads": 2, "outputs": 2}
INVERSE = {"q_num_heads": 2, "kv_num_heads": 4, "outputs": 2}
THEIRS = {"domain": MICROSOFT}
STANDARD = {"opset": 27}


def recurrent(queries: int = 4, states: int = 2, steps: int = 3, **changed: Array | None) -> Inputs:
    """Heads of two channels, whose values have three."""
    found: Inputs = {
        "q": f32(2, steps, 2 * queries),
        "k": f32(2, steps, 2 * states, seed=1),
        "v": f32(2, steps, 3 * states, seed=2),
        "s": f32(2, states, 2, 3, seed=3),
        "decay": -abs(f32(2, steps, states, seed=4)),
        "beta": abs(f32(2, steps, states, seed=5)),
    }
    return found | changed


EACH = -abs(f32(2, 3, 4, seed=6))
X, TAPS, STATE = f32(2, 6, 5), f32(6, 1, 3, seed=1), f32(2, 6, 2, seed=2)
LAST: Inputs = {
    "x": f32(2, 5, 2, 3), "w": TAPS, "b": f32(6, seed=3), "s": f32(2, 4, 2, 3, seed=4),
}  # fmt: skip
ROW, GATE = f32(2, 3, 8), f32(2, 3, 8, seed=1)
PLACES: Inputs = {
    "p": i64(*range(18)).reshape(3, 2, 3)[..., ::-1], "c": f32(18, 4, seed=1),
    "s": f32(18, 4, seed=2),
}  # fmt: skip
NODES: dict[str, tuple[str, Inputs, Options]] = {
    "linear": (
        *("LinearAttention", recurrent(decay=None, beta=None)),
        {**HEADS, **STANDARD, "update_rule": "linear"},
    ),
    "gated, from nothing": (
        *("LinearAttention", recurrent(s=None, decay=EACH, beta=None)),
        {**HEADS, **STANDARD, "update_rule": "gated", "scale": 0.3},
    ),
    "corrected": (
        *("LinearAttention", recurrent(decay=None)),
        {**HEADS, **THEIRS, "update_rule": "delta"},
    ),
    "both, one step": ("LinearAttention", recurrent(steps=1), HEADS | STANDARD),
    "both, one correction for all": (
        "LinearAttention", recurrent(beta=abs(f32(2, 3, 1))), HEADS | THEIRS
    ),
    "more states than queries, which share keys": (
        "LinearAttention", recurrent(2, 4, k=f32(2, 3, 4, seed=1)), INVERSE | THEIRS
    ),
    "taps": (
        *("CausalConvWithState", {"x": X, "w": TAPS, "b": f32(6, seed=3), "s": STATE}),
        {**STANDARD, "activation": "silu", "outputs": 2},
    ),
    "fewer steps than taps": ("CausalConvWithState", {"x": X[..., :1], "w": TAPS}, {"outputs": 2}),
    "channels behind the steps": (
        "CausalConvWithState", LAST, {"channels_last": 1, "dilation": 2, "outputs": 2}
    ),
    "gates of a state": (
        *("LinearAttentionGate", {"a": 9 * ROW, "d": f32(8), "s": f32(8, seed=2), "b": GATE}),
        {"outputs": 2},
    ),
    "a gated norm of groups": (
        "GatedRMSNorm", {"x": ROW, "s": f32(4), "g": GATE}, {"epsilon": 0.1}
    ),
    "a gated norm": (
        "GatedRMSNorm", {"x": ROW, "s": f32(8), "g": GATE}, {"activation": "sigmoid"}
    ),
    "a gated sum": ("GatedAdd", {"x": ROW, "y": GATE, "g": f32(2, 3, 1)}, {}),
    "positions in runs": (
        "MRotaryEmbedding", {"x": f32(2, 2, 3, 8), **PLACES}, {"mrope_section": [1, 2, 1]}
    ),
    "positions in turns": (
        *("MRotaryEmbedding", {"x": f32(2, 3, 20), **PLACES}),
        {
            **{"mrope_section": [2, 1, 1], "mrope_layout": 1, "interleaved": 1},
            **{"num_heads": 2, "rotary_embedding_dim": 8},
        },
    ),
}  # fmt: skip


def _case(folder: Path, name: str) -> Case:
    op, inputs, options = NODES[name]
    return Case(folder, op, inputs, **(options if "opset" in options else {**THEIRS, **options}))


@pytest.mark.parametrize("name", NODES)
def test_a_node_gives_the_numbers_of_onnx_runtime(name: str, tmp_path: Path):
    """As a program, and by the meaning of the operator itself."""
    case = _case(tmp_path, name)
    meant = run_level("onnx", load_module(case.path, CompileOptions()), case.inputs)
    want = case.reference()
    assert_same(case.ours(), want)
    assert_same(list(meant.values()), want)


REFUSED: dict[str, tuple[str, Inputs, Options, str]] = {
    "a gate too few": (
        *("LinearAttention", recurrent(beta=None), HEADS | THEIRS),
        "the rule gated_delta needs 'beta'",
    ),
    "a gate too many": (
        *("LinearAttention", recurrent(), {**HEADS, **STANDARD, "update_rule": "gated"}),
        "the rule gated takes no 'beta'",
    ),
    "another rule": (
        *("LinearAttention", recurrent(), {**HEADS, **THEIRS, "update_rule": "momentum"}),
        "update_rule other than linear, gated, delta, gated_delta is not supported",
    ),
    "more states than queries in the standard": (
        *("LinearAttention", recurrent(2, 4), INVERSE | STANDARD),
        "q_num_heads 2 is no multiple of kv_num_heads 4",
    ),
    "keys of other heads": (
        *("LinearAttention", recurrent(2, 4, k=f32(2, 3, 6)), INVERSE | THEIRS),
        "the shape of 'key'",
    ),
    "a state of other values": (
        *("LinearAttention", recurrent(s=f32(2, 2, 2, 2)), HEADS | THEIRS),
        "the shape of 'past_state'",
    ),
    "many steps": (
        *("LinearAttention", recurrent(steps=33), HEADS | THEIRS),
        "33 steps are not supported, 1 to 32 are",
    ),
    "states of several steps": (
        *("LinearAttention", recurrent(), {**HEADS, **THEIRS, "state_window": 2}),
        "state_window other than 0",
    ),
    "taps of other channels": (
        *("CausalConvWithState", {"x": X, "w": TAPS[1:]}, {**THEIRS, "outputs": 2}),
        r"the channels of the weights is \[5, 1\], expected \[6, 1\]",
    ),
    "a state of other steps": (
        "CausalConvWithState", {"x": X, "w": TAPS, "b": None, "s": STATE},
        {**THEIRS, "dilation": 2, "outputs": 2}, r"expected \[2, 6, 4\]",
    ),
    "two axes of space": (
        *("CausalConvWithState", {"x": X, "w": TAPS}, {**THEIRS, "ndim": 2, "outputs": 2}),
        "ndim other than 1",
    ),
    "a correction of nothing": (
        *("LinearAttentionGate", {"a": ROW, "d": f32(8), "s": f32(8)}, {**THEIRS, "outputs": 2}),
        "the result 'beta' needs the input 'b'",
    ),
    "groups that do not divide": (
        *("GatedRMSNorm", {"x": ROW, "s": f32(3), "g": GATE}, THEIRS),
        "8 channels are no multiple of 3",
    ),
    "a gate that is projected": (
        *("GatedAdd", {"x": ROW, "y": GATE, "g": ROW, "w": f32(8, 1)}, THEIRS),
        "the input gate_weight is not supported",
    ),
    "angles of nothing": (
        "MRotaryEmbedding", {"x": f32(2, 2, 3, 8), **PLACES},
        {**THEIRS, "mrope_section": [1, 2, 2]}, "all sections is 5, expected 4",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_fit_is_refused(name: str, tmp_path: Path):
    op, inputs, options, message = REFUSED[name]
    assert_refused(tmp_path, op, inputs, options, message)


DECODER = """<ir_version: 10, opset_import: ["": 22, "com.microsoft": 1]>
g (int64[1, s] input_ids, float[1, 12, 2] past_conv, float[1, 2, 3, 3] past_state)
=> (float[1, s, 31] logits, float[1, 12, 2] present_conv, float[1, 2, 3, 3] present_state) {
  x = Gather (words, input_ids)
  t = Transpose <perm = [0, 2, 1]> (x)
  c, present_conv = com.microsoft.CausalConvWithState <activation = "silu"> (t, w, , past_conv)
  y = Transpose <perm = [0, 2, 1]> (c)
  decay, beta = com.microsoft.LinearAttentionGate (g, d, a, g)
  z, present_state = com.microsoft.LinearAttention <q_num_heads = 4, kv_num_heads = 2>
    (y, k, k, past_state, decay, beta)
  n = com.microsoft.GatedRMSNorm (z, r, x)
  logits = MatMul (n, head)
}"""


def test_a_decoder_keeps_the_states(tmp_path: Path):
    """Greedy tokens of a loop around ONNX Runtime, with states that never leave the device."""
    text = DECODER.replace("kv_num_heads = 2>\n    (", "kv_num_heads = 2> (")
    text = text.replace(
        "  decay, beta", "  g = MatMul (x, wg)\n  k = MatMul (x, wk)\n  decay, beta"
    )
    model, path = parser.parse_model(text), tmp_path / "m.onnx"
    held = {"words": f32(31, 12), "w": f32(12, 1, 3), "d": f32(2), "r": f32(3, seed=2)}
    held |= {"a": -abs(f32(2)), "wg": f32(12, 2), "wk": f32(12, 6), "head": f32(12, 31, seed=1)}
    model.graph.initializer.extend(numpy_helper.from_array(v, name) for name, v in held.items())
    path.write_bytes(model.SerializeToString())
    found = lpuc.verify(path, precision="f32", max_context=16)
    assert found.is_right
    assert "generate greedy" in found.cases


ALONE = """<ir_version: 10, opset_import: ["": 22, "com.microsoft": 1]>
g (int64[1, s] input_ids, float[1, 2, 3, 3] past_state)
=> (float[1, s, 6] logits, float[1, 2, 3, 3] present_state) {
  x = Gather (words, input_ids)
  logits, present_state = com.microsoft.LinearAttention <q_num_heads = 2, kv_num_heads = 2,
    update_rule = "linear"> (x, x, x, past_state)
}"""


def test_tokens_that_are_too_many_at_once_are_no_chunk(tmp_path: Path):
    """A step of one token compiles; one of many is left out, and says why."""
    model, path = parser.parse_model(ALONE.replace(",\n    up", ", up")), tmp_path / "m.onnx"
    model.graph.initializer.append(numpy_helper.from_array(f32(17, 6), "words"))
    path.write_bytes(model.SerializeToString())
    remarks = [words for _, words in compile_model(path, CompileOptions()).remarks]
    assert any("64 steps are not supported, 1 to 32 are" in words for words in remarks)
