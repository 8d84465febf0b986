"""States that each step replaces, beside a cache that grows: against a loop around ONNX Runtime."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper, parser

import lpuc
from lpuc.cli import invoke
from lpuc.compiler.driver import compile_model
from lpuc.compiler.options import CompileOptions
from runtime.errors import Unserved
from tests.e2e.single import f32, i64

IDS, WIDTH, TAPS, CONTEXT = 12, 6, 3, 16
PROMPT, NEW = (3, 7, 1, 11), 8

HEAD = f"""<ir_version: 10, opset_import: ["": 22]>
g (int64[1, seq] input_ids, int64[1, total] attention_mask,
   float[1, 2, {WIDTH // 2}, {WIDTH // 2}] past_sum, float[1, {WIDTH}, {TAPS}] past_conv,
   float[1, 1, past, {WIDTH}] past_key)
  => (float[1, seq, {IDS}] logits, float[1, 1, total, {WIDTH}] present_key,
      float[1, {WIDTH}, {TAPS}] present_conv,
      float[1, 2, {WIDTH // 2}, {WIDTH // 2}] present_sum) {{
    x = Gather<axis=0>(words, input_ids)
    new = Unsqueeze(x, i1)
    present_key = Concat<axis=2>(past_key, new)
    seen = ReduceMean<keepdims=0>(present_key, i12)
    numbers = Cast<to=1>(attention_mask)
    count = ReduceSum<keepdims=0>(numbers, i1)
    share = Div(seen, count)
    known = Add(x, share)
    turned = Transpose<perm=[0,2,1]>(known)
"""
CONVOLVED = f"""
    all = Concat<axis=2>(past_conv, turned)
    present_conv = Slice(all, last, end, i2)
    mixed = Conv<group={WIDTH}, kernel_shape=[{TAPS}]>(all, kernels)
    late = Slice(mixed, minus, end, i2)
    near = Transpose<perm=[0,2,1]>(late)
"""
SUMMED = """
    halves = Reshape(x, split)
    columns = Transpose<perm=[0,2,3,1]>(halves)  query = Transpose<perm=[0,2,1,3]>(halves)
    outer = MatMul(columns, query)  faded = Mul(past_sum, decay)  present_sum = Add(faded, outer)
    read = MatMul(query, present_sum)  back = Transpose<perm=[0,2,1,3]>(read)
    far = Reshape(back, merged)
    y1 = Add(near, far)  y2 = Add(y1, seen)  logits = MatMul(y2, head)
}"""
HELD = {
    "words": f32(IDS, WIDTH), "head": f32(WIDTH, IDS, seed=1),
    "places": 2 * f32(CONTEXT, WIDTH, seed=3),
    "kernels": f32(WIDTH, 1, TAPS, seed=2), "decay": np.array(0.5, np.float32),
    "i1": i64(1), "i2": i64(2), "i12": i64(1, 2),
    "minus": i64(-1), "last": i64(-TAPS), "end": i64(2**63 - 1),
    "split": i64(0, 0, 2, WIDTH // 2), "merged": i64(0, 0, WIDTH),
}  # fmt: skip
PAIRS = {"past_key": "present_key", "past_conv": "present_conv", "past_sum": "present_sum"}


ALONE = f"""<ir_version: 10, opset_import: ["": 22]>
g (int64[1, seq] input_ids, int64[1, total] attention_mask, int64[1, seq] position_ids,
   float[1, {WIDTH}, {TAPS}] past_conv, float[1, 2, {WIDTH // 2}, {WIDTH // 2}] past_sum)
  => (float[1, seq, {IDS}] logits, float[1, {WIDTH}, {TAPS}] present_conv,
      float[1, 2, {WIDTH // 2}, {WIDTH // 2}] present_sum) {{
    word = Gather<axis=0>(words, input_ids)
    place = Gather<axis=0>(places, position_ids)
    x = Add(word, place)
    turned = Transpose<perm=[0,2,1]>(x)
    seen = Neg(x)
"""
NAMED = {
    "present": ("past_sum", "past_conv", "present_sum", "present_conv"),
    "words": ("state_sum", "conv_in", "new_state_sum", "conv_out"),
    "types": ("a", "b", "c", "d"),
}
"""How the states of a model without a cache are called, before and behind a step."""


def _model(folder: Path, body: str = HEAD + CONVOLVED + SUMMED) -> Path:
    model = parser.parse_model(body.replace(")  ", ")\n"))
    model.graph.initializer.extend(numpy_helper.from_array(a, n) for n, a in HELD.items())
    path = folder / "m.onnx"
    onnx.save(model, path)
    return path


def _by_runtime(
    path: Path, pairs: Mapping[str, str] = PAIRS
) -> tuple[list[int], np.ndarray[Any, Any]]:
    """Greedy tokens behind the prompt, and the logits of every token that is fed."""
    session = onnxruntime.InferenceSession(path)
    names = [output.name for output in session.get_outputs()]
    shapes = {
        i.name: [d if isinstance(d, int) else 0 for d in i.shape] for i in session.get_inputs()
    }
    cache = {name: np.zeros(shapes[name], np.float32) for name in pairs}
    text, rows = list(PROMPT), list[np.ndarray[Any, Any]]()
    while len(rows) < len(PROMPT) + NEW - 1:
        inputs = {
            "input_ids": np.array([[text[len(rows)]]]),
            "attention_mask": np.ones((1, len(rows) + 1), np.int64),
            "position_ids": np.array([[len(rows)]]),
        }
        known = {name: array for name, array in inputs.items() if name in shapes}
        given = dict(zip(names, session.run(None, {**known, **cache}), strict=True))
        cache = {past: given[present] for past, present in pairs.items()}
        rows.append(given["logits"][0, -1])
        if len(rows) >= len(PROMPT):
            text.append(int(rows[-1].argmax()))
    return text[len(PROMPT) :], np.array(rows)


@pytest.mark.parametrize("devices", [1, 2])
def test_tokens_and_logits_are_those_of_a_loop_around_onnx_runtime(devices: int, tmp_path: Path):
    path = _model(tmp_path)
    tokens, rows = _by_runtime(path)
    program = lpuc.compile(path, precision="f32", max_context=CONTEXT, devices=devices)
    for _ in range(2):
        assert list(program.generate(PROMPT, max_new_tokens=NEW)) == tokens
    with program.session() as session:
        for _ in range(2):
            got = [session.step([*PROMPT, *tokens[:2]]), session.step(tokens[2:-1], logits="last")]
            np.testing.assert_allclose(got[0], rows[: len(PROMPT) + 2], rtol=2e-5, atol=2e-5)
            np.testing.assert_allclose(got[1], rows[-1:], rtol=2e-5, atol=2e-5)
            session.reset()


@pytest.mark.parametrize(("names", "devices"), [("present", 1), ("words", 2), ("types", 1)])
def test_a_model_without_a_cache_generates(
    names: str, devices: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    body, called = ALONE + CONVOLVED + SUMMED, NAMED[names]
    for old, new in zip(NAMED["present"], called, strict=True):
        body = body.replace(old, new)
    pairs = dict(zip(called[:2], called[2:], strict=True))
    path = _model(tmp_path, body)
    tokens, rows = _by_runtime(path, pairs)
    assert len(set(tokens)) > 2
    roles = {} if names == "present" else dict.fromkeys(pairs, "recurrent")
    program = lpuc.compile(
        path, precision="f32", max_context=CONTEXT, devices=devices, input_role=roles,
        whole_budget=60,
    )  # fmt: skip
    assert list(program.entries) == ["step", "generate"]
    for _ in range(2):
        assert list(program.generate(PROMPT, max_new_tokens=NEW)) == tokens
    with program.session() as session:
        for _ in range(2):
            given = [session.step([*PROMPT, *tokens[:2]]), session.step(tokens[2:-1])]
            np.testing.assert_allclose(np.concatenate(given), rows, rtol=2e-5, atol=2e-5)
            session.reset()
    options = ["--precision=f32", f"--max-context={CONTEXT}", f"-n{NEW}", "--whole-budget=60"]
    options += [f"--input-role={name}={role}" for name, role in roles.items()]
    given = ["--tokens", ",".join(map(str, PROMPT)), f"--devices={devices}"]
    assert invoke(["generate", str(path), *given, *options]) == 0
    assert capsys.readouterr().out.split() == [str(token) for token in tokens]


def test_a_state_that_no_output_is_known_to_replace_is_named(tmp_path: Path):
    body = (ALONE + CONVOLVED + SUMMED).replace("present_conv", "other")
    remarks = dict(_compiled(_model(tmp_path, body), precision="f32").remarks)
    assert remarks["no generate"].startswith("no output is known to replace 'past_conv'; ")


def _compiled(path: Path, **options: Any):
    return compile_model(path, CompileOptions(max_context=CONTEXT, **options))


def test_all_of_it_stays_on_the_device_in_full_precision(tmp_path: Path):
    compiled = _compiled(_model(tmp_path), precision="f16")
    interface = compiled.interpreter.program.interface
    places = {p.name: (p.address, p.storage.value) for p in (*interface.inputs, *interface.outputs)}
    stored = {past: places[past][1] for past in PAIRS}
    assert {past: places[past] for past in PAIRS} == {
        past: places[present] for past, present in PAIRS.items()
    }
    assert stored == {"past_key": "f16", "past_conv": "f32", "past_sum": "f32"}


def test_a_prompt_is_taken_token_by_token(tmp_path: Path):
    compiled = _compiled(_model(tmp_path), precision="f32")
    assert "prompt_chunk" not in dict(compiled.interpreter.program.others)
    assert "replaced by each token" in dict(compiled.remarks)["no chunk"]


def test_a_step_of_several_tokens_does_not_generate(tmp_path: Path):
    """It would be filled up with tokens that the states remember."""
    program = lpuc.compile(_model(tmp_path), precision="f32", max_context=CONTEXT, shape={"seq": 2})
    with pytest.raises(Unserved, match="would remember what fills up a step"):
        list(program.generate(PROMPT, max_new_tokens=1))
