"""Scalar functions against Python's own arithmetic, for every element type they accept."""

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from runtime.numerics.elements import FUNCTIONS1, FUNCTIONS2, ElementType, binary, unary
from runtime.numerics.erf import erf
from runtime.traps import Trap, TrapKind

E = ElementType


def _truncated(a: float, b: float) -> float:
    return a / b if isinstance(a, float) else math.trunc(a / b)


def _gelu_tanh(a: float) -> float:
    return a / 2 * (1 + math.tanh(math.sqrt(2 / math.pi) * (a + 0.044715 * a**3)))


def _sign(a: float) -> float:
    return (a > 0) - (a < 0)


ONE: dict[str, Callable[[Any], Any]] = {
    "neg": operator.neg, "abs": abs, "sqrt": math.sqrt, "exp": math.exp, "log": math.log,
    "recip": lambda a: 1 / a, "tanh": math.tanh, "sigmoid": lambda a: 1 / (1 + math.exp(-a)),
    "relu": lambda a: max(a, 0), "erf": math.erf, "sin": math.sin, "cos": math.cos,
    "isnan": math.isnan, "not": lambda a: (not a) if isinstance(a, bool) else ~a,
    "floor": math.floor, "ceil": math.ceil, "round": round, "sign": _sign,
    "gelu": lambda a: a / 2 * (1 + math.erf(a / math.sqrt(2))), "gelu_tanh": _gelu_tanh,
    "silu": lambda a: a / (1 + math.exp(-a)),
}  # fmt: skip
TWO: dict[str, Callable[[Any, Any], Any]] = {
    "add": operator.add, "sub": operator.sub, "mul": operator.mul, "div": _truncated,
    "pow": lambda a, b: a**b, "max": max, "min": min, "mod": operator.mod, "fmod": math.fmod,
    "eq": operator.eq, "ne": operator.ne, "lt": operator.lt, "le": operator.le,
    "gt": operator.gt, "ge": operator.ge, "and": operator.and_, "or": operator.or_,
    "xor": operator.xor, "shr": operator.rshift,
}  # fmt: skip
FLOATS = (-2.5, -1.5, -0.5, 0.25, 0.5, 1.5, 2.5, 3.75)
INTS = (-7, -2, -1, 1, 2, 3, 7)


def _samples(element: ElementType) -> np.ndarray:
    if element.is_float:
        return np.array(FLOATS).astype(element.dtype)
    if element is E.BOOL:
        return np.array([False, True])
    return np.array([i for i in INTS if element is not E.U8 or i > 0], element.dtype)


def _cases(table: dict[str, Any]) -> list[Any]:
    return [(n, t) for n, f in table.items() for t in E if f.accepts(t)]


def _close(got: np.ndarray, expected: list[Any], element: ElementType) -> None:
    if not element.is_float:
        wrapped = np.array([int(v) % 2**64 for v in expected], np.uint64).astype(element.dtype)
        np.testing.assert_array_equal(got, wrapped)
        return
    rounded = np.array(expected, np.float32).astype(element.dtype).astype(np.float64)
    unit = {E.F32: 3e-7, E.F16: 1e-3, E.BF16: 8e-3}[element]
    np.testing.assert_allclose(got.astype(np.float64), rounded, rtol=unit, atol=1e-7)


def test_tables_are_complete() -> None:
    assert ONE.keys() == FUNCTIONS1.keys()
    assert TWO.keys() == FUNCTIONS2.keys()


@pytest.mark.parametrize(("name", "element"), _cases(FUNCTIONS1))
def test_one_operand(name: str, element: ElementType) -> None:
    a = _samples(element)
    a = a[a > 0] if name in ("sqrt", "log") else a
    dst = E.BOOL if FUNCTIONS1[name].gives_bool else element
    out = np.empty(a.shape, dst.dtype)
    unary(name, dst, element)(out, a)
    _close(out, [ONE[name](v.item() if hasattr(v, "item") else v) for v in a], dst)


@pytest.mark.parametrize(("name", "element"), _cases(FUNCTIONS2))
def test_two_operands(name: str, element: ElementType) -> None:
    base = _samples(element)
    a, b = np.repeat(base, base.size), np.tile(base, base.size)
    if name == "pow":
        keep = (a > 0) if element.is_float else (b >= 0)
        a, b = a[keep], b[keep]
    if name == "shr":
        a, b = np.abs(a), np.abs(b)
    dst = E.BOOL if FUNCTIONS2[name].gives_bool else element
    out = np.empty(a.shape, dst.dtype)
    binary(name, dst, element, element)(out, a, b)
    with np.errstate(all="ignore"):
        expected = [TWO[name](x, y) for x, y in zip(a.tolist(), b.tolist(), strict=True)]
    _close(out, expected, dst)


@pytest.mark.parametrize("name", ["div", "mod", "fmod"])
def test_integers_divided_by_zero_trap(name: str) -> None:
    one = np.ones(2, np.int64)
    with pytest.raises(Trap) as trap:
        binary(name, E.I64, E.I64, E.I64)(one.copy(), one, np.array([1, 0]))
    assert trap.value.kind is TrapKind.DIVIDE_BY_ZERO


def test_integer_powers_with_negative_exponents() -> None:
    out = np.empty(4, np.int64)
    binary("pow", E.I64, E.I64, E.I64)(out, np.array([1, -1, -1, 5]), np.array([-3, -3, -2, -1]))
    np.testing.assert_array_equal(out, [1, -1, 1, 0])
    with pytest.raises(Trap):
        binary("pow", E.I64, E.I64, E.I64)(out, np.zeros(4, np.int64), np.full(4, -1))


def test_i64_wraps() -> None:
    top = np.array([np.iinfo(np.int64).max])
    out = np.empty(1, np.int64)
    binary("add", E.I64, E.I64, E.I64)(out, top, np.array([1]))
    assert out[0] == np.iinfo(np.int64).min


@pytest.mark.parametrize("element", [E.I64, E.I32, E.I8, E.U8])
def test_shr_fills_with_zeros_and_counts_modulo_the_width(element: ElementType) -> None:
    bits = 8 * element.itemsize
    a = np.array([-1, 1, -128]).astype(element.dtype)
    out = np.empty(3, element.dtype)
    binary("shr", element, element, element)(out, a, np.array([1, bits, -1]).astype(element.dtype))
    assert [int(v) % 2**bits for v in out] == [2 ** (bits - 1) - 1, 1, 1]


def test_activations_far_from_zero() -> None:
    """Where exp and x^3 overflow, the limits are reached without NaN."""
    x = np.array([-1e30, -200, 200, 1e30], np.float32)
    for name in ("gelu", "gelu_tanh", "silu"):
        out = np.empty(4, np.float32)
        with np.errstate(all="ignore"):
            unary(name, E.F32, E.F32)(out, x)
        np.testing.assert_array_equal(out, np.maximum(x, 0))


@pytest.mark.parametrize("name", ["max", "min"])
def test_nan_propagates(name: str) -> None:
    out = np.empty(2, np.float32)
    nan = np.array([np.nan, 1], np.float32)
    binary(name, E.F32, E.F32, E.F32)(out, nan, nan[::-1])
    assert np.isnan(out).all()


def test_16_bit_floats_are_computed_in_f32() -> None:
    """60000 * 2 overflows f16; multiplied into an f32 result it does not."""
    a = np.array([60000], np.float16)
    out = np.empty(1, np.float32)
    binary("add", E.F32, E.F16, E.F16)(out, a, a)
    assert out[0] == 120000


def test_erf_error() -> None:
    x = np.linspace(-5, 5, 20001).astype(np.float32)
    exact = np.array([math.erf(float(v)) for v in x])
    assert np.abs(erf(x) - exact).max() < 1e-7
