"""Decoders that see what an encoder has read: of a length of its own, given with each step."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import ModelProto

import lpuc
from lpuc.cli import invoke
from lpuc.compiler.driver import compile_model
from lpuc.compiler.options import CompileOptions
from runtime.numerics.elements import ElementType
from tests.e2e.single import Array, f32
from tests.e2e.written_decoders import HEADS, SIZE, VOCABULARY, WIDTH, chosen, written

DECODER = f"""<ir_version: 9, opset_import: ["": 17]>
decoder (
    int64[1, 1] input_ids, int64[1, length] encoder_attention_mask,
    float[1, {HEADS}, past, {SIZE}] past_key_self_0,
    float[1, {HEADS}, past, {SIZE}] past_value_self_0,
    float[1, {HEADS}, length, {SIZE}] past_key_cross_0,
    float[1, {HEADS}, length, {SIZE}] past_value_cross_0
) => (
    float[1, 1, {VOCABULARY}] logits,
    float[1, {HEADS}, total, {SIZE}] present_key_self_0,
    float[1, {HEADS}, total, {SIZE}] present_value_self_0
) {{
    x = Gather (embedding, input_ids)
    q = MatMul (x, wq)
    k = MatMul (x, wk)
    v = MatMul (x, wv)
    qh = Reshape (q, heads)
    kh = Reshape (k, heads)
    vh = Reshape (v, heads)
    present_key_self_0 = Concat <axis = 2> (past_key_self_0, kh)
    present_value_self_0 = Concat <axis = 2> (past_value_self_0, vh)
    kt = Transpose <perm = [0, 1, 3, 2]> (present_key_self_0)
    scores = MatMul (qh, kt)
    seen = Softmax <axis = -1> (scores)
    self = MatMul (seen, present_value_self_0)
    y = Add (qh, self)
    ct = Transpose <perm = [0, 1, 3, 2]> (past_key_cross_0)
    all_scores = MatMul (y, ct)
    floats = Cast <to = 1> (encoder_attention_mask)
    row = Unsqueeze (floats, axes)
    off = Sub (one, row)
    bias = Mul (off, least)
    cross_scores = Add (all_scores, bias)
    cross_seen = Softmax <axis = -1> (cross_scores)
    cross = MatMul (cross_seen, past_value_cross_0)
    z = Add (y, cross)
    flat = Reshape (z, rows)
    logits = MatMul (flat, head)
}}"""


def decoder() -> ModelProto:
    """One layer: a self-attention over the cache, an attention over what the encoder has read."""
    return written(
        DECODER,
        one=np.float32(1),
        axes=np.array([1, 2]),
        heads=np.array([1, HEADS, 1, SIZE]),
        rows=np.array([1, 1, WIDTH]),
    )


def inputs_of(past: int, length: int, hidden: int) -> dict[str, Array]:
    """A token behind `past` others; of what the encoder has read, the last are padding."""
    mask = np.ones((1, length), np.int64)
    mask[:, length - hidden :] = 0
    given = {"input_ids": np.array([[past % VOCABULARY]]), "encoder_attention_mask": mask}
    for seed, (kind, count) in enumerate((("self", past), ("cross", length))):
        for part in ("key", "value"):
            name = f"past_{part}_{kind}_0"
            given[name] = f32(1, HEADS, count, SIZE, seed=2 * seed + (part == "value"))
    return given


LENGTHS = [(0, 1, 0), (3, 9, 4), (17, 2, 0), (1, 50, 49)]
"""Tokens before, of the encoder, and how many of those are padding."""


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("encoder") / "decoder.onnx"
    onnx.save(decoder(), made)
    return made


@pytest.mark.parametrize("devices", [1, 2])
def test_both_lengths_are_free(devices: int, path: Path):
    program = lpuc.compile(path, precision="f32", devices=devices, max_context=64)
    judge = onnxruntime.InferenceSession(path)
    for lengths in LENGTHS:
        given = inputs_of(*lengths)
        want = judge.run(None, given)
        for have, right in zip(program.run(given).values(), want, strict=True):
            np.testing.assert_allclose(have, right, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("precision", ["f16", "bf16"])
def test_what_products_read_is_kept_as_they_read_it(precision: str, path: Path):
    """What the host rounds is what the device would have: the same numbers from rounded inputs."""
    compiled = compile_model(path, CompileOptions(precision=precision, max_context=64))
    ports = compiled.program.interface.inputs
    kept = {port.name: port.storage.value for port in ports if "cross" in port.name}
    assert kept == dict.fromkeys(("past_key_cross_0", "past_value_cross_0"), precision)
    given = inputs_of(3, 9, 2)
    short = {name: given[name].astype(ElementType(precision).dtype) for name in kept}
    again = {name: array.astype(np.float32) for name, array in short.items()}
    got, same = compiled.run(given), compiled.run(given | again)
    np.testing.assert_array_equal(got["logits"], same["logits"])
    want = onnxruntime.InferenceSession(path).run(None, given)
    np.testing.assert_allclose(got["logits"], want[0], atol=0.05)


def test_lengths_that_differ_are_refused(path: Path):
    program = lpuc.compile(path, precision="f32", max_context=64)
    given = inputs_of(3, 9, 0) | {"encoder_attention_mask": np.ones((1, 8), np.int64)}
    with pytest.raises(lpuc.Error, match="E"):
        program.run(given)


def test_the_length_may_be_fixed(path: Path):
    program = lpuc.compile(path, precision="f32", max_context=64, shape={"length": 9})
    want = onnxruntime.InferenceSession(path).run(None, inputs_of(3, 9, 2))
    got = program.run(inputs_of(3, 9, 2))
    np.testing.assert_allclose(got["logits"], want[0], rtol=2e-5, atol=2e-5)
    with pytest.raises(lpuc.Error, match="encoder"):
        program.run(inputs_of(3, 8, 0))


def by_hand(path: Path, given: dict[str, Array], prompt: list[int], count: int) -> list[int]:
    empty = {f"past_{part}_self_0": f32(1, HEADS, 0, SIZE) for part in ("key", "value")}
    return chosen(path, empty, lambda _: given, prompt, count)


def read(length: int, hidden: int) -> dict[str, Array]:
    """What the encoder has read alone."""
    return {n: a for n, a in inputs_of(0, length, hidden).items() if "enc" in n or "cross" in n}


@pytest.mark.parametrize("devices", [1, 2])
def test_tokens_are_chosen_in_sight_of_what_was_read(
    devices: int, path: Path, monkeypatch: pytest.MonkeyPatch
):
    """By the loop on the device: that on the host is not there."""
    monkeypatch.delattr("runtime.generation.host.tokens_of")
    program = lpuc.compile(path, precision="f32", devices=devices, max_context=64)
    found = set[tuple[int, ...]]()
    for length, hidden in ((9, 4), (2, 0), (30, 1)):
        given = read(length, hidden)
        tokens = list(program.generate([3, 7], max_new_tokens=12, inputs=given))
        assert tokens == by_hand(path, given, [3, 7], 12)
        found.add(tuple(tokens))
    assert len(found) > 1, "texts do not depend on what was read"


def test_a_session_has_what_was_read_for_each_step(path: Path):
    program, given = lpuc.compile(path, precision="f32", max_context=64), read(9, 4)
    with program.session(given) as session:
        rows = np.concatenate([session.step([3, 7]), session.step([11])])
        session.reset()
        again = session.step([3, 7, 11])
    np.testing.assert_array_equal(rows, again)
    assert [int(rows[1].argmax())] == by_hand(path, given, [3, 7], 1)


def test_the_command_takes_what_was_read(path: Path, capsys: pytest.CaptureFixture[str]):
    given, file = read(9, 4), path.with_name("read.npz")
    np.savez(file, allow_pickle=False, **given)
    words = ["generate", str(path), "--tokens", "3,7", "-n", "5", "--precision", "f32"]
    assert invoke([*words, "--max-context", "64", "--inputs", str(file)]) == 0
    printed = capsys.readouterr().out.split()
    assert [int(word) for word in printed] == by_hand(path, given, [3, 7], 5)
    assert invoke([*words, "--max-context", "64"]) == 1
    assert "the input 'encoder_attention_mask' is missing" in capsys.readouterr().err


def test_bench_measures_text_alone(path: Path, capsys: pytest.CaptureFixture[str]):
    assert invoke(["bench", str(path), "--precision", "f32", "--max-context", "64"]) == 1
    assert "has an input 'encoder_attention_mask'" in capsys.readouterr().err


def test_verify_draws_both_lengths(path: Path, capsys: pytest.CaptureFixture[str]):
    assert invoke(["verify", str(path), "--precision", "f32", "--max-context", "64"]) == 0
    out = capsys.readouterr().out
    assert "generate greedy" in out
    assert "left out" not in out


def _profile(path: Path, capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    assert invoke(["profile", str(path), "--json", *words]) == 0
    out, err = capsys.readouterr()
    assert not err
    return json.loads(out)


def test_a_profile_is_of_a_length_and_its_floor_too(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Products by hand: of the token, with the cache and itself, with what the encoder has read."""
    found = _profile(path, capsys, "--context", "3", "--symbol", "E=9")
    assert found["symbols"] == {"P": 3, "E": 9}
    token = 3 * WIDTH * WIDTH + WIDTH * VOCABULARY
    assert found["floor"]["macs"] == token + 2 * HEADS * SIZE * (3 + 1 + 9)
    weights = 2 * (token + WIDTH + len(("one", "least")))
    assert found["floor"]["bytes"] == weights + 2 * 2 * HEADS * SIZE * (3 + 1 + 9)
    assert found["floor"]["ratio"] > 1
    assert sorted(map(int, found["curve"]))[:2] == [0, 32]


def test_a_profile_is_of_as_much_as_fits(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("--max-context", "40")
    assert _profile(path, capsys, *words)["symbols"] == {"P": 39, "E": 2048}
    assert _profile(path, capsys, *words, "--symbol", "P=5")["symbols"] == {"P": 5, "E": 2048}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("F=9", "--symbol: expected one of P, E, got 'F'"),
        ("E=2049", "--symbol E: expected a whole number, 1 to 2048, got 2049"),
        ("E=x", "'E=x' is not NAME=INT"),
    ],
)
def test_a_symbol_of_a_profile_that_is_none_is_refused(
    given: str, message: str, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert invoke(["profile", str(path), "--symbol", given]) == 2
    assert message in capsys.readouterr().err
