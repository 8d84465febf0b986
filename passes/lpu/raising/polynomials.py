"""A value as a polynomial of another: what all ways to write an activation have in common."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from xdsl.ir import SSAValue

from dialects.lpu import ops
from dialects.lpu.ops import tensor_of
from passes.lpu.raising.matching import number_of
from runtime.numerics import ElementType

Polynomial = Mapping[int, float]
"""Coefficients by exponent."""

DEPTH = 6
DEGREE = 3
ROUNDING = {ElementType.F32: 1e-5, ElementType.F16: 2e-3, ElementType.BF16: 2e-2}
"""How far a coefficient in the model may be from the true one, by its type."""


def polynomial(value: SSAValue, x: SSAValue, depth: int = DEPTH) -> Polynomial | None:
    """`value` in terms of `x`; None when it is none of degree 3 at most."""
    if value == x:
        return {1: 1.0}
    number = number_of(value)
    if number is not None:
        return {0: number}
    op = value.owner
    if depth == 0 or not isinstance(op, ops.MapOp):
        return None
    parts = [polynomial(operand, x, depth - 1) for operand in op.operands]
    known = [part for part in parts if part is not None]
    return _combined(op.fn.data, known) if len(known) == len(parts) else None


def _combined(fn: str, parts: list[Polynomial]) -> Polynomial | None:
    match fn, parts:
        case "add", (a, b):
            return {e: a.get(e, 0.0) + b.get(e, 0.0) for e in (*a, *b)}
        case "sub", (a, b):
            return {e: a.get(e, 0.0) - b.get(e, 0.0) for e in (*a, *b)}
        case "mul", (a, b):
            return _product(a, b)
        case "div", (a, b) if set(b) == {0} and b[0]:
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


def is_close(found: Polynomial | None, expected: Polynomial, like: SSAValue) -> bool:
    """Whether two polynomials agree as far as the element type of `like` allows."""
    if found is None:
        return False
    tolerance = ROUNDING.get(tensor_of(like).dtype, 0.0)
    return all(
        np.isclose(found.get(e, 0.0), expected.get(e, 0.0), rtol=tolerance, atol=tolerance * 1e-2)
        for e in {*found, *expected}
    )
