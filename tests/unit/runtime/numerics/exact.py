"""Exact values of scalar functions, by mpmath and rational numbers, and what results may be."""

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any, NamedTuple

import mpmath as mp
import numpy as np

from runtime.numerics.bounds import Bound
from runtime.numerics.elements import ElementType

E = ElementType
FLOATS = (E.F32, E.F16, E.BF16)
BITS = 400
FAR = 3000


class Format(NamedTuple):
    """A binary float: bits of the significand, exponents of the least and greatest normal."""

    bits: int
    least: int
    greatest: int

    @property
    def top(self) -> Fraction:
        """The power of two behind the greatest number."""
        return Fraction(2) ** (self.greatest + 1)


FORMATS = {E.F32: Format(24, -126, 127), E.F16: Format(11, -14, 15), E.BF16: Format(8, -126, 127)}


def _exponent(value: Fraction) -> int:
    """The greatest e with 2^e <= value."""
    guess = value.numerator.bit_length() - value.denominator.bit_length()
    return guess if Fraction(2) ** guess <= value else guess - 1


def ulp(value: Fraction, element: ElementType) -> Fraction:
    """The distance of the numbers of a type around a value."""
    form = FORMATS[element]
    exponent = form.least if not value else max(_exponent(abs(value)), form.least)
    return Fraction(2) ** (min(exponent, form.greatest) - form.bits + 1)


def rounded(value: Fraction, element: ElementType) -> float:
    """The nearest number of a type, of two the even one; what is too large is infinite."""
    unit, form = ulp(value, element), FORMATS[element]
    found = round(value / unit) * unit
    return math.copysign(math.inf, found) if abs(found) >= form.top else float(found)


def _fraction(value: Any) -> Fraction:
    """The value of a number of mpmath; what no type comes near is brought nearer."""
    sign, mantissa, exponent, bits = value._mpf_
    size = Fraction(int(mantissa))
    if abs(exponent + bits) > FAR:
        size, exponent = Fraction(bool(mantissa)), math.copysign(FAR, exponent + bits)
    return size * Fraction(2) ** int(exponent) * (-1) ** int(sign)


def _tanh_gelu(x: Any) -> Any:
    u = mp.sqrt(2 / mp.pi) * (x + mp.mpf("0.044715") * x**3)
    return x / (1 + mp.exp(-2 * u))


TRANSCENDENTAL: dict[str, Callable[..., Any]] = {
    "sqrt": mp.sqrt, "exp": mp.exp, "log": mp.log, "tanh": mp.tanh, "sin": mp.sin, "cos": mp.cos,
    "erf": mp.erf, "sigmoid": lambda x: 1 / (1 + mp.exp(-x)), "pow": mp.power,
    "gelu": lambda x: x / 2 * mp.erfc(-x / mp.sqrt(2)), "gelu_tanh": _tanh_gelu,
    "silu": lambda x: x / (1 + mp.exp(-x)),
}  # fmt: skip
RATIONAL: dict[str, Callable[..., Fraction]] = {
    "neg": lambda x: -x, "abs": abs, "recip": lambda x: 1 / x, "relu": lambda x: max(x, Fraction()),
    "floor": lambda x: Fraction(math.floor(x)), "ceil": lambda x: Fraction(math.ceil(x)),
    "round": lambda x: Fraction(round(x)), "sign": lambda x: Fraction((x > 0) - (x < 0)),
    "add": lambda x, y: x + y, "sub": lambda x, y: x - y, "mul": lambda x, y: x * y,
    "div": lambda x, y: x / y, "max": max, "min": min, "mod": lambda x, y: x % y,
    "fmod": lambda x, y: x - math.trunc(x / y) * y,
}  # fmt: skip


def exact(name: str, *operands: float) -> Fraction:
    """The value of a function at finite operands of its domain, right to some hundred bits."""
    if name in RATIONAL:
        return RATIONAL[name](*map(Fraction, operands))
    with mp.workprec(BITS):
        return _fraction(mp.mpf(TRANSCENDENTAL[name](*map(mp.mpf, operands))))


def allowed(value: Fraction, bound: Bound, element: ElementType) -> Fraction:
    """The greatest error of a result of a type."""
    in_f32 = Fraction(bound.ulps) * ulp(value, E.F32) + Fraction(bound.absolute)
    return in_f32 if element is E.F32 else in_f32 + ulp(value, element) / 2


def error(found: float, value: Fraction, element: ElementType) -> Fraction:
    """How far a result is from the exact value, with what overflows at the power of two behind."""
    top = FORMATS[element].top
    held = Fraction(found) if math.isfinite(found) else math.copysign(1, found) * top
    return abs(held - max(-top, min(top, value)))


def as_floats(values: np.ndarray[Any, Any]) -> list[float]:
    """Elements of any float type as Python's floats, which hold them all."""
    with np.errstate(invalid="ignore"):
        return values.astype(np.float64).tolist()
