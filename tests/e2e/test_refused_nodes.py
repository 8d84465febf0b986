"""Nodes that ONNX Runtime does not run are refused by the compiler."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.e2e.decoder_nodes import EMBEDDINGS
from tests.e2e.single import MICROSOFT, Array, Inputs, assert_refused, f32, i32, i64

BLOCKS: dict[str, Array | None] = {
    "a": f32(2, 32),
    "b": np.arange(3 * 2 * 8, dtype=np.uint8).reshape(3, 2, 8),
    "scales": abs(f32(6)),
}
BITS: dict[str, Any] = {"domain": MICROSOFT, "K": 32, "N": 3, "bits": 4, "block_size": 16}

REFUSED: dict[str, tuple[str, Inputs, dict[str, Any], str]] = {
    "an axis beyond the rank": (
        "Softmax",
        {"x": f32(2, 3)},
        {"axis": 2},
        "axis 2 is outside of rank 2",
    ),
    "an axis twice": ("Transpose", {"x": f32(2, 3)}, {"perm": [0, 0]}, "name every axis once"),
    "a flag that is none": ("ReduceMax", {"x": f32(2)}, {"keepdims": 2}, "expected 0 or 1"),
    "a rank": ("Gemm", {"a": f32(2, 3, 4), "b": f32(4, 2)}, {}, "rank 3, expected 2"),
    "a bias that widens": (
        "Gemm",
        {"a": f32(2, 3), "b": f32(3, 2), "c": f32(1, 2, 2)},
        {},
        "expected",
    ),
    "a scale that fits no axis": (
        "LayerNormalization",
        {"x": f32(2, 3), "s": f32(2)},
        {},
        "broadcast",
    ),
    "too few indices": ("GatherElements", {"x": f32(2, 3), "i": i64(0, 1)}, {}, "differ in rank"),
    "sizes that do not sum up": (
        "Split",
        {"x": f32(4), "s": i64(1, 2)},
        {"outputs": 2, "constants": ("s",)},
        "expected 4",
    ),
    "a shape of rank 2": (
        "Reshape",
        {"x": f32(4), "s": i64(2, 2).reshape(1, 2)},
        {"constants": ("s",)},
        "expected a list",
    ),
    "k above the extent": (
        "TopK",
        {"x": f32(3), "k": i64(4)},
        {"outputs": 2, "constants": ("k",)},
        "K is 4 of 3",
    ),
    "a slope that widens": ("PRelu", {"x": f32(3), "s": f32(2, 3)}, {}, "slope"),
    "an unknown mode": (
        "Gelu",
        {"x": f32(3)},
        {"approximate": "cubic"},
        "approximate other than none, tanh",
    ),
    "a flag that nothing reads": ("Cast", {"x": f32(2)}, {"to": 1, "saturate": 2}, "saturate is 2"),
    "a negative extent": (
        "Expand",
        {"x": f32(1), "s": i64(-3)},
        {"constants": ("s",)},
        "'shape' holds -3, below zero",
    ),
    "a negative repeat": (
        "Tile",
        {"x": f32(2), "r": i64(-1)},
        {"constants": ("r",)},
        "'repeats' holds -1, below zero",
    ),
    "a result that no machine holds": (
        "Tile",
        {"x": f32(2), "r": i64(1 << 40)},
        {"constants": ("r",)},
        "more than any machine has",
    ),
    "a diagonal of other extents": (
        "Einsum",
        {"a": f32(1, 3)},
        {"equation": "ii->i"},
        "expected 1",
    ),
    "labels of other extents": (
        "Einsum",
        {"a": f32(2, 3), "b": f32(2, 4)},
        {"equation": "ij,ij->i"},
        "expected 3",
    ),
    "bounds that cross": ("Clip", {"x": f32(2)}, {"opset": 9, "min": 2.0, "max": 1.0}, "above max"),
    "a cast that wraps": ("Cast", {"x": f32(2)}, {"to": 6, "saturate": 0}, "saturate other than 1"),
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
    assert_refused(tmp_path, *REFUSED[name])
