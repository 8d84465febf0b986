"""What functions make of the elements whose key lies behind their row."""

from __future__ import annotations

import math

from passes.lpu.causal.intervals import Known
from passes.lpu.causal.tokens import HIDDEN, ORDINARY, ZERO, Later

KEEP_ZERO = frozenset({
    "neg", "abs", "sqrt", "tanh", "relu", "erf", "sin", "floor", "ceil", "round", "sign", "gelu",
    "gelu_tanh", "silu", "isnan",
})  # fmt: skip

Part = Later | Known
"""An operand there: one that depends on tokens, or one of which bounds are known."""


def _bounds(part: Part) -> tuple[float, float]:
    """Of what is added to others."""
    if isinstance(part, Known):
        assert part.line.is_const, "bounds are numbers"
        return part.line.const + part.low, part.line.const + part.high
    return (0.0, 0.0) if part.zero else (-math.inf, part.below)


def _is_zero(part: Part) -> bool:
    return part.zero if isinstance(part, Later) else _bounds(part) == (0, 0)


def _below(number: float) -> Later:
    return Later(number) if number < 0 else ORDINARY


def of_map(fn: str, parts: list[Part]) -> Later:
    """What is known of `fn` of such elements."""
    if len(parts) == 1:
        return _unary(fn, parts[0])
    a, b = parts
    zeros = _is_zero(a), _is_zero(b)
    if all(zeros) and fn in ("add", "sub", "mul", "max", "min", "and", "or"):
        return ZERO
    if (any(zeros) and fn in ("mul", "and")) or (zeros[0] and fn == "div"):
        return ZERO
    if fn in ("mul", "div"):
        return _scaled(fn, a, b)
    return _summed(fn, a, b)


def _summed(fn: str, a: Part, b: Part) -> Later:
    match fn:
        case "add":
            return _below(_bounds(a)[1] + _bounds(b)[1])
        case "sub" if isinstance(b, Known):
            return _below(_bounds(a)[1] - _bounds(b)[0])
        case "sub" if b == ORDINARY:
            return _below(_bounds(a)[1])
        case "max" if isinstance(a, Known) or isinstance(b, Known):
            return _below(max(_bounds(a)[1], _bounds(b)[1]))
        case "min":
            return _below(min(_bounds(a)[1], _bounds(b)[1]))
        case _:
            return ORDINARY


def _scaled(fn: str, a: Part, b: Part) -> Later:
    """By a number above zero."""
    if isinstance(a, Known) and fn == "mul":
        a, b = b, a
    if not isinstance(a, Later) or not isinstance(b, Known):
        return ORDINARY
    low, high = _bounds(b)
    if low <= 0 or not math.isfinite(high):
        return ORDINARY
    return _below(a.below * low if fn == "mul" else a.below / high)


def _unary(fn: str, part: Part) -> Later:
    if fn == "exp" and _bounds(part)[1] <= HIDDEN:
        return ZERO
    if fn in KEEP_ZERO and _is_zero(part):
        return ZERO
    return ZERO if fn == "isnan" and _bounds(part)[1] < 0 else ORDINARY


def of_cast(part: Later, to_float: bool) -> Later:
    """In another element type."""
    return part if part.zero or to_float else ORDINARY


def one_of(parts: list[Part]) -> Later:
    """What is known of one of several."""
    if all(map(_is_zero, parts)):
        return ZERO
    return _below(max(_bounds(part)[1] for part in parts))
