"""What ONNX Runtime does not run is refused by the compiler, or traps where only data tells."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dialects.errors import CompileError
from runtime.traps import Trap, TrapKind
from tests.e2e.single import MICROSOFT, Array, Case, assert_same, f32, i64

Inputs = Mapping[str, Array | None]


def i32(*values: int) -> Array:
    return np.array(values, np.int32)


def attention(**others: Array | None) -> dict[str, Array | None]:
    """Two heads, three queries over four keys."""
    names = ("mask", "past_k", "past_v", "lengths")
    qkv = {"q": f32(1, 2, 3, 8), "k": f32(1, 2, 4, 8), "v": f32(1, 2, 4, 8, seed=1)}
    return {**qkv, **{name: others.get(name) for name in names}}


PASTS: dict[str, Array | None] = {"past_k": f32(1, 2, 5, 8), "past_v": f32(1, 2, 5, 8, seed=2)}


def grouped(valid: int = 5, total: int = 5, past: int = 4, new: int = 1, **others: Array) -> Inputs:
    """Two heads over one; `valid` tokens of which `new` are new."""
    queries = {"q": f32(1, new, 32), "k": f32(1, new, 16), "v": f32(1, new, 16, seed=1)}
    cache = {"pk": f32(1, 1, past, 16), "pv": f32(1, 1, past, 16, seed=2)}
    counts = {"n": i32(valid - 1), "t": np.array(total, np.int32)}
    return {**queries, **cache, **counts, "cos": None, "sin": None, **others}


HEADS: dict[str, Any] = {
    "domain": MICROSOFT,
    "outputs": 3,
    "num_heads": 2,
    "kv_num_heads": 1,
}
TABLES = {"cos": f32(9, 4), "sin": f32(9, 4, seed=1)}
EMBEDDINGS: dict[str, Array | None] = {
    "ids": i32(1, 2, 0).reshape(1, 3),
    "segments": i32(0, 1, 1).reshape(1, 3),
    "words": f32(4, 8),
    "positions": f32(5, 8, seed=1),
    "kinds": f32(2, 8, seed=2),
    "gamma": f32(8),
    "beta": f32(8, seed=3),
}
BLOCKS: dict[str, Array | None] = {
    "a": f32(2, 32),
    "b": np.arange(3 * 2 * 8, dtype=np.uint8).reshape(3, 2, 8),
    "scales": abs(f32(6)),
}
BITS: dict[str, Any] = {"domain": MICROSOFT, "K": 32, "N": 3, "bits": 4, "block_size": 16}

REFUSED: dict[str, tuple[str, Inputs, dict[str, Any], str]] = {
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
    "bounds that cross": ("Clip", {"x": f32(2)}, {"opset": 9, "min": 2.0, "max": 1.0}, "above max"),
    "a cast that wraps": ("Cast", {"x": f32(2)}, {"to": 6, "saturate": 0}, "saturate other than 1"),
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
    "a type that is none": ("Cast", {"x": f32(2)}, {"to": 0}, "undefined"),
    "a curve without width": ("Celu", {"x": f32(2)}, {"alpha": 0.0}, "an alpha of 0"),
    "floats and the remainder of integers": ("Mod", {"x": f32(2), "y": f32(2)}, {}, "fmod"),
    "a fraction of integers": (
        "Shrink",
        {"x": i32(1, 2)},
        {"lambd": 0.5},
        "fractions of integers",
    ),
    "rows of nothing": ("Gather", {"x": f32(0, 3), "i": i64(0)}, {}, "no elements to look up"),
    "a label without an axis": (
        "OneHot",
        {"i": np.array(1), "d": i64(3), "v": f32(2)},
        {"constants": ("d",)},
        "indices of rank 0",
    ),
    "an extent beside one of 0": (
        "Reshape",
        {"x": f32(0, 3), "s": i64(0, -1)},
        {"constants": ("s",)},
        "beside an extent of 0",
    ),
    "no axis to squeeze": (
        "Squeeze",
        {"x": f32(1, 3), "a": i64()},
        {"constants": ("a",)},
        "'axes' is empty",
    ),
    "an order that counts from the end": (
        "Transpose",
        {"x": f32(2, 3)},
        {"perm": [-1, 0]},
        "does not name every axis once",
    ),
    "starts without a list": (
        "Slice",
        {"x": f32(3), "s": np.array(1), "e": i64(2)},
        {"constants": ("s", "e")},
        "'starts' has rank 0, expected a list",
    ),
    "axes without a list": (
        "ReduceMean",
        {"x": f32(3), "a": np.array(0)},
        {"constants": ("a",)},
        "'axes' has rank 0, expected a list",
    ),
    "sizes and their number": (
        "Split",
        {"x": f32(4), "s": i64(1, 3)},
        {"outputs": 2, "constants": ("s",), "num_outputs": 2},
        "the sizes and num_outputs are given",
    ),
    "parts of no number": ("Split", {"x": f32(4)}, {"outputs": 2}, "neither the sizes"),
    "more parts than results": (
        "Split",
        {"x": f32(4)},
        {"outputs": 2, "num_outputs": 3},
        "num_outputs is 3 for 2 results",
    ),
    "fewer results than sizes": (
        "Split",
        {"x": f32(4), "s": i64(1, 1, 2)},
        {"outputs": 2, "constants": ("s",)},
        "3 sizes for 2 results",
    ),
    "uneven parts of old": ("Split", {"x": f32(5)}, {"outputs": 2, "opset": 13}, "2 equal parts"),
    "parts of less than nothing": (
        "Split",
        {"x": f32(1)},
        {"outputs": 3, "num_outputs": 3},
        "1 elements do not fill 3 parts",
    ),
    "a border of two values": (
        "Pad",
        {"x": f32(3), "p": i64(1, 1), "v": f32(2)},
        {"constants": ("p",)},
        "'constant_value'",
    ),
    "a cut that is put back": (
        "Pad",
        {"x": f32(3), "p": i64(-4, 5)},
        {"constants": ("p",)},
        "cut off more than axis 0 has",
    ),
    "a list of ratios": ("Dropout", {"x": f32(3), "r": f32(1)}, {"constants": ("r",)}, "'ratio'"),
    "the old mask": ("Dropout", {"x": f32(3)}, {"outputs": 2, "opset": 7}, "output 1"),
    "bounds with an axis": (
        "Range",
        {"a": i64(1), "b": np.array(4), "c": np.array(1)},
        {"constants": ("a", "b", "c")},
        "rank 1, expected 0",
    ),
    "integers of a logarithm": ("ReduceLogSumExp", {"x": i32(1, 2)}, {}, "of integers"),
    "none of the largest": ("TopK", {"x": f32(3)}, {"outputs": 2, "opset": 9, "k": 0}, "k is 0"),
    "a scale of another type": (
        "RMSNormalization",
        {"x": f32(2, 3), "s": f32(3).astype(np.float16)},
        {"opset": 23},
        "a scale of another element type",
    ),
    "less than nothing below the root": (
        "SkipLayerNormalization",
        {"x": f32(1, 2, 3), "s": f32(1, 2, 3), "g": f32(3)},
        {"domain": MICROSOFT, "epsilon": -1.0},
        "epsilon is -1.0",
    ),
    "segments without a table": (
        "EmbedLayerNormalization",
        {**EMBEDDINGS, "kinds": None},
        {"domain": MICROSOFT, "outputs": 2},
        "segment_ids and segment_embedding come together",
    ),
    "embeddings without their lengths": (
        "EmbedLayerNormalization",
        EMBEDDINGS,
        {"domain": MICROSOFT},
        "'mask_index' is missing",
    ),
    "scales in a cube": (
        "MatMulNBits",
        {**BLOCKS, "scales": f32(3, 2, 1)},
        {**BITS, "constants": ("b", "scales")},
        "the shape of 'scales'",
    ),
    "fractions to subtract from bytes": (
        "MatMulNBits",
        {**BLOCKS, "b": np.zeros((3, 2, 16), np.uint8), "points": f32(6)},
        {**BITS, "bits": 8, "constants": ("b", "scales", "points")},
        "zero points of 8 bits that are not u8",
    ),
    "two types at once": (
        "QuantizeLinear",
        {"x": f32(3), "s": np.array(0.5, np.float32), "z": np.array(3, np.int8)},
        {"opset": 23, "output_dtype": 2},
        "output_dtype that the zero point does not have",
    ),
    "a precision that is none": (
        "QuantizeLinear",
        {"x": f32(3), "s": np.array(0.5, np.float32), "z": np.array(3, np.int8)},
        {"opset": 23, "precision": 7},
        "precision other than 0, 1",
    ),
    "an image of nothing": ("GlobalMaxPool", {"x": f32(1, 2, 0, 3)}, {}, "without elements"),
    "a row larger than registers count": (
        "ConstantOfShape",
        {"s": i64((1 << 31) + 1)},
        {"constants": ("s",)},
        "2147483649 elements in a row",
    ),
    "a result larger than the memory": (
        "Expand",
        {"x": f32(12, 1), "s": i64(12, 1 << 31)},
        {"constants": ("s",)},
        "bytes of HBM",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_an_invalid_node_is_refused_by_name(name: str, tmp_path: Path):
    op, inputs, options, message = REFUSED[name]
    case = Case(tmp_path, op, inputs, **options)
    with pytest.raises(CompileError, match=message) as caught:
        case.ours()
    assert caught.value.node == f"{op}_0"


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
