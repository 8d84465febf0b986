"""Products of bytes, and what scales activations while a model runs, against ONNX Runtime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dialects.lpu.products import ReduceOp
from lpuc.compiler.driver import load_module, lower
from lpuc.compiler.instrument import Instrumentation
from lpuc.compiler.options import CompileOptions
from tests.e2e.single import MICROSOFT, Array, Case, assert_refused, assert_same, f32

INNER, COLUMNS = 1001, 7


def numbers(*shape: int, dtype: type = np.uint8, seed: int = 0) -> Array:
    """Of all values, so that sums leave 16 bits, and 24 where signs agree."""
    limits = np.iinfo(dtype)
    drawn = np.random.default_rng(seed).integers(limits.min, limits.max + 1, shape)
    return drawn.astype(dtype)


def number(value: float, dtype: type = np.float32) -> Array:
    return np.array(value, dtype)


A, B = numbers(2, 3, INNER), numbers(INNER, COLUMNS, dtype=np.int8, seed=1)
SIGNED = numbers(3, INNER, dtype=np.int8, seed=2)
UNSIGNED = numbers(INNER, COLUMNS, seed=3)
POINTS = numbers(COLUMNS, dtype=np.int8, seed=4)
SCALES = abs(f32(COLUMNS, seed=5))

CASES: dict[str, tuple[str, dict[str, Array | None], dict[str, Any]]] = {
    "bytes of both kinds": ("MatMulInteger", {"a": A, "b": B}, {"constants": ("b",)}),
    "computed on both sides": ("MatMulInteger", {"a": A, "b": B}, {}),
    "zero points": (
        "MatMulInteger",
        {"a": A, "b": UNSIGNED, "i": number(131, np.uint8), "j": number(128, np.uint8)},
        {"constants": ("b", "j")},
    ),
    "zero points of columns": (
        "MatMulInteger",
        {"a": A, "b": B, "i": number(200, np.uint8), "j": POINTS},
        {"constants": ("b", "j")},
    ),
    "sums above 24 bits": (
        "MatMulInteger",
        {"a": 255 - A[0, :1] // 16, "b": (127 - B // 16).astype(np.int8)},
        {"constants": ("b",)},
    ),
    "a scale and a zero point": ("DynamicQuantizeLinear", {"x": f32(3, 4, 5)}, {"outputs": 3}),
    "all above zero": ("DynamicQuantizeLinear", {"x": abs(f32(9)) + 1}, {"outputs": 3}),
    "all below zero": ("DynamicQuantizeLinear", {"x": -abs(f32(9)) - 1}, {"outputs": 3}),
    "zeros": ("DynamicQuantizeLinear", {"x": np.zeros((2, 2), np.float32)}, {"outputs": 3}),
    "halves go to even": (
        "DynamicQuantizeLinear",
        {"x": np.array([0, 255, 0.5, 1.5, 2.5, 253.5], np.float32)},
        {"outputs": 3},
    ),
    "to floats": (
        "MatMulIntegerToFloat",
        {
            **{"a": A, "b": B, "s": number(0.01), "t": SCALES},
            **{"i": number(120, np.uint8), "j": POINTS, "c": f32(COLUMNS)},
        },
        {"domain": MICROSOFT, "constants": ("b", "t", "j", "c")},
    ),
    "floats on the left": (
        "DynamicQuantizeMatMul",
        {"a": f32(2, 3, INNER), "b": B, "t": number(0.02), "j": number(0, np.int8), "c": None},
        {"domain": MICROSOFT, "constants": ("b", "t", "j")},
    ),
    "to bytes": (
        "QLinearMatMul",
        {
            **{"a": A, "s": number(0.02), "i": number(99, np.uint8)},
            **{"b": UNSIGNED, "t": number(0.01), "j": number(130, np.uint8)},
            **{"u": number(2.0), "k": number(7, np.uint8)},
        },
        {"constants": ("s", "i", "b", "t", "j", "u", "k")},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_products_of_bytes_are_those_of_onnx_runtime(name: str, tmp_path: Path):
    op, inputs, options = CASES[name]
    case = Case(tmp_path, op, inputs, **options)
    assert_same(case.ours(), case.reference())


def test_zero_points_of_rows(tmp_path: Path):
    """Which the standard has, and ONNX Runtime refuses."""
    points = numbers(3, dtype=np.int8, seed=6)
    case = Case(tmp_path, "MatMulInteger", {"a": SIGNED, "b": B, "i": points, "j": POINTS})
    centred = [SIGNED.astype(np.int32) - points[:, None], B.astype(np.int32) - POINTS]
    assert_same(case.ours(), [centred[0] @ centred[1]])


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"a": A, "b": B[:-1]}, "the inner extents 1001 and 1000 differ"),
        ({"a": A, "b": B, "i": numbers(4)}, "the shape of 'a_zero_point' is"),
        ({"a": A, "b": B, "i": None, "j": POINTS[:-1]}, "the shape of 'b_zero_point' is"),
    ],
)
def test_operands_that_do_not_fit_are_refused(
    inputs: dict[str, Array | None], message: str, tmp_path: Path
):
    assert_refused(tmp_path, "MatMulInteger", inputs, {}, message)


def test_what_zero_points_add_is_known_beforehand(tmp_path: Path):
    """Of weights of any size: their sums would be as much work as the product."""
    inputs = {"a": A, "b": numbers(INNER, 80, dtype=np.int8), "i": number(9, np.uint8)}
    path = Case(tmp_path, "MatMulInteger", inputs, constants=("b",)).path
    options = CompileOptions()
    module = lower(load_module(path, options), options, "lpu", Instrumentation())
    assert not any(isinstance(op, ReduceOp) for op in module.walk())
