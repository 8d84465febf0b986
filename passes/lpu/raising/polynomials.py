"""
A value as a polynomial of another: what all ways to write an activation have in common.

Coefficients are sums and products of the numbers that a model means, all positive: nothing cancels,
so that infinities stay what they are.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from xdsl.ir import SSAValue

from dialects.lpu.elementwise import MapOp
from passes.lpu.raising.numbers import Reader

Polynomial = Mapping[int, float]
"""Coefficients by exponent."""

DEPTH = 6
DEGREE = 3


def polynomial(
    value: SSAValue, x: SSAValue, meant: Reader, depth: int = DEPTH
) -> Polynomial | None:
    """`value` in terms of `x`; None when it is none of degree 3 at most."""
    if value == x:
        return {1: 1.0}
    number = meant(value)
    if number is not None:
        return {0: number}
    op = value.owner
    if depth == 0 or not isinstance(op, MapOp):
        return None
    parts = [polynomial(operand, x, meant, depth - 1) for operand in op.operands]
    known = [part for part in parts if part is not None]
    return _combined(op.fn.data, known) if len(known) == len(parts) else None


def _combined(fn: str, parts: list[Polynomial]) -> Polynomial | None:
    match fn, parts:
        case "add", (a, b):
            return {e: a.get(e, 0.0) + b.get(e, 0.0) for e in (*a, *b)}
        case "mul", (a, b):
            return _product(a, b)
        case "div", (a, b) if set(b) == {0}:
            return {e: c / b[0] for e, c in a.items()}
        case "pow", (a, b) if set(b) == {0} and b[0] in (2.0, 3.0):
            square = _product(a, a)
            return square if square is None or b[0] == 2.0 else _product(square, a)
        case _:
            return None


def _product(a: Polynomial, b: Polynomial) -> Polynomial | None:
    result: dict[int, float] = {}
    for i, x in a.items():
        for j, y in b.items():
            result[i + j] = result.get(i + j, 0.0) + x * y
    return result if max(result) <= DEGREE else None


def is_same(found: Polynomial | None, expected: Polynomial) -> bool:
    """Whether two polynomials are one, but for the rounding of this comparison itself."""
    if found is None or set(found) != set(expected):
        return False
    return all(math.isclose(found[e], c, rel_tol=1e-12) for e, c in expected.items())
