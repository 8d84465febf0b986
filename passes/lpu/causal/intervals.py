"""Arithmetic on what is known of an element: an expression, and how far it is off at most."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from dialects.affine import Affine, NotAffine, Ranges

NOTHING = Affine()


@dataclass(frozen=True)
class Known:
    """An element lies between `line + low` and `line + high`; booleans are 0 and 1."""

    line: Affine = NOTHING
    low: float = -math.inf
    high: float = math.inf

    def __post_init__(self) -> None:
        """One number is part of the line."""
        if self.low == self.high != 0 and math.isfinite(self.low) and self.low == int(self.low):
            object.__setattr__(self, "line", self.line + int(self.low))
            object.__setattr__(self, "low", 0)
            object.__setattr__(self, "high", 0)

    @property
    def is_line(self) -> bool:
        """Whether it is a whole number that is known but for symbols."""
        return self.low == self.high == 0

    @property
    def number(self) -> float:
        """The number that a point is."""
        return self.line.const + self.low

    @property
    def is_point(self) -> bool:
        """Whether it is one number."""
        return self.line.is_const and self.low == self.high and math.isfinite(self.low)

    def span(self, ranges: Ranges) -> tuple[float, float]:
        """Its bounds as numbers."""
        low, high = self.line.bounds(ranges)
        return float(low + self.low), float(high + self.high)


UNKNOWN, BOOLEAN = Known(), Known(low=0, high=1)


def point(number: float) -> Known:
    return Known(low=number, high=number)


def hull(parts: list[Known], ranges: Ranges) -> Known:
    """What is known of an element that is one of several."""
    if len(set(parts)) == 1:
        return parts[0]
    spans = [part.span(ranges) for part in parts]
    return Known(low=min(low for low, _ in spans), high=max(high for _, high in spans))


def _add(a: Known, b: Known, _ranges: Ranges) -> Known:
    return Known(a.line + b.line, a.low + b.low, a.high + b.high)


def _negated(a: Known) -> Known:
    return Known(-a.line, -a.high, -a.low)


def _products(a: Known, b: Known, ranges: Ranges, fn: Callable[[float, float], float]) -> Known:
    ends = [fn(x, y) for x in a.span(ranges) for y in b.span(ranges)]
    if any(math.isnan(end) for end in ends):
        return UNKNOWN
    return Known(low=min(ends), high=max(ends))


def _mul(a: Known, b: Known, ranges: Ranges) -> Known:
    for factor, other in ((a, b), (b, a)):
        if factor.is_point and factor.span(ranges)[0].is_integer() and other.is_line:
            return Known(other.line * int(factor.span(ranges)[0]), 0, 0)
        if factor.is_point and factor.span(ranges)[0] == 0 and other != UNKNOWN:
            return point(0)
    return _products(a, b, ranges, lambda x, y: 0.0 if 0 in (x, y) else x * y)


def _div(a: Known, b: Known, ranges: Ranges) -> Known:
    low, high = b.span(ranges)
    if low <= 0 <= high:
        return UNKNOWN
    return _products(a, b, ranges, lambda x, y: x / y)


def _difference(a: Known, b: Known, ranges: Ranges) -> tuple[float, float]:
    return _add(a, _negated(b), ranges).span(ranges)


def _truth(yes: bool, no: bool) -> Known:
    return point(1) if yes else point(0) if no else BOOLEAN


def _lt(a: Known, b: Known, ranges: Ranges) -> Known:
    low, high = _difference(a, b, ranges)
    return _truth(high < 0, low >= 0)


def _le(a: Known, b: Known, ranges: Ranges) -> Known:
    low, high = _difference(a, b, ranges)
    return _truth(high <= 0, low > 0)


def _eq(a: Known, b: Known, ranges: Ranges) -> Known:
    low, high = _difference(a, b, ranges)
    return _truth(low == high == 0, low > 0 or high < 0)


def _opposite(a: Known) -> Known:
    return Known(-a.line, 1 - a.high, 1 - a.low)


def _extreme(choose: Callable[[float, float], float]) -> Callable[[Known, Known, Ranges], Known]:
    def apply(a: Known, b: Known, ranges: Ranges) -> Known:
        if a.is_line and b.is_line:
            low, high = _difference(a, b, ranges)
            if low >= 0 or high <= 0:
                return a if (low >= 0) == (choose(1, 0) == 1) else b
        (a_low, a_high), (b_low, b_high) = a.span(ranges), b.span(ranges)
        return Known(low=choose(a_low, b_low), high=choose(a_high, b_high))

    return apply


_BINARY: dict[str, Callable[[Known, Known, Ranges], Known]] = {
    "add": _add,
    "sub": lambda a, b, ranges: _add(a, _negated(b), ranges),
    "mul": _mul,
    "div": _div,
    "max": _extreme(max),
    "min": _extreme(min),
    "lt": _lt,
    "le": _le,
    "gt": lambda a, b, ranges: _lt(b, a, ranges),
    "ge": lambda a, b, ranges: _le(b, a, ranges),
    "eq": _eq,
    "ne": lambda a, b, ranges: _opposite(_eq(a, b, ranges)),
}
COMPARISONS = frozenset({"lt", "le", "gt", "ge", "eq", "ne"})
_OF_BOOL: dict[str, Callable[[float, float], float]] = {"and": min, "or": max}


def lines_of(fn: str, inputs: list[Known], result: Known) -> list[Affine]:
    """The lines that decide what is known of a result, besides its own."""
    if fn in ("add", "sub", "neg") or result.is_point or (fn == "mul" and result.is_line):
        return []
    if fn in ("max", "min") and result.is_line and result in inputs:
        return []
    if fn in COMPARISONS:
        return [inputs[0].line - inputs[1].line]
    return [known.line for known in inputs]


def mapped(fn: str, inputs: list[Known], is_bool: bool, ranges: Ranges) -> Known:
    """What is known of `fn` of elements of which something is known; of bools where it says so."""
    if is_bool and fn in _OF_BOOL:
        return _extreme(_OF_BOOL[fn])(inputs[0], inputs[1], ranges)
    if is_bool and fn == "not":
        return _opposite(inputs[0])
    if fn in _BINARY:
        try:
            return _BINARY[fn](inputs[0], inputs[1], ranges)
        except NotAffine:
            return UNKNOWN
    if fn == "neg":
        return _negated(inputs[0])
    if fn == "isnan":
        return point(0) if all(map(math.isfinite, inputs[0].span(ranges))) else BOOLEAN
    return BOOLEAN if is_bool else UNKNOWN


def cast(known: Known, to_bool: bool, to_int: bool, ranges: Ranges) -> Known:
    """What is known of it in another element type."""
    low, high = known.span(ranges)
    if to_bool:
        return _truth(low > 0 or high < 0, low == high == 0)
    if to_int and not known.is_line:
        ends = [math.trunc(end) if math.isfinite(end) else end for end in (low, high)]
        return Known(low=ends[0], high=ends[1])
    return known
