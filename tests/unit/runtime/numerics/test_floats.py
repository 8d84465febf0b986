"""Float functions are as near to exact arithmetic as the table of bounds says."""

import math
import operator
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from runtime.numerics.bounds import BOUNDS, NEAREST
from runtime.numerics.elements import FUNCTIONS1, FUNCTIONS2, ElementType, binary, unary
from tests.unit.runtime.numerics.exact import FLOATS, allowed, as_floats, error, exact, rounded
from tests.unit.runtime.numerics.samples import edges, finite, nans, pairs, random, specials

E = ElementType
Array = np.ndarray[Any, np.dtype[Any]]
INF, NAN = math.inf, math.nan
ONE = [n for n, f in FUNCTIONS1.items() if f.on_float is not None and not f.gives_bool]
TWO = [n for n, f in FUNCTIONS2.items() if f.on_float is not None and not f.gives_bool]
COMPARED: dict[str, Callable[[float, float], bool]] = {
    "eq": operator.eq, "ne": operator.ne, "lt": operator.lt, "le": operator.le,
    "gt": operator.gt, "ge": operator.ge,
}  # fmt: skip
WIDTHS = [(t, t) for t in FLOATS] + [(E.F32, E.F16), (E.BF16, E.F32), (E.F16, E.BF16)]
DOMAINS: dict[str, Callable[[Array], Array]] = {
    "log": lambda x: x > 0, "sqrt": lambda x: x >= 0, "recip": lambda x: x != 0,
}  # fmt: skip
PYTHONS: dict[str, Callable[[float, float], float]] = {
    "add": operator.add, "sub": operator.sub, "mul": operator.mul, "mod": operator.mod,
    "fmod": math.fmod, "pow": math.pow, "max": max, "min": min,
}  # fmt: skip
EITHER_ZERO = ("max", "min", "relu")

# Function: of -inf, -0, 0 and inf.
LIMITS = {
    "neg": (INF, 0.0, -0.0, -INF), "abs": (INF, 0.0, 0.0, INF), "sqrt": (NAN, -0.0, 0.0, INF),
    "exp": (0.0, 1.0, 1.0, INF), "log": (NAN, -INF, -INF, INF), "recip": (-0.0, -INF, INF, 0.0),
    "tanh": (-1.0, -0.0, 0.0, 1.0), "sigmoid": (0.0, 0.5, 0.5, 1.0), "relu": (0.0, 0.0, 0.0, INF),
    "erf": (-1.0, -0.0, 0.0, 1.0), "sin": (NAN, -0.0, 0.0, NAN), "cos": (NAN, 1.0, 1.0, NAN),
    "floor": (-INF, -0.0, 0.0, INF), "ceil": (-INF, -0.0, 0.0, INF),
    "round": (-INF, -0.0, 0.0, INF), "sign": (-1.0, 0.0, 0.0, 1.0), "gelu": (NAN, -0.0, 0.0, INF),
    "gelu_tanh": (NAN, -0.0, 0.0, INF), "silu": (NAN, -0.0, 0.0, INF),
}  # fmt: skip


def _one(name: str, x: Array, dst: ElementType, source: ElementType) -> list[float]:
    out = np.empty(x.shape, dst.dtype)
    with np.errstate(all="ignore"):
        unary(name, dst, source)(out, x)
    return as_floats(out)


def _two(name: str, x: Array, y: Array, *types: ElementType) -> list[float]:
    out = np.empty(x.shape, types[0].dtype)
    with np.errstate(all="ignore"):
        binary(name, *types)(out, x, y)
    return as_floats(out)


def _is_negative(value: float) -> bool:
    return math.copysign(1, value) < 0


def _negative_zero(name: str, value: Fraction, values: list[float]) -> bool:
    """Whether the zero that stands for an exact value, or is it, is negative."""
    if value or name in ("abs", "log", "sign"):
        return value < 0
    if name in PYTHONS:
        return _is_negative(PYTHONS[name](*values))
    signs = [_is_negative(v) for v in values]
    return sum(signs) % 2 == 1 if name != "neg" else not signs[0]


def _in_f32(value: Fraction) -> Fraction:
    """A value as f32 holds it, in which every float function is computed."""
    held = rounded(value, E.F32)
    return value if math.isinf(held) else Fraction(held)


def _is_right(name: str, dst: ElementType, result: float, values: list[float]) -> bool:
    value = exact(name, *values)
    told = result == 0 and name not in EITHER_ZERO
    if told and _is_negative(result) != _negative_zero(name, value, values):
        return False
    if BOUNDS[name].ulps <= NEAREST.ulps:
        return result == rounded(_in_f32(value), dst)
    return error(result, value, dst) <= allowed(value, BOUNDS[name], dst)


def _wrong(name: str, dst: ElementType, found: list[float], *operands: list[float]) -> list[Any]:
    """Operands and results that are not what they may be."""
    rows = zip(found, *operands, strict=True)
    return [row for row in rows if not _is_right(name, dst, row[0], list(row[1:]))]


def test_every_function_has_a_bound() -> None:
    floats = [n for n, f in (*FUNCTIONS1.items(), *FUNCTIONS2.items()) if f.on_float is not None]
    assert set(BOUNDS) == set(floats)


@pytest.mark.parametrize(("dst", "source"), WIDTHS)
@pytest.mark.parametrize("name", ONE)
def test_one_operand(name: str, dst: ElementType, source: ElementType) -> None:
    x = finite(np.concatenate([edges(source), random(source, 100, 11)]))
    x = x[DOMAINS[name](x.astype(np.float32))] if name in DOMAINS else x
    assert not _wrong(name, dst, _one(name, x, dst, source), as_floats(x))[:5]


@pytest.mark.parametrize("name", ONE)
def test_limits_of_one_operand(name: str) -> None:
    x = np.array([-INF, -0.0, 0.0, INF], np.float32)
    for element in FLOATS:
        found = _one(name, x.astype(element.dtype), element, element)
        assert list(map(repr, found)) == list(map(repr, LIMITS[name]))


@pytest.mark.parametrize("name", ["sqrt", "log"])
def test_what_is_not_real_is_nan(name: str) -> None:
    assert np.isnan(_one(name, np.array([-1e-45, -1, -3e38], np.float32), E.F32, E.F32)).all()


@pytest.mark.parametrize("element", FLOATS)
@pytest.mark.parametrize("name", ONE)
def test_nan_stays_nan(name: str, element: ElementType) -> None:
    assert np.isnan(_one(name, nans(element), element, element)).all()


@pytest.mark.parametrize("element", FLOATS)
def test_isnan_is_true_of_nan_alone(element: ElementType) -> None:
    for x, expected in ((nans(element), True), (finite(edges(element)), False)):
        assert set(_one("isnan", x, E.BOOL, element)) == {float(expected)}
    assert _one("isnan", specials(element), E.BOOL, element) == [0, 0, 0, 0, 1]


def _defined(name: str, x: Array, y: Array) -> Array:
    """Where a function of two finite operands is a number."""
    a, b = (np.nan_to_num(v.astype(np.float32)) for v in (x, y))
    if name == "pow":
        return (a > 0) | ((a < 0) & (b == np.floor(b))) | ((a == 0) & (b > 0))
    return b != 0 if name in ("div", "mod", "fmod") else np.ones(a.shape, np.bool_)


@pytest.mark.parametrize(("dst", "source"), WIDTHS)
@pytest.mark.parametrize("name", TWO)
def test_two_operands(name: str, dst: ElementType, source: ElementType) -> None:
    few = np.random.default_rng(5).permutation(finite(edges(source)))[:16]
    a, b = pairs(few, few)
    x = np.concatenate([a, random(source, 150, 12), edges(source)])
    y = np.concatenate([b, random(source, 150, 13), edges(source)[::-1]])
    keep = np.isfinite(x.astype(np.float32)) & np.isfinite(y.astype(np.float32))
    keep &= _defined(name, x, y)
    x, y = x[keep], y[keep]
    found = _two(name, x, y, dst, source, source)
    assert not _wrong(name, dst, found, as_floats(x), as_floats(y))[:5]


@pytest.mark.parametrize("name", TWO)
def test_operands_of_two_widths(name: str) -> None:
    x, y = random(E.F16, 300, 3), random(E.BF16, 300, 4)
    keep = np.isfinite(x.astype(np.float32)) & np.isfinite(y.astype(np.float32))
    x, y = (v[keep & _defined(name, x, y)] for v in (x, y))
    found = _two(name, x, y, E.F32, E.F16, E.BF16)
    assert not _wrong(name, E.F32, found, as_floats(x), as_floats(y))[:5]


def _by_python(name: str, x: float, y: float) -> float:
    """What IEEE 754 says where an operand is zero, infinite or NaN, by Python's own floats."""
    if name in ("max", "min") and (math.isnan(x) or math.isnan(y)):
        return NAN
    if name == "div":
        if y:
            return x / y
        return NAN if not x or math.isnan(x) else math.copysign(INF, x) * math.copysign(1, y)
    try:
        return PYTHONS[name](x, y)
    except ZeroDivisionError:
        return NAN
    except ValueError:
        odd = y == math.floor(y) and y % 2 == 1 if math.isfinite(y) else False
        return math.copysign(INF, x if odd else 1) if name == "pow" and x == 0 else NAN


@pytest.mark.parametrize("element", FLOATS)
@pytest.mark.parametrize("name", TWO)
def test_specials_of_two_operands(name: str, element: ElementType) -> None:
    some = np.array([1, -1, 2.5, -3, 0.5, 2]).astype(element.dtype)
    odd = nans(element) if name != "pow" else nans(element)[[1, 2, 4, 5]]
    left = np.concatenate([specials(element), odd, some])
    x, y = pairs(left, left)
    found = _two(name, x, y, element, element, element)
    wrong: list[Any] = []
    for a, b, result in zip(as_floats(x), as_floats(y), found, strict=True):
        if all(math.isfinite(v) and v for v in (a, b)):
            continue
        expected = _by_python(name, a, b)
        blind = name in EITHER_ZERO and expected == 0
        if result != expected if blind else repr(result) != repr(expected):
            wrong.append((a, b, result, expected))
    assert not wrong[:5]


@pytest.mark.parametrize("element", FLOATS)
@pytest.mark.parametrize("name", COMPARED)
def test_comparisons(name: str, element: ElementType) -> None:
    values = np.concatenate([specials(element), nans(element), edges(element)])
    x, y = pairs(values, values[:60])
    found = _two(name, x, y, E.BOOL, element, element)
    expected = [COMPARED[name](a, b) for a, b in zip(as_floats(x), as_floats(y), strict=True)]
    assert found == expected
