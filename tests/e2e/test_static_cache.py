"""Caches of fixed extents, into which each token is written at its position."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import ModelProto

import lpuc
from lpuc.cli import invoke
from tests.e2e.written_decoders import HEADS, SIZE, VOCABULARY, WIDTH, chosen, written

ROOM = 16

DECODER = f"""<ir_version: 9, opset_import: ["": 18]>
decoder (
    int64[1, 1] input_ids, int64[1] cache_position,
    float[1, {HEADS}, {ROOM}, {SIZE}] past_key_0, float[1, {HEADS}, {ROOM}, {SIZE}] past_value_0
) => (
    float[1, 1, {VOCABULARY}] logits,
    float[1, {HEADS}, {ROOM}, {SIZE}] present_key_0,
    float[1, {HEADS}, {ROOM}, {SIZE}] present_value_0
) {{
    x = Gather (embedding, input_ids)
    q = MatMul (x, wq)
    k = MatMul (x, wk)
    v = MatMul (x, wv)
    qh = Reshape (q, heads)
    kh = Reshape (k, rows_of_cache)
    vh = Reshape (v, rows_of_cache)
    index = Unsqueeze (cache_position, last)
    keys = Transpose <perm = [2, 0, 1, 3]> (past_key_0)
    values = Transpose <perm = [2, 0, 1, 3]> (past_value_0)
    new_keys = ScatterND (keys, index, kh)
    new_values = ScatterND (values, index, vh)
    present_key_0 = Transpose <perm = [1, 2, 0, 3]> (new_keys)
    present_value_0 = Transpose <perm = [1, 2, 0, 3]> (new_values)
    kt = Transpose <perm = [0, 1, 3, 2]> (present_key_0)
    scores = MatMul (qh, kt)
    is_seen = LessOrEqual (places, cache_position)
    seen_scores = Where (is_seen, scores, least)
    weights = Softmax <axis = -1> (seen_scores)
    self = MatMul (weights, present_value_0)
    y = Add (qh, self)
    flat = Reshape (y, row)
    logits = MatMul (flat, head)
}}"""


def decoder() -> ModelProto:
    """One layer whose cache has room for so many tokens, and a mask from where the token is."""
    return written(
        DECODER,
        last=np.array([-1]),
        heads=np.array([1, HEADS, 1, SIZE]),
        rows_of_cache=np.array([1, 1, HEADS, SIZE]),
        places=np.arange(ROOM).reshape(1, 1, 1, ROOM),
        row=np.array([1, 1, WIDTH]),
    )


def by_hand(path: Path, prompt: list[int], count: int) -> list[int]:
    empty = dict.fromkeys(
        ("past_key_0", "past_value_0"), np.zeros((1, HEADS, ROOM, SIZE), np.float32)
    )
    return chosen(path, empty, lambda past: {"cache_position": np.array([past])}, prompt, count)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("static") / "decoder.onnx"
    onnx.save(decoder(), made)
    return made


@pytest.mark.parametrize("devices", [1, 2])
def test_positions_count_the_tokens(devices: int, path: Path):
    program = lpuc.compile(path, precision="f32", devices=devices)
    new = ROOM - 2
    assert list(program.generate([3, 7], max_new_tokens=new)) == by_hand(path, [3, 7], new)


def test_a_session_goes_on_behind_what_was_fed(path: Path):
    program = lpuc.compile(path, precision="f32")
    with program.session() as session:
        session.step([3])
        assert [int(session.step([7])[0].argmax())] == by_hand(path, [3, 7], 1)


def test_more_tokens_than_the_cache_has_room_for_are_refused(path: Path):
    program = lpuc.compile(path, precision="f32")
    with pytest.raises(lpuc.Error, match=f"index {ROOM} is outside"):
        list(program.generate([3, 7], max_new_tokens=ROOM))


def test_verify_generates(path: Path, capsys: pytest.CaptureFixture[str]):
    assert invoke(["verify", str(path), "--precision", "f32"]) == 0
    assert "generate greedy" in capsys.readouterr().out
