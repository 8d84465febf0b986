"""
Reshapes of strided views: when one is a view again, and how to copy when it is not.

Two row-major shapes with equally many elements are split into common factors, outermost first:
`[6, P] -> [2, 3, P]` splits the first axis into 2 and 3. An axis of the result is a view when the
strides of the factors it merges follow on one another.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import gcd
from typing import NamedTuple

from dialects.affine import Affine, NotAffine

ONE = Affine(1)


class Refinement(NamedTuple):
    """Common factors of two shapes, and which axis of each shape a factor belongs to."""

    extents: tuple[Affine, ...]
    source_axes: tuple[int, ...]
    target_axes: tuple[int, ...]

    def source_strides(self, strides: Sequence[Affine]) -> tuple[Affine, ...]:
        return _split(self.extents, self.source_axes, strides)

    def target_strides(self, strides: Sequence[Affine]) -> tuple[Affine, ...]:
        return _split(self.extents, self.target_axes, strides)


def _split(
    extents: Sequence[Affine], axes: Sequence[int], strides: Sequence[Affine]
) -> tuple[Affine, ...]:
    """The stride of each factor: its axis' stride times the factors further in on that axis."""
    result: list[Affine] = []
    inner, last = ONE, -1
    for extent, axis in zip(reversed(extents), reversed(axes), strict=True):
        inner = inner if axis == last else ONE
        result.append(strides[axis] * inner)
        inner, last = inner * extent, axis
    return tuple(reversed(result))


def refine(source: Sequence[Affine], target: Sequence[Affine]) -> Refinement | None:
    """Split two shapes into common factors; None when they do not split outermost first."""
    left = [(i, d) for i, d in enumerate(source) if d != ONE]
    right = [(i, d) for i, d in enumerate(target) if d != ONE]
    factors: list[tuple[Affine, int, int]] = []
    while left and right:
        (i, a), (j, b) = left.pop(0), right.pop(0)
        common = _common(a, b)
        if common is None:
            return None
        extent, rest_a, rest_b = common
        factors.append((extent, i, j))
        if rest_a != ONE:
            left.insert(0, (i, rest_a))
        if rest_b != ONE:
            right.insert(0, (j, rest_b))
    if left or right:
        return None
    extents, source_axes, target_axes = zip(*factors, strict=True) if factors else ((), (), ())
    return Refinement(extents, source_axes, target_axes)


def _common(a: Affine, b: Affine) -> tuple[Affine, Affine, Affine] | None:
    """The largest outer factor of both extents, and what is left of each."""
    if a == b:
        return a, ONE, ONE
    if a.is_const and b.is_const:
        factor = gcd(a.const, b.const)
        if factor <= 1:
            return None
        return Affine(factor), Affine(a.const // factor), Affine(b.const // factor)
    if (ratio := _ratio(a, b)) is not None:
        return b, ratio, ONE
    if (ratio := _ratio(b, a)) is not None:
        return a, ONE, ratio
    return None


def _ratio(a: Affine, b: Affine) -> Affine | None:
    """`a / b` when it is exact and either is a number, or when `a` is a multiple of `b`."""
    if b.is_const:
        try:
            return a // b.const if b.const > 0 else None
        except NotAffine:
            return None
    if a.is_const:
        return None
    name, coefficient = b.terms[0]
    factor = dict(a.terms).get(name, 0) // coefficient
    return Affine(factor) if factor > 1 and b * factor == a else None


def merged_strides(
    refinement: Refinement, strides: Sequence[Affine], target: Sequence[Affine]
) -> tuple[Affine, ...] | None:
    """Strides of the target as a view of the source; None when a copy is needed."""
    try:
        factors = refinement.source_strides(strides)
        result = [Affine()] * len(target)
        following: dict[int, Affine] = {}
        for index in reversed(range(len(factors))):
            axis, stride = refinement.target_axes[index], factors[index]
            if axis in following and following[axis] != stride:
                return None
            if axis not in following:
                result[axis] = stride
            following[axis] = stride * refinement.extents[index]
        return tuple(result)
    except NotAffine:
        return None
