"""Attention and positions that ONNX Runtime does not run are refused by the compiler."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.e2e.decoder_nodes import HEADS, PASTS, TABLES, attention, grouped
from tests.e2e.single import MICROSOFT, Inputs, assert_refused, f32, i32, i64

REFUSED: dict[str, tuple[str, Inputs, dict[str, Any], str]] = {
    "heads that do not divide": (
        "Attention",
        {"q": f32(1, 3, 2, 4), "k": f32(1, 2, 2, 4), "v": f32(1, 2, 2, 4)},
        {"opset": 23},
        "3 query heads are no multiple of 2",
    ),
    "a table too narrow": (
        "RotaryEmbedding",
        {"x": f32(1, 2, 3, 8), "c": f32(1, 3, 2), "s": f32(1, 3, 2)},
        {"opset": 23},
        "rotate 4 of 8 channels",
    ),
    "a negative count": (
        "Attention",
        {"q": f32(1, 2, 2, 4), "k": f32(1, 2, 2, 4), "v": f32(1, 2, 2, 4)},
        {"opset": 23, "q_num_heads": -1},
        "q_num_heads is -1, expected a count",
    ),
    "heads that rank 4 contradicts": (
        "Attention",
        attention(),
        {"opset": 23, "q_num_heads": 4},
        "number of heads of 'Q' is 2, expected 4",
    ),
    "a mask for one query": (
        "Attention",
        attention(mask=f32(1, 4)),
        {"opset": 23},
        r"the mask without batch and heads is \[1, 4\], expected \[3, 4\]",
    ),
    "a mask without queries": ("Attention", attention(mask=f32(4)), {"opset": 23}, "rank 1"),
    "a mask that lacks a key": ("Attention", attention(mask=f32(3, 3)), {"opset": 23}, "expected"),
    "a mask of integers": (
        "Attention",
        attention(mask=i32(*[1] * 12).reshape(3, 4)),
        {"opset": 23},
        "a mask of integers",
    ),
    "no queries": ("Attention", {**attention(), "q": f32(1, 2, 0, 8)}, {"opset": 23}, "'Q' has no"),
    "a scale without a root": (
        "Attention",
        attention(),
        {"opset": 23, "scale": -1.0},
        "a scale of 0 or below",
    ),
    "a scale of nothing": (
        "Attention",
        attention(),
        {"opset": 23, "scale": 0.0},
        "a scale of 0 or below",
    ),
    "a cache that nothing continues": (
        "GroupQueryAttention",
        grouped(),
        {**HEADS, "outputs": 1},
        "a past without present_key",
    ),
    "values of another type": (
        "Attention",
        {**attention(), "v": f32(1, 2, 4, 8).astype(np.float16)},
        {"opset": 23},
        "another element type than Q",
    ),
    "a past that nothing continues": (
        "Attention",
        attention(**PASTS),
        {"opset": 23},
        "a past without present_key",
    ),
    "one present": (
        "Attention",
        attention(**PASTS),
        {"opset": 23, "outputs": 2},
        "present_key and present_value come together",
    ),
    "a past and lengths": (
        "Attention",
        attention(**PASTS, lengths=i64(4)),
        {"opset": 24, "outputs": 3},
        "nonpad_kv_seqlen together with a past",
    ),
    "a stacked past that nothing continues": (
        "Attention",
        {"x": f32(1, 3, 8), "w": f32(8, 24), "b": f32(24), "m": None, "past": f32(2, 1, 2, 4, 4)},
        {"domain": MICROSOFT, "num_heads": 2},
        "a past without present",
    ),
    "tables wider than what is rotated": (
        "RotaryEmbedding",
        {"x": f32(1, 2, 3, 12), "c": f32(1, 3, 6), "s": f32(1, 3, 6)},
        {"opset": 23, "rotary_embedding_dim": 8},
        "number of angles in the tables is 6, expected 4",
    ),
    "heads that nobody counts": (
        "RotaryEmbedding",
        {"x": f32(1, 3, 16), "c": f32(1, 3, 4), "s": f32(1, 3, 4)},
        {"opset": 23, "num_heads": 0},
        "num_heads is 0",
    ),
    "a part of uncounted heads": (
        "RotaryEmbedding",
        {"x": f32(1, 2, 3, 12), "p": i64(0, 1, 2).reshape(1, 3), **TABLES},
        {"domain": MICROSOFT, "rotary_embedding_dim": 8},
        "rotary_embedding_dim needs num_heads",
    ),
    "one cache": (
        "GroupQueryAttention",
        grouped(),
        {**HEADS, "outputs": 2},
        "present_key and present_value come together",
    ),
    "scores that are not asked for": (
        "GroupQueryAttention",
        grouped(),
        {**HEADS, "outputs": 4},
        "qk_output and its result come together",
    ),
    "scores that are not shown": (
        "GroupQueryAttention",
        grouped(),
        {**HEADS, "qk_output": 1},
        "qk_output and its result come together",
    ),
    "one table": (
        "GroupQueryAttention",
        grouped(cos=f32(9, 8)),
        HEADS,
        "cos_cache and sin_cache come together",
    ),
    "a window below none": (
        "GroupQueryAttention",
        grouped(),
        {**HEADS, "local_window_size": -(1 << 63)},
        "local_window_size is -9223372036854775808",
    ),
    "a bias for one key": (
        "GroupQueryAttention",
        grouped(positions=i64(4).reshape(1, 1), bias=f32(1, 2, 1, 1)),
        HEADS,
        "without batch and heads",
    ),
    "a total that is known and wrong": (
        "GroupQueryAttention",
        grouped(total=7),
        {**HEADS, "constants": ("t",)},
        "total_sequence_length is 7, cache and new tokens are 5",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_invalid_attention_is_refused_by_name(name: str, tmp_path: Path):
    assert_refused(tmp_path, *REFUSED[name])
