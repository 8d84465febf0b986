"""Operators on bytes with scales, as static quantisers make them, against ONNX Runtime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import helper

from dialects.errors import CompileError
from lpuc.compiler.driver import load_module
from lpuc.compiler.options import CompileOptions
from lpuc.levels.execution import run_level
from tests.e2e.single import MICROSOFT, Array, Case

I8, U8 = np.int8, np.uint8


def numbers(*shape: int, dtype: type = U8, seed: int = 0) -> Array:
    """Of all values, the least and the greatest among them."""
    limits = np.iinfo(dtype)
    drawn = np.random.default_rng(seed).integers(limits.min, limits.max + 1, shape).astype(dtype)
    drawn.flat[:2] = limits.min, limits.max
    return drawn


def scaled(name: str, x: Array, scale: float, point: int) -> dict[str, Array]:
    return {
        name: x,
        f"{name}s": np.array(scale, np.float32),
        f"{name}p": np.array(point, x.dtype),
    }


def to(scale: float, point: int, dtype: type = U8) -> dict[str, Array]:
    return {"ys": np.array(scale, np.float32), "yp": np.array(point, dtype)}


A, B = numbers(2, 5, 33), numbers(5, 33, seed=1)
SIGNED, COLUMN = numbers(2, 5, 33, dtype=I8, seed=2), numbers(5, 1, dtype=I8, seed=3)
ROWS, MATRIX = numbers(7, 301, seed=4), numbers(301, 9, dtype=I8, seed=5)
BIAS = np.random.default_rng(6).integers(-90000, 90000, 9).astype(np.int32)
CHANNELS = abs(np.random.default_rng(7).standard_normal(9).astype(np.float32)) / 50
IMAGE, KERNEL = numbers(1, 4, 11, 8, seed=8), numbers(6, 4, 3, 3, dtype=I8, seed=9)
EACH = abs(np.random.default_rng(10).standard_normal(6).astype(np.float32)) / 40
LINE, TAPS = numbers(2, 6, 12, dtype=I8, seed=11), numbers(6, 1, 4, dtype=I8, seed=12)
TRUTH = np.random.default_rng(13).integers(0, 2, (5, 33)).astype(bool)

Inputs = dict[str, Array | None]
CASES: dict[str, tuple[str, Inputs, dict[str, Any]]] = {
    "sums of two scales": (
        "QLinearAdd", {**scaled("a", A, 0.1, 3), **scaled("b", B, 0.02, 200), **to(0.11, 90)}, {}
    ),
    "sums halfway between two numbers": (
        "QLinearAdd",
        {**scaled("a", A, 0.01, 31), **scaled("b", B, 0.01, 120), **to(0.02, 111)},
        {},
    ),
    "products halfway": (
        "QLinearMul", {**scaled("a", A, 0.5, 128), **scaled("b", B, 0.25, 99), **to(0.25, 121)}, {}
    ),
    "averages halfway": (
        "QLinearGlobalAveragePool", {**scaled("a", IMAGE, 0.1, 90), **to(0.05, 40)}, {}
    ),
    "softmax of a step that divides nothing": (
        "QLinearSoftmax",
        {**scaled("a", A, 0.02, 128), **to(1 / 299.9, 0)},
        {"axis": -1, "softmax": 20},
    ),
    "sums that saturate": (
        "QLinearAdd",
        {**scaled("a", SIGNED, 0.1, -9), **scaled("b", COLUMN, 0.2, 20), **to(0.05, 7, I8)},
        {},
    ),
    "no zero point of the result": (
        "QLinearAdd",
        {**scaled("a", A, 0.1, 0), **scaled("b", B, 0.2, 0), "ys": to(0.3, 0)["ys"]},
        {},
    ),
    "products": (
        "QLinearMul", {**scaled("a", A, 0.1, 128), **scaled("b", B, 0.2, 99), **to(1.3, 120)}, {}
    ),
    "products of a column": (
        "QLinearMul",
        {**scaled("a", SIGNED, 0.01, 5), **scaled("b", COLUMN, 0.03, -60), **to(0.004, -3, I8)},
        {},
    ),
    "sigmoid": ("QLinearSigmoid", {**scaled("a", A, 0.04, 131), **to(1 / 256, 0)}, {}),
    "sigmoid of positive numbers": (
        "QLinearSigmoid", {**scaled("a", A, 0.02, 0), "ap": None, **to(1 / 256, 9)}, {}
    ),
    "signed sigmoid": (
        "QLinearSigmoid", {**scaled("a", SIGNED, 0.03, 4), **to(1 / 256, -128, I8)}, {}
    ),
    "leaky": ("QLinearLeakyRelu", {**scaled("a", A, 0.1, 100), **to(0.07, 30)}, {"alpha": 0.2}),
    "softmax": (
        "QLinearSoftmax",
        {**scaled("a", A, 0.05, 128), **to(1 / 256, 0)},
        {"axis": -1, "softmax": 20},
    ),
    "signed softmax along an inner axis": (
        "QLinearSoftmax",
        {**scaled("a", SIGNED, 0.02, 3), **to(1 / 300, -128, I8)},
        {"axis": 1, "softmax": 13},
    ),
    "softmax of old opsets": (
        "QLinearSoftmax",
        {**scaled("a", A, 0.01, 128), **to(1 / 9000, 0)},
        {"axis": 1, "softmax": 12},
    ),
    "joined": (
        "QLinearConcat",
        {**to(0.1, 30), **scaled("a", A, 0.12, 7), **scaled("b", numbers(2, 1, 33), 0.1, 30)},
        {"axis": 1},
    ),
    "chosen": (
        "QLinearWhere",
        {"c": TRUTH, **scaled("a", A, 0.1, 9), **scaled("b", B[:, :1], 0.3, 200), **to(0.25, 111)},
        {},
    ),
    "averages": ("QLinearGlobalAveragePool", {**scaled("a", IMAGE, 0.1, 90), **to(0.02, 40)}, {}),
    "gemm": (
        "QGemm",
        {**scaled("a", ROWS, 0.02, 130), **scaled("b", MATRIX, 0.01, 3), "c": BIAS, **to(0.5, 111)},
        {"constants": ("b", "bs", "bp", "c")},
    ),
    "gemm of columns, transposed": (
        "QGemm",
        {
            **scaled("a", np.ascontiguousarray(ROWS.T), 0.02, 130),
            "b": np.ascontiguousarray(MATRIX.T),
            **{"bs": CHANNELS, "bp": np.zeros(9, I8), "c": BIAS, **to(0.7, 100)},
        },
        {"constants": ("b", "bs", "bp", "c"), "transA": 1, "transB": 1, "alpha": 0.5},
    ),
    "gemm to floats": (
        "QGemm", {**scaled("a", ROWS, 0.02, 130), **scaled("b", MATRIX, 0.01, 3), "c": None}, {}
    ),
    "images": (
        "QLinearConv",
        {**scaled("a", IMAGE, 0.02, 131), **scaled("b", KERNEL, 0.01, 0), **to(0.1, 120)}
        | {"c": BIAS[:6]},
        {"pads": [1, 0, 2, 1], "strides": [2, 1]},
    ),
    "as much before an image as its result is wide": (
        "ConvInteger",
        {"a": LINE[:, :, :9], "b": numbers(6, 6, 3, dtype=I8, seed=9)},
        {"pads": [7, 0], "strides": [2]},
    ),
    "channels with scales of their own": (
        "QLinearConv",
        {**scaled("a", IMAGE, 0.02, 50), "b": KERNEL, "bs": EACH, "bp": np.zeros(6, I8)}
        | to(0.2, 100),
        {"constants": ("b", "bs", "bp"), "pads": [1, 1, 1, 1]},
    ),
    "depthwise": (
        "QLinearConv",
        {**scaled("a", LINE, 0.02, -3), "b": TAPS, "bs": EACH, "bp": np.zeros(6, I8)}
        | to(0.05, 1, I8),
        {"group": 6, "pads": [3, 0]},
    ),
    "convolution of integers": (
        "ConvInteger",
        {"a": IMAGE, "b": numbers(6, 4, 3, 3, seed=9)}
        | {"i": np.array(131, U8), "j": np.array(7, U8)},
        {"pads": [1, 1, 1, 1]},
    ),
}  # fmt: skip
STANDARD = frozenset({"QLinearConv", "ConvInteger"})


def case_of(name: str, folder: Path, changed: Inputs | None = None) -> Case:
    op, inputs, options = CASES[name]
    inputs, opset = inputs | (changed or {}), options.get("softmax")
    standard = "" if op in STANDARD else MICROSOFT
    case = Case(
        folder, op, inputs, domain=standard, **{k: v for k, v in options.items() if k != "softmax"}
    )
    if opset is not None:
        case.model.graph.node[0].attribute.append(helper.make_attribute("opset", opset))
        case.path.write_bytes(case.model.SerializeToString())
    return case


@pytest.mark.parametrize("name", CASES)
def test_bytes_are_those_of_onnx_runtime(name: str, tmp_path: Path):
    """As a program, and by the meaning of the operator itself."""
    case = case_of(name, tmp_path)
    module = load_module(case.path, CompileOptions())
    (meant,) = run_level("onnx", module, case.inputs).values()
    (got,), (want,) = case.ours(), case.reference()
    for found in (got, meant):
        assert found.dtype == want.dtype
        np.testing.assert_allclose(found, want, rtol=1e-6 if want.dtype == np.float32 else 0)


@pytest.mark.parametrize(
    ("name", "changed", "message"),
    [
        ("products", {"as": CHANNELS}, r"the shape of 'A_scale' is \[9\], expected \[\]"),
        ("products", {"b": B[:, 1:]}, "32"),
        ("sigmoid", {"yp": numbers(2)}, "the shape of 'Y_zero_point' is"),
        ("softmax", {"as": CHANNELS}, "the shape of 'X_scale' is"),
        ("joined", {"b": B}, "the operands differ in rank"),
        ("joined", {"b": A[:, :, 1:]}, "an operand without the extent of the axis is"),
        ("joined", {"bs": CHANNELS}, "a scale or a zero point of an input is no single number"),
        ("joined", {"bs": np.array(3, U8)}, "an input is u8, its scale u8, its point u8"),
        ("joined", {"bp": np.array(3, I8)}, "an input is u8, its scale f32, its point i8"),
        ("joined", {"bp": None}, "inputs are no tensors with their scales"),
        ("joined", {"b": SIGNED, "bp": np.array(3, I8)}, "an input is i8, its scale f32"),
        ("gemm", {"bp": np.zeros(9, I8)}, "the shape of 'b_zero_point' is"),
        ("chosen", {"c": TRUTH[1:]}, "4"),
        ("averages", {"a": numbers(2, 3)}, "the tensor has no axis of space"),
        ("gemm", {"bs": CHANNELS[1:]}, "the shape of 'b_scale' is"),
        ("gemm", {"c": BIAS[1:]}, "8"),
        ("gemm", {"ys": None}, "y_scale and y_zero_point come together, or neither"),
        ("gemm", {"yp": np.array(1, np.float32)}, "the zero point of Y is a float"),
        ("images", {"bs": EACH[1:]}, "the shape of 'w_scale' is"),
        ("images", {"bp": numbers(5, dtype=I8)}, "the shape of 'w_zero_point' is"),
        ("images", {"c": BIAS}, "the shape of 'B' is"),
        ("convolution of integers", {"j": numbers(5)}, "the shape of 'w_zero_point' is"),
    ],
)
def test_operands_that_do_not_fit_are_refused(
    name: str, changed: Inputs, message: str, tmp_path: Path
):
    op = CASES[name][0]
    with pytest.raises(CompileError, match=message) as caught:
        case_of(name, tmp_path, changed).ours()
    assert caught.value.node == f"{op}_0"
