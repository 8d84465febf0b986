"""Single operators through the whole compiler, against ONNX Runtime and numbers by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.e2e.single import MICROSOFT, Array, Case, assert_same, f32, i64

AGAINST_RUNTIME: dict[str, tuple[str, dict[str, Array | None], dict[str, Any]]] = {
    "slice backwards to the very start": (
        "Slice",
        {"x": f32(3, 5), "s": i64(-1), "e": i64(-(2**63)), "a": i64(1), "t": i64(-2)},
        {"constants": ("s", "e", "a", "t")},
    ),
    "slice backwards to the second element": (
        "Slice",
        {"x": f32(7), "s": i64(20), "e": i64(1), "a": i64(0), "t": i64(-3)},
        {"constants": ("s", "e", "a", "t")},
    ),
    "slice backwards from in front of the first": (
        "Slice",
        {"x": f32(3, 2), "s": i64(-4), "e": i64(-(2**63)), "a": i64(0), "t": i64(-1)},
        {"constants": ("s", "e", "a", "t")},
    ),
    "pad with the edge": (
        "Pad",
        {"x": f32(2, 3), "p": i64(1, 2, 3, 0)},
        {"constants": ("p",), "mode": "edge"},
    ),
    "pad with the mirror image": (
        "Pad",
        {"x": f32(4, 5), "p": i64(3, 0, 1, 2)},
        {"constants": ("p",), "mode": "reflect"},
    ),
    "pad with itself": (
        "Pad",
        {"x": f32(4, 5), "p": i64(3, 0, 1, 2)},
        {"constants": ("p",), "mode": "wrap"},
    ),
    "range of floats downwards": (
        "Range",
        {
            "s": np.array(2.5, np.float32),
            "l": np.array(-1, np.float32),
            "d": np.array(-0.75, np.float32),
        },
        {"constants": ("s", "l", "d")},
    ),
    "attention scores": (
        "Einsum",
        {"q": f32(1, 2, 3, 4), "k": f32(1, 2, 5, 4)},
        {"equation": "bhqd,bhkd->bhqk"},
    ),
    "keys of one head": (
        "Einsum",
        {"q": f32(2, 3, 2, 4), "k": f32(2, 1, 5, 4)},
        {"equation": "bhqd,bhkd->bhqk"},
    ),
    "a sum over an axis that one operand repeats": (
        "Einsum",
        {"a": f32(1, 3), "b": f32(5, 3)},
        {"equation": "ij,ij->j"},
    ),
    "an axis of one that the result repeats": (
        "Einsum",
        {"a": f32(1, 3), "b": f32(4, 1)},
        {"equation": "ij,ij->ji"},
    ),
    "a product of three": (
        "Einsum",
        {"a": f32(2, 3), "b": f32(3, 4), "c": f32(4)},
        {"equation": "ij,jk,k->i"},
    ),
    "a trace": ("Einsum", {"a": f32(3, 3)}, {"equation": "ii->"}),
    "a diagonal with batches": ("Einsum", {"a": f32(2, 3, 3)}, {"equation": "...ii->...i"}),
    "batches that broadcast": (
        "Einsum",
        {"a": f32(5, 1, 2, 3), "b": f32(1, 4, 3, 2)},
        {"equation": "...ij,...jk->...ik"},
    ),
    "an implied result": ("Einsum", {"a": f32(2, 3), "b": f32(2, 4)}, {"equation": "zb,za"}),
    "running sums from the end": (
        "CumSum",
        {"x": f32(2, 5), "a": np.array(1, np.int32)},
        {"constants": ("a",), "reverse": 1, "exclusive": 1},
    ),
    "hardmax of old": ("Hardmax", {"x": f32(2, 3, 4)}, {"opset": 11, "axis": 1}),
    "hardmax": ("Hardmax", {"x": f32(2, 3, 4)}, {"axis": 1}),
    "l1 norm": ("LpNormalization", {"x": f32(2, 3)}, {"p": 1, "axis": 0}),
    "batch norm": (
        "BatchNormalization",
        {
            "x": f32(2, 3, 4),
            "s": f32(3),
            "b": f32(3, seed=1),
            "m": f32(3, seed=2),
            "v": abs(f32(3, seed=3)),
        },
        {},
    ),
    "instance norm": (
        "InstanceNormalization",
        {"x": f32(2, 3, 4, 5), "s": f32(3), "b": f32(3)},
        {},
    ),
    "global average": ("GlobalAveragePool", {"x": f32(2, 3, 4, 5)}, {}),
    "eye": ("EyeLike", {"x": f32(3, 4)}, {"k": -1}),
    "reversed sequences": (
        "ReverseSequence",
        {"x": f32(4, 3, 2), "l": i64(4, 1, 2)},
        {"time_axis": 0, "batch_axis": 1},
    ),
    "arc tangent": ("Atan", {"x": np.linspace(-9, 9, 101, dtype=np.float32)}, {}),
    "arc sine": ("Asin", {"x": np.linspace(-1, 1, 101, dtype=np.float32)}, {}),
    "arc cosine": ("Acos", {"x": np.linspace(-1, 1, 101, dtype=np.float32)}, {}),
    "hyperbolic sine": ("Sinh", {"x": np.linspace(-3, 3, 101, dtype=np.float32)}, {}),
    "its inverse": ("Asinh", {"x": np.linspace(-3, 3, 101, dtype=np.float32)}, {}),
    "inverse hyperbolic tangent": (
        "Atanh",
        {"x": np.linspace(-0.9, 0.9, 91, dtype=np.float32)},
        {},
    ),
    "weights of channels": (
        "DequantizeLinear",
        {
            "x": np.arange(-6, 6, dtype=np.int8).reshape(2, 6),
            "s": abs(f32(6)),
            "z": np.arange(6, dtype=np.int8),
        },
        {"constants": ("x", "s", "z"), "opset": 13},
    ),
    "a bias that ONNX Runtime's tools quantise": (
        "DequantizeLinear",
        {"x": np.arange(6, dtype=np.int32), "s": abs(f32(1)), "z": np.array(0, np.int32)},
        {"constants": ("x", "s", "z"), "opset": 18},
    ),
    "weights of blocks": (
        "DequantizeLinear",
        {"x": np.arange(24, dtype=np.uint8).reshape(2, 12), "s": abs(f32(2, 3)), "z": None},
        {"constants": ("x", "s"), "axis": 1, "block_size": 4},
    ),
    "to integers": (
        "QuantizeLinear",
        {"x": f32(3, 4) * 100, "s": np.array(0.5, np.float32), "z": np.array(3, np.uint8)},
        {"constants": ("s", "z")},
    ),
    "gelu of an optimiser": ("Gelu", {"x": f32(3, 5) * 2}, {"domain": MICROSOFT}),
    "gelu with a bias": ("BiasGelu", {"x": f32(2, 3, 5), "b": f32(5)}, {"domain": MICROSOFT}),
    "quick gelu": ("QuickGelu", {"x": f32(3, 5) * 3}, {"domain": MICROSOFT}),
    "silu of an optimiser": ("QuickGelu", {"x": f32(3, 5)}, {"domain": MICROSOFT, "alpha": 1.0}),
    "gemm and relu": (
        "FusedGemm",
        {"a": f32(3, 4), "b": f32(5, 4), "c": f32(5)},
        {"domain": MICROSOFT, "activation": "Relu", "transB": 1, "alpha": 0.5},
    ),
    "gemm and leaky relu": (
        "FusedGemm",
        {"a": f32(3, 4), "b": f32(4, 5), "c": None},
        {"domain": MICROSOFT, "activation": "LeakyRelu", "activation_alpha": 0.25},
    ),
    "smooth softmax": (
        "GroupQueryAttention",
        {
            "q": f32(1, 3, 64),
            "k": f32(1, 3, 32),
            "v": f32(1, 3, 32, seed=1),
            "pk": None,
            "pv": None,
            "n": np.array([2], np.int32),
            "t": np.array(3, np.int32),
        },
        {"domain": MICROSOFT, "outputs": 3, "num_heads": 4, "kv_num_heads": 2, "smooth_softmax": 1},
    ),
    "a mask of padding": (
        "Attention",
        {"x": f32(1, 3, 8), "w": f32(8, 24), "b": f32(24), "m": np.array([[0, 1, 1]], np.int32)},
        {"domain": MICROSOFT, "num_heads": 2, "unidirectional": 1},
    ),
}


@pytest.mark.parametrize("name", AGAINST_RUNTIME)
def test_an_operator_gives_the_numbers_of_onnx_runtime(name: str, tmp_path: Path):
    op, inputs, options = AGAINST_RUNTIME[name]
    case = Case(tmp_path, op, inputs, **options)
    assert_same(case.ours(), case.reference())


BY_HAND: dict[str, tuple[str, dict[str, Array | None], dict[str, Any], Array]] = {
    "squares above 24 bits": (
        "Pow",
        {"x": i64(12345, 99999, -7), "e": np.array(2, np.float32)},
        {},
        i64(152399025, 9999800001, 49),
    ),
    "a root of squares above i32": (
        "ReduceL2",
        {"x": np.array([30000, 40000, 1, 2], np.int32)},
        {"keepdims": 0},
        np.array(50000, np.int32),
    ),
    "a root above 24 bits": (
        "ReduceL2",
        {"x": i64(2**31 - 1)},
        {"keepdims": 0},
        np.array(2**31 - 1, np.int64),
    ),
    "a mean of sums above i32": (
        "ReduceMean",
        {"x": np.array([2**31 - 1, 2**31 - 1], np.int32)},
        {"keepdims": 0},
        np.array(2**31 - 1, np.int32),
    ),
    "the mean of nothing": (
        "ReduceMean",
        {"x": f32(2, 0), "a": i64(1)},
        {"constants": ("a",)},
        np.zeros((2, 1), np.float32),
    ),
    "bits to the right, with the sign": (
        "BitShift",
        {"x": np.array([-8, 9, -1], np.int32), "n": np.array([1, 3, 40], np.int32)},
        {"opset": 28, "direction": "RIGHT"},
        np.array([-4, 1, -1], np.int32),
    ),
    "all bits to the right": (
        "BitShift",
        {"x": np.array([255, 255], np.uint8), "n": np.array([8, 7], np.uint8)},
        {"direction": "RIGHT"},
        np.array([0, 1], np.uint8),
    ),
    "a static cache": (
        "TensorScatter",
        {"c": np.zeros((2, 4, 1), np.float32), "u": np.ones((2, 2, 1), np.float32), "w": i64(2, 1)},
        {"opset": 24, "axis": 1},
        np.array([[0, 0, 1, 1], [0, 1, 1, 0]], np.float32)[..., None],
    ),
    "a ring": (
        "TensorScatter",
        {"c": np.zeros((1, 3, 1), np.float32), "u": np.ones((1, 2, 1), np.float32), "w": i64(2)},
        {"opset": 24, "axis": 1, "mode": "circular"},
        np.array([[1, 0, 1]], np.float32)[..., None],
    ),
}


@pytest.mark.parametrize("name", BY_HAND)
def test_an_operator_gives_what_the_standard_says(name: str, tmp_path: Path):
    op, inputs, options, expected = BY_HAND[name]
    assert_same(Case(tmp_path, op, inputs, **options).ours(), [expected])
