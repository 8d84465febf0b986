"""Functions of integers and bools are exact, modulo 2^n, against Python's own integers."""

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from runtime.numerics.elements import FUNCTIONS1, FUNCTIONS2, TYPES, ElementType, binary, unary
from runtime.traps import Trap, TrapKind
from tests.unit.runtime.numerics.samples import edges, pairs, random

E = ElementType
Array = np.ndarray[Any, np.dtype[Any]]
WHOLE = [t for t in TYPES if not t.is_float]
DIVIDING = ("div", "mod", "fmod")


def _truncated(a: int, b: int) -> int:
    return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)


def _sign(a: int) -> int:
    return (a > 0) - (a < 0)


ONE: dict[str, Callable[[int], int]] = {
    "neg": operator.neg, "abs": abs, "relu": lambda a: max(a, 0), "not": operator.invert,
    "sign": _sign,
}  # fmt: skip
TWO: dict[str, Callable[[int, int], int]] = {
    "add": operator.add, "sub": operator.sub, "mul": operator.mul, "div": _truncated,
    "max": max, "min": min, "mod": operator.mod, "fmod": lambda a, b: a - b * _truncated(a, b),
    "eq": operator.eq, "ne": operator.ne, "lt": operator.lt, "le": operator.le,
    "gt": operator.gt, "ge": operator.ge, "and": operator.and_, "or": operator.or_,
    "xor": operator.xor,
}  # fmt: skip


def _power(a: int, b: int, bits: int) -> int:
    """A power modulo 2^n, or the truncated reciprocal of one."""
    if b >= 0:
        return pow(a, b, 1 << bits)
    return 0 if abs(a) != 1 else a if b % 2 else 1


def _shifted(a: int, b: int, bits: int) -> int:
    return (a % (1 << bits)) >> (b % bits)


def _held(values: list[int], element: ElementType) -> list[int]:
    """What a type keeps of integers."""
    if element is E.BOOL:
        return [int(v) & 1 for v in values]
    bits, low = 8 * element.itemsize, int(np.iinfo(element.dtype).min)
    return [(int(v) - low) % (1 << bits) + low for v in values]


def _operands(element: ElementType) -> tuple[Array, Array]:
    """All pairs of 8 bits; edges with each other and random pairs of others."""
    if element.itemsize == 1 and element.is_int:
        every = np.arange(256, dtype=np.uint8).view(element.dtype)
        return pairs(every, every)
    a, b = pairs(edges(element), edges(element))
    more = (random(element, 500, seed) for seed in (1, 2))
    x, y = (np.concatenate(both) for both in zip((a, b), more, strict=True))
    return x, y


def _cases(functions: dict[str, Any]) -> list[Any]:
    return [(n, t) for n, f in functions.items() for t in WHOLE if f.accepts(t)]


@pytest.mark.parametrize(("name", "element"), _cases(FUNCTIONS1))
def test_one_operand(name: str, element: ElementType) -> None:
    x, _ = _operands(element)
    out = np.empty(x.shape, element.dtype)
    unary(name, element, element)(out, x)
    assert [int(v) for v in out] == _held([ONE[name](int(v)) for v in x.tolist()], element)


@pytest.mark.parametrize(("name", "element"), _cases(FUNCTIONS2))
def test_two_operands(name: str, element: ElementType) -> None:
    x, y = _operands(element)
    if name in DIVIDING:
        x, y = x[y != 0], y[y != 0]
    if name == "pow":
        x, y = x[(x != 0) | (y >= 0)], y[(x != 0) | (y >= 0)]
    bits = 8 * element.itemsize
    special = {"pow": lambda a, b: _power(a, b, bits), "shr": lambda a, b: _shifted(a, b, bits)}
    function = special.get(name) or TWO[name]
    dst = E.BOOL if FUNCTIONS2[name].gives_bool else element
    out = np.empty(x.shape, dst.dtype)
    with np.errstate(all="ignore"):
        binary(name, dst, element, element)(out, x, y)
    rows = zip(x.tolist(), y.tolist(), strict=True)
    assert [int(v) for v in out] == _held([function(int(a), int(b)) for a, b in rows], dst)


@pytest.mark.parametrize("element", [t for t in WHOLE if t.is_int])
@pytest.mark.parametrize("name", DIVIDING)
def test_division_by_zero_traps(name: str, element: ElementType) -> None:
    one = np.ones(2, element.dtype)
    with pytest.raises(Trap) as trap:
        binary(name, element, element, element)(one.copy(), one, np.array([1, 0], element.dtype))
    assert trap.value.kind is TrapKind.DIVIDE_BY_ZERO


@pytest.mark.parametrize("element", [E.I64, E.I32, E.I8])
def test_zero_to_a_negative_power_traps(element: ElementType) -> None:
    zero = np.zeros(2, element.dtype)
    with pytest.raises(Trap) as trap:
        binary("pow", element, element, element)(zero.copy(), zero, np.array([1, -1], zero.dtype))
    assert trap.value.kind is TrapKind.DIVIDE_BY_ZERO


def test_no_elements_are_divided_by_nothing() -> None:
    nothing = np.empty(0, np.int64)
    for name in (*DIVIDING, "pow"):
        binary(name, E.I64, E.I64, E.I64)(nothing, nothing, nothing)
