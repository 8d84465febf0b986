"""
What is known, while compiling, of the elements of a value.

These kinds suffice for every shape and index computation that exporters emit:

* `Elements`: a small array, each element affine in the symbols (a shape, an axis list, a flag);
* `Line`: `base + sum(coefficients[d] * i[d])` over any extents (ranges, positions);
* `Fill`: one value everywhere, of any element type;
* `Numbers`: a small array of floats.

Integers are those of mathematics; `fits` says whether they are the elements of a tensor, too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np

from dialects.affine import Affine, NotAffine, Ranges
from dialects.lpu.types import Tensor
from runtime.numerics.elements import ElementType

ELEMENTS_LIMIT = 256
"""Largest array, in elements, that is followed element by element."""

Objects = np.ndarray[Any, np.dtype[np.object_]]


@dataclass(frozen=True, eq=False)
class Elements:
    """`array` has the shape of the value and holds `Affine`; booleans are 0 and 1."""

    array: Objects

    def flat(self) -> tuple[Affine, ...]:
        return tuple(self.array.reshape(-1))

    @cached_property
    def key(self) -> tuple[object, ...]:
        """Equal for equal elements of equal shape."""
        return (self.array.shape, *self.flat())


@dataclass(frozen=True)
class Line:
    """Affine in the index; one coefficient for each axis."""

    base: Affine
    coefficients: tuple[Affine, ...]

    @property
    def key(self) -> Line:
        return self


@dataclass(frozen=True, eq=False)
class Numbers:
    """`array` is the value itself, of floats."""

    array: np.ndarray[Any, np.dtype[Any]]

    @cached_property
    def key(self) -> tuple[object, ...]:
        return (self.array.shape, self.array.dtype, self.array.tobytes())


@dataclass(frozen=True, eq=False)
class Fill:
    """Every element is `value`, an array of rank 0 in the element type."""

    value: np.ndarray[Any, np.dtype[Any]]

    @cached_property
    def key(self) -> tuple[object, ...]:
        return ("fill", self.value.dtype, self.value.tobytes())


Content = Elements | Line | Fill | Numbers


def elements(values: Any) -> Elements:
    """Elements of an integer or boolean array, or of a nested list of affine expressions."""
    array = np.asarray(values, dtype=object)
    wrapped = np.empty(array.shape, dtype=object)
    flat = wrapped.reshape(-1)
    for index, value in enumerate(array.reshape(-1)):
        flat[index] = Affine.of(value)
    return Elements(wrapped)


def of_shape(values: Sequence[Affine], shape: tuple[int, ...]) -> Elements:
    """Affine expressions in row-major order as an array of this shape."""
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return Elements(array.reshape(shape))


def broadcast(*parts: Elements) -> list[Elements]:
    """Small arrays at their common shape, by numpy's rules."""
    return [Elements(array) for array in np.broadcast_arrays(*(p.array for p in parts))]


def scalar(value: Affine | int) -> Elements:
    wrapped = np.empty((), dtype=object)
    wrapped[()] = Affine.of(value)
    return Elements(wrapped)


def is_small(tensor: Tensor) -> bool:
    """Whether a value is followed element by element."""
    return tensor.is_static and tensor.elements.const <= ELEMENTS_LIMIT


def fits(content: Content, tensor: Tensor, ranges: Ranges) -> bool:
    """Whether integers lie within the element type for all symbols, so that none wraps."""
    match content:
        case Elements():
            bounds = [element.bounds(ranges) for element in content.flat()]
        case Line():
            bounds = [content.base.bounds(ranges)]
            for coefficient, extent in zip(content.coefficients, tensor.shape, strict=True):
                last = max(extent.upper(ranges) - 1, 0)
                steps = [0, *(c * last for c in coefficient.bounds(ranges))]
                bounds.append((min(steps), max(steps)))
            bounds = [(sum(low for low, _ in bounds), sum(high for _, high in bounds))]
        case _:
            return True
    low, high = (0, 1) if not tensor.dtype.is_int else _limits(tensor.dtype)
    return all(low <= least and most <= high for least, most in bounds)


def _limits(dtype: ElementType) -> tuple[int, int]:
    limits = np.iinfo(dtype.dtype)
    return int(limits.min), int(limits.max)


def as_elements(content: Content | None, tensor: Tensor) -> Elements | None:
    """The content element by element, where the value is small and its extents are numbers."""
    if content is None or isinstance(content, Elements):
        return content
    if tensor.dtype.is_float or isinstance(content, Numbers) or not is_small(tensor):
        return None
    shape = tensor.static_shape()
    if isinstance(content, Fill):
        return Elements(np.full(shape, Affine(int(content.value)), dtype=object))
    array = np.empty(shape, dtype=object)
    for index in np.ndindex(*shape):
        terms = zip(content.coefficients, index, strict=True)
        array[index] = sum((c * i for c, i in terms), content.base)
    return Elements(array)


def as_line(content: Content | None, tensor: Tensor) -> Line | None:
    """The content as a line: fills are flat ones, and so is a single element."""
    match content:
        case Line():
            return content
        case Fill() if not tensor.dtype.is_float:
            return Line(Affine(int(content.value)), (Affine(),) * tensor.rank)
        case Elements() if content.array.size == 1:
            return Line(content.flat()[0], (Affine(),) * tensor.rank)
        case _:
            return None


def line_through(found: Elements) -> Line | None:
    """The line, of steps that are numbers, that has exactly these elements; None if none has."""
    array, rank = found.array, found.array.ndim
    if not array.size:
        return None
    base = array[(0,) * rank]
    steps, places = list[Affine](), np.full(array.shape, base)
    for axis, extent in enumerate(array.shape):
        step = array[tuple(int(i == axis) for i in range(rank))] - base if extent > 1 else Affine()
        if not step.is_const:
            return None
        steps.append(step)
        along = np.array([step * i for i in range(extent)], dtype=object)
        places = places + along.reshape([-1 if i == axis else 1 for i in range(rank)])
    return Line(base, tuple(steps)) if (places == array).all() else None


def runs(values: Sequence[Affine]) -> list[tuple[Line, int]]:
    """The values cut into such lines and how many of them each has, each as long as it can be."""
    found, begin = list[tuple[Line, int]](), 0
    steps = [after - before for before, after in pairwise(values)]
    while begin < len(values):
        end = begin
        while end < len(steps) and steps[begin].is_const and steps[end] == steps[begin]:
            end += 1
        step = steps[begin] if end > begin else Affine()
        found.append((Line(values[begin], (step,)), end + 1 - begin))
        begin = end + 1
    return found


def expand_line(line: Line, old: Sequence[Affine], rank: int) -> Line:
    """The line after broadcasting: axes of extent 1 and new leading axes do not count."""
    kept = [Affine() if d == Affine(1) else c for d, c in zip(old, line.coefficients, strict=True)]
    return Line(line.base, (Affine(),) * (rank - len(kept)) + tuple(kept))


def combine_lines(fn: str, a: Line, b: Line) -> Line | None:
    """Sum, difference or product of two lines of equal rank; None when it is no line."""
    if fn in ("Add", "Sub"):
        sign = 1 if fn == "Add" else -1
        pairs = zip(a.coefficients, b.coefficients, strict=True)
        return Line(a.base + b.base * sign, tuple(x + y * sign for x, y in pairs))
    if fn != "Mul":
        return None
    for line, factor in ((a, b), (b, a)):
        if not any(c != Affine() for c in factor.coefficients):
            try:
                scaled = tuple(c * factor.base for c in line.coefficients)
                return Line(line.base * factor.base, scaled)
            except NotAffine:
                return None
    return None


def sign(value: Affine, ranges: Ranges) -> int | None:
    """-1, 0 or 1 when the sign is the same whatever the symbols are, else None."""
    low, high = value.bounds(ranges)
    if low > 0:
        return 1
    if high < 0:
        return -1
    return 0 if low == high == 0 else None


def compare(fn: str, a: Affine, b: Affine, ranges: Ranges) -> bool | None:
    """`a fn b` when it is decided whatever the symbols are."""
    low, high = (a - b).bounds(ranges)
    decisions: dict[str, tuple[bool, bool]] = {
        "Equal": (low == high == 0, low > 0 or high < 0),
        "Less": (high < 0, low >= 0),
        "LessOrEqual": (high <= 0, low > 0),
        "Greater": (low > 0, high <= 0),
        "GreaterOrEqual": (low >= 0, high < 0),
    }
    holds, fails = decisions[fn]
    return True if holds else False if fails else None


def _truncated(a: Affine, b: Affine) -> Affine:
    """ONNX integer division: exact, or of two numbers, truncated towards zero."""
    if not b.is_const or b.const == 0:
        raise NotAffine(f"({a}) / ({b})")
    if a.is_const:
        quotient = abs(a.const) // abs(b.const)
        return Affine(quotient if (a.const < 0) == (b.const < 0) else -quotient)
    return a // b.const


def _modulo(a: Affine, b: Affine) -> Affine:
    if a.is_const and b.is_const and b.const:
        return Affine(a.const % b.const)
    raise NotAffine(f"({a}) mod ({b})")


ARITHMETIC: dict[str, Callable[[Affine, Affine], Affine]] = {
    "Add": lambda a, b: a + b,
    "Sub": lambda a, b: a - b,
    "Mul": lambda a, b: a * b,
    "Div": _truncated,
    "Mod": _modulo,
}
COMPARE = ("Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual")


def combine_elements(fn: str, a: Elements, b: Elements, ranges: Ranges) -> Elements | None:
    """An ONNX operator of two small arrays; None as soon as one element is not decided."""
    left, right = broadcast(a, b)
    try:
        pairs = zip(left.flat(), right.flat(), strict=True)
        values = [_combine(fn, x, y, ranges) for x, y in pairs]
    except NotAffine:
        return None
    known = [value for value in values if value is not None]
    return of_shape(known, left.array.shape) if len(known) == len(values) else None


def _combine(fn: str, a: Affine, b: Affine, ranges: Ranges) -> Affine | None:
    if fn in ARITHMETIC:
        return ARITHMETIC[fn](a, b)
    if fn in COMPARE:
        decided = compare(fn, a, b, ranges)
        return None if decided is None else Affine(int(decided))
    low, high = (a - b).bounds(ranges)
    if low < 0 < high:
        return None
    return a if (low >= 0) == (fn == "Max") else b
