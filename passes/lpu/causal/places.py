"""
Where an axis counts tokens, and which element is meant.

An axis may count tokens and other things: heads of one batch, `[H * S]`, choices of each token,
`[S * k]`. What counts tokens is a *digit* of its index.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from dialects.affine import Affine, NotAffine, product

ONE, NOTHING = Affine(1), Affine()

Dims = tuple[Affine, ...]


class Digit(NamedTuple):
    """`d` of an axis whose index is `(o * extent + d) * inner + r`, with `r < inner`."""

    axis: int
    extent: Affine
    inner: Affine = ONE

    def moved(self, axis: int) -> Digit:
        return self._replace(axis=axis)

    def is_whole(self, dims: Sequence[Affine]) -> bool:
        """Whether its axis counts nothing else."""
        return self.inner == ONE and dims[self.axis] == self.extent


def quotient(a: Affine, b: Affine) -> Affine | None:
    """`a / b` where that is exact; None where it is not."""
    if a == b:
        return ONE
    try:
        if b.is_const:
            return a // b.const if b.const else None
        name, coefficient = b.terms[0]
        factor = Affine(dict(a.terms).get(name, 0) // coefficient)
        return factor if factor != NOTHING and b * factor == a else None
    except NotAffine:
        return None


def reshaped(digit: Digit, source: Dims, target: Dims) -> Digit | None:
    """The digit behind a reshape, None if it is taken apart."""
    try:
        stride = digit.inner * product(source[digit.axis + 1 :])
        for axis, dim in enumerate(target):
            inner = quotient(stride, product(target[axis + 1 :]))
            if inner is not None and quotient(dim, inner * digit.extent) is not None:
                return Digit(axis, digit.extent, inner)
    except NotAffine:
        pass
    return None


Coordinate = tuple[tuple[Affine, Affine], ...]
"""The digits of an index along one axis, outermost first, each with its extent."""
Place = tuple[Coordinate, ...]
FIRST: Coordinate = ((NOTHING, ONE),)


def index_of(coordinate: Coordinate) -> Affine:
    """The index; `NotAffine` if it is none."""
    total = NOTHING
    for digit, extent in coordinate:
        total = total * extent + digit
    return total


Split = Callable[[Affine, Affine, Affine], Coordinate | None]
"""A digit as two, from its extent and that of the inner one; None if it does not come apart."""


def regrouped(place: Place, dims: Sequence[Affine], split: Split) -> Place | None:
    """The place in a tensor of other extents that holds the same elements in the same order."""
    left = [digit for coordinate in place for digit in coordinate if digit[1] != ONE][::-1]
    found = list[Coordinate]()
    for dim in reversed(dims):
        taken, extent = list[tuple[Affine, Affine]](), ONE
        while extent != dim:
            rest = quotient(dim, extent)
            if rest is None or not left:
                return None
            digit, count = left.pop(0)
            if quotient(rest, count) is None:
                parts = split(digit, rest, count)
                if parts is None:
                    return None
                outer, (digit, count) = parts[:-1], parts[-1]
                left = [*reversed(outer), *left]
            taken.append((digit, count))
            extent = extent * count
        found.append(tuple(reversed(taken)) or FIRST)
    return None if left else tuple(reversed(found))
