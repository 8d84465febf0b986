"""Numbers that only data tells trap at the node where they are out of range, and not before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from runtime.traps import Trap, TrapKind
from tests.e2e.decoder_nodes import EMBEDDINGS, HEADS, TABLES, attention, grouped
from tests.e2e.single import MICROSOFT, Case, Inputs, assert_same, f32, i32, i64

ROTATED = f32(1, 2, 3, 8)
TRAPS: dict[str, tuple[str, Inputs, dict[str, Any]]] = {
    "a position below zero": (
        "RotaryEmbedding",
        {"x": ROTATED, **TABLES, "p": i64(0, -1, 2).reshape(1, 3)},
        {"opset": 23},
    ),
    "a position below zero in the other domain": (
        "RotaryEmbedding",
        {"x": ROTATED, "p": i64(0, -1, 2).reshape(1, 3), **TABLES},
        {"domain": MICROSOFT},
    ),
    "a first position below zero": (
        "RotaryEmbedding",
        {"x": ROTATED, "p": i64(-1), **TABLES},
        {"domain": MICROSOFT},
    ),
    "a length below zero": (
        "Attention",
        attention(lengths=i64(-1)),
        {"opset": 24},
    ),
    "a length beyond the keys": (
        "Attention",
        attention(lengths=i64(5)),
        {"opset": 24},
    ),
    "no valid token": ("GroupQueryAttention", grouped(valid=0), HEADS),
    "more valid tokens than there are": ("GroupQueryAttention", grouped(valid=6), HEADS),
    "a prompt longer than itself": (
        "GroupQueryAttention",
        grouped(valid=4, total=3, past=0, new=3),
        HEADS,
    ),
    "one token that is two": ("GroupQueryAttention", grouped(valid=2, total=1, past=0), HEADS),
    "a total of nothing": ("GroupQueryAttention", grouped(total=0), HEADS),
    "a total below the cache": ("GroupQueryAttention", grouped(total=4), HEADS),
    "a total above the cache": ("GroupQueryAttention", grouped(total=7), HEADS),
    "a sequence below zero": (
        "ReverseSequence",
        {"x": f32(3, 2), "n": i64(2, -1)},
        {"time_axis": 0, "batch_axis": 1},
    ),
    "a sequence beyond the end": (
        "ReverseSequence",
        {"x": f32(3, 2), "n": i64(2, 4)},
        {"time_axis": 0, "batch_axis": 1},
    ),
    "a token below zero": (
        "EmbedLayerNormalization",
        {**EMBEDDINGS, "ids": i32(1, -1, 0).reshape(1, 3)},
        {"domain": MICROSOFT, "outputs": 2},
    ),
}


@pytest.mark.parametrize("name", TRAPS)
def test_a_number_out_of_range_traps_at_the_node(name: str, tmp_path: Path):
    op, inputs, options = TRAPS[name]
    case = Case(tmp_path, op, inputs, **options)
    with pytest.raises(Exception, match=r"out of|range|sequence|position_ids"):
        case.reference()
    with pytest.raises(Trap, match=f"{op}_0") as trapped:
        case.ours()
    assert trapped.value.kind is TrapKind.INDEX


def test_rows_behind_a_static_cache_trap(tmp_path: Path):
    inputs = {"c": f32(2, 4, 1), "u": f32(2, 2, 1), "w": i64(2, 3)}
    case = Case(tmp_path, "TensorScatter", inputs, opset=24, axis=1)
    with pytest.raises(Trap, match="index"):
        case.ours()


RIGHT: dict[str, tuple[str, Inputs, dict[str, Any]]] = {
    "no key before the last": ("GroupQueryAttention", grouped(), {**HEADS, "local_window_size": 0}),
    "a half empty cache": ("GroupQueryAttention", grouped(valid=3), HEADS),
    "a padded prompt": (
        "GroupQueryAttention",
        grouped(valid=2, total=3, past=0, new=3),
        HEADS,
    ),
    "an odd power above 24 bits": ("Pow", {"x": f32(4), "e": i64(2**31 + 1)}, {}),
    "a power that f64 makes even": ("Pow", {"x": f32(4), "e": i64(2**62 - 1)}, {}),
    "sequences of every length": (
        "ReverseSequence",
        {"x": f32(3, 4), "n": i64(0, 1, 2, 3)},
        {"time_axis": 0, "batch_axis": 1},
    ),
    "one axis without a list": (
        "Unsqueeze",
        {"x": f32(3), "a": np.array(0)},
        {"constants": ("a",)},
    ),
}


@pytest.mark.parametrize("name", RIGHT)
def test_what_lies_just_within_range_is_right(name: str, tmp_path: Path):
    op, inputs, options = RIGHT[name]
    case = Case(tmp_path, op, inputs, **options)
    assert_same(case.ours(), case.reference())
