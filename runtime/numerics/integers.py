"""Integer arithmetic where numpy and ONNX differ: division, remainders and powers.

A zero divisor traps. All results wrap to the type of the operands.
"""

from typing import Any

import numpy as np

from runtime.traps import Trap, TrapKind

Array = np.ndarray[Any, np.dtype[Any]]


def _refuse_zero(divisor: Array) -> None:
    if divisor.size and not divisor.all():
        raise Trap(TrapKind.DIVIDE_BY_ZERO, "an integer is divided by zero")


def divide(a: Array, b: Array) -> Array:
    """Quotient truncated towards zero; the minimum divided by -1 wraps to itself."""
    _refuse_zero(b)
    quotient = np.floor_divide(a, b)
    inexact = np.multiply(quotient, b) != a
    return quotient + (inexact & ((a < 0) != (b < 0))).astype(quotient.dtype)


def modulo(a: Array, b: Array) -> Array:
    """Remainder with the sign of the divisor."""
    _refuse_zero(b)
    return np.mod(a, b)


def remainder(a: Array, b: Array) -> Array:
    """Remainder with the sign of the dividend, as C's `fmod`."""
    _refuse_zero(b)
    return np.fmod(a, b)


def power(a: Array, b: Array) -> Array:
    """`a ** b`, wrapping; a negative exponent gives the truncated reciprocal, for a = 0 a trap."""
    negative = b < 0
    if np.any(negative & (a == 0)):
        raise Trap(TrapKind.DIVIDE_BY_ZERO, "zero is raised to a negative power")
    magnitude = np.power(a, np.maximum(b, b.dtype.type(0)))
    sign = np.where(b % 2 == 0, 1, a)
    unit = np.where(np.abs(a) == 1, sign, 0).astype(magnitude.dtype)
    return np.where(negative, unit, magnitude)


def shift_right(a: Array, b: Array) -> Array:
    """Bits of `a` moved down by `b` modulo the width of the type; zeros enter at the top."""
    unsigned = np.dtype(f"u{a.dtype.itemsize}")
    count = b.view(unsigned) & unsigned.type(8 * a.dtype.itemsize - 1)
    return np.right_shift(a.view(unsigned), count).view(a.dtype)
