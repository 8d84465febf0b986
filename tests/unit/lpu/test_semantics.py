"""Semantics of the level `lpu` where numpy alone does not decide them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp
from xdsl.parser import Parser

from dialects.affine import Affine
from dialects.lpu import elementwise, fused, movement, products
from dialects.lpu.execution import argument_tensors, run_function
from dialects.lpu.semantics import SEMANTICS
from dialects.lpu.solving import solve_symbols
from dialects.lpu.types import Tensor
from lpuc.compiler.pipeline import make_context
from runtime.numerics.elements import ElementType
from runtime.traps import Trap, TrapKind

Array = np.ndarray[Any, np.dtype[Any]]


def function(text: str) -> FuncOp:
    module = Parser(make_context(), text).parse_module()
    module.verify()
    assert isinstance(module, ModuleOp)
    (func,) = module.ops
    assert isinstance(func, FuncOp)
    return func


def unary(line: str, source: str, result: str, array: Array, **symbols: int) -> Array:
    """The result of one operation that reads `%x`."""
    func = function(
        f"func.func @step(%x : {source}) -> {result} {{\n{line}\nfunc.return %y : {result}\n}}"
    )
    return run_function(func, {"0": array}, symbols, Path())["0"]


def f32(*values: float) -> Array:
    return np.array(values, np.float32)


def test_every_operation_has_semantics():
    assert set(SEMANTICS) == {*elementwise.OPS, *movement.OPS, *products.OPS, *fused.OPS}


def test_half_precision_sums_in_single_precision():
    """2048 + 1 is 2048 in f16: a sum that rounded at each step would stay there."""
    ones = np.ones(4096, np.float16)
    line = '%y = lpu.reduce "sum" %x over <[0]> : !lpu.tensor<[4096], f16> -> !lpu.tensor<[1], f16>'
    assert unary(line, "!lpu.tensor<[4096], f16>", "!lpu.tensor<[1], f16>", ones) == [4096]


def test_bfloat16_is_rounded_once():
    x = np.array([1.0, 3.0], ml_dtypes.bfloat16)
    line = '%y = lpu.map "recip" %x : !lpu.tensor<[2], bf16> -> !lpu.tensor<[2], bf16>'
    y = unary(line, "!lpu.tensor<[2], bf16>", "!lpu.tensor<[2], bf16>", x)
    assert y.dtype == ml_dtypes.bfloat16
    assert list(y) == list((1 / f32(1.0, 3.0)).astype(ml_dtypes.bfloat16))


@pytest.mark.parametrize(
    ("fn", "expected"), [("max", -np.inf), ("min", np.inf), ("sum", 0.0), ("prod", 1.0)]
)
def test_reduction_of_nothing_is_the_neutral_element(fn: str, expected: float):
    types = "!lpu.tensor<[P], f32>", "!lpu.tensor<[1], f32>"
    line = f'%y = lpu.reduce "{fn}" %x over <[0]> : {types[0]} -> {types[1]}'
    assert unary(line, *types, f32(), P=0) == [expected]


def test_reductions_propagate_nan():
    types = "!lpu.tensor<[3], f32>", "!lpu.tensor<[1], f32>"
    line = f'%y = lpu.reduce "max" %x over <[0]> : {types[0]} -> {types[1]}'
    assert np.isnan(unary(line, *types, f32(1.0, np.nan, 3.0))).all()


@pytest.mark.parametrize(("exclusive", "expected"), [(0, [1, 3, 6]), (1, [0, 1, 3])])
def test_scan(exclusive: int, expected: list[int]):
    types = ("!lpu.tensor<[3], i64>",) * 2
    line = f"%y = lpu.scan %x axis 0 exclusive {exclusive} : {types[0]} -> {types[1]}"
    assert list(unary(line, *types, np.array([1, 2, 3]))) == expected


@pytest.mark.parametrize(("largest", "expected"), [(1, [1, 2, 0]), (0, [3, 0, 1])])
def test_topk_prefers_the_lower_index(largest: int, expected: list[int]):
    func = function(
        f"""func.func @step(%x : !lpu.tensor<[4], f32>) -> !lpu.tensor<[3], i64> {{
          %v, %i = lpu.topk %x largest {largest}
              : !lpu.tensor<[4], f32> -> !lpu.tensor<[3], f32>, !lpu.tensor<[3], i64>
          func.return %i : !lpu.tensor<[3], i64>
        }}"""
    )
    outputs = run_function(func, {"0": f32(2.0, 5.0, 5.0, 1.0)}, {}, Path())
    assert list(outputs["0"]) == expected


@pytest.mark.parametrize(("index", "traps"), [(-3, False), (2, False), (3, True), (-4, True)])
def test_gather_counts_from_the_end_and_traps_outside(index: int, traps: bool):
    types = "!lpu.tensor<[1], i64>", "!lpu.tensor<[1], i64>"
    line = f"""%t = lpu.iota <[10, 1]> : !lpu.tensor<[3], i64>
    %y = lpu.gather %t, %x axis 0 : !lpu.tensor<[3], i64>, {types[0]} -> {types[1]}"""
    indices = np.array([index])
    if not traps:
        assert unary(line, *types, indices) == [10 + index % 3]
        return
    with pytest.raises(Trap) as caught:
        unary(line, *types, indices)
    assert caught.value.kind is TrapKind.INDEX


def test_scatter_applies_duplicates_in_order():
    types = "!lpu.tensor<[2, 1], f32>", "!lpu.tensor<[2, 1], f32>"
    line = f"""%i = lpu.fill "0100000000000000" : !lpu.tensor<[3], i64>
    %u = lpu.constant <inline("0000803f0000004000004040", [3, 1], f32)> : !lpu.tensor<[3, 1], f32>
    %y = lpu.scatter "FN" %x, %i, %u : {types[0]}, !lpu.tensor<[3], i64>, !lpu.tensor<[3, 1], f32>
        -> {types[1]}"""
    zeros = np.zeros((2, 1), np.float32)
    assert unary(line.replace("FN", "set"), *types, zeros).ravel().tolist() == [0, 3]
    assert unary(line.replace("FN", "add"), *types, zeros).ravel().tolist() == [0, 6]


def test_cast_truncates_and_wraps():
    types = "!lpu.tensor<[4], f32>", "!lpu.tensor<[4], u8>"
    line = f"%y = lpu.cast %x : {types[0]} -> {types[1]}"
    assert list(unary(line, *types, f32(1.9, -1.9, 257.0, 0.0))) == [1, 255, 1, 0]


def test_extents_and_contents_follow_symbols():
    types = "!lpu.tensor<[P, 2], i64>", "!lpu.tensor<[P + 1, 2], i64>"
    line = f"""%i = lpu.iota <[P, 0, P]> : !lpu.tensor<[1, 2], i64>
    %y = lpu.concat %x, %i axis 0 : {types[0]}, !lpu.tensor<[1, 2], i64> -> {types[1]}"""
    assert unary(line, *types, np.zeros((0, 2), np.int64), P=0).tolist() == [[0, 0]]
    assert unary(line, *types, np.zeros((2, 2), np.int64), P=2).tolist() == [[0, 0]] * 2 + [[2, 4]]


def test_symbols_are_solved_from_shapes():
    func = function(
        """func.func @step(%m : !lpu.tensor<[1, P + S], i64>, %c : !lpu.tensor<[2*P], f32>) {
          func.return
        }"""
    )
    arrays = [np.zeros((1, 12), np.int64), np.zeros(18, np.float32)]
    assert solve_symbols(argument_tensors(func), arrays) == {"P": 9, "S": 3}


@pytest.mark.parametrize(
    ("extents", "shape", "message"),
    [
        (("P", "P"), (2, 3), "does not fit 3"),
        (("2*P",), (3,), "does not fit 3"),
        (("P + Q",), (3,), "no extent determines P, Q"),
        (("P",), (3, 3), "is not of type"),
    ],
)
def test_shapes_that_do_not_fit(extents: tuple[str, ...], shape: tuple[int, ...], message: str):
    tensor = Tensor.of([Affine.parse(text) for text in extents], ElementType.F32)
    with pytest.raises(ValueError, match=message):
        solve_symbols([tensor], [np.zeros(shape, np.float32)])
