"""
Affine expressions over named integer symbols: `P + 1`, `4*i0 + 64`.

Every extent and offset below the importer is one of these. A symbol is an extent that is known
only when the program starts (`P`, the number of tokens in the cache) or the variable of a loop.
Products of symbols do not occur in the models we take; asking for one raises `NotAffine`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

TERM = re.compile(r"(?:(-?\d+)\*)?([A-Za-z_]\w*)|(-?\d+)")

Ranges = Mapping[str, tuple[int, int]]
"""Inclusive lower and upper bound of each symbol."""


class NotAffine(ValueError):
    """An operation on affine expressions whose result is not affine."""


class Differ(ValueError):
    """Two extents that would have to be equal, and are not for all values of the symbols."""

    def __init__(self, message: str, first: Affine, second: Affine) -> None:
        super().__init__(message)
        self.extents = first, second


@dataclass(frozen=True, slots=True, order=True)
class Affine:
    """`const + sum(coefficient * symbol)`; `terms` is sorted by symbol, without zeros."""

    const: int = 0
    terms: tuple[tuple[str, int], ...] = ()

    @staticmethod
    def symbol(name: str, coefficient: int = 1) -> Affine:
        return Affine(0, ((name, coefficient),)) if coefficient else Affine()

    @staticmethod
    def of(value: AffineLike) -> Affine:
        return value if isinstance(value, Affine) else Affine(int(value))

    @staticmethod
    def parse(text: str) -> Affine:
        """Read what `str` wrote: terms joined by ` + `; ValueError on anything else."""
        total = Affine()
        for term in text.split("+"):
            match = TERM.fullmatch(term.strip())
            if match is None:
                raise ValueError(f"not an affine expression: {text!r}")
            factor, name, const = match.groups()
            total += Affine.symbol(name, int(factor or 1)) if name else Affine(int(const))
        return total

    @property
    def is_const(self) -> bool:
        return not self.terms

    def __add__(self, other: AffineLike) -> Affine:
        if not isinstance(other, Affine):
            return Affine(self.const + int(other), self.terms)
        if not other.terms:
            return Affine(self.const + other.const, self.terms)
        if not self.terms:
            return Affine(self.const + other.const, other.terms)
        sums = dict(self.terms)
        for name, coefficient in other.terms:
            sums[name] = sums.get(name, 0) + coefficient
        terms = tuple(sorted((n, c) for n, c in sums.items() if c))
        return Affine(self.const + other.const, terms)

    def __radd__(self, other: int) -> Affine:
        return self + other

    def __neg__(self) -> Affine:
        return Affine(-self.const, tuple([(n, -c) for n, c in self.terms]))

    def __sub__(self, other: AffineLike) -> Affine:
        if not isinstance(other, Affine):
            return Affine(self.const - int(other), self.terms)
        if self.terms == other.terms:
            return Affine(self.const - other.const)
        return self + -other

    def __rsub__(self, other: int) -> Affine:
        return -self + other

    def __mul__(self, other: AffineLike) -> Affine:
        if not isinstance(other, Affine):
            return self._scaled(int(other))
        if not other.terms:
            return self._scaled(other.const)
        if self.terms:
            raise NotAffine(f"({self}) * ({other})")
        return other._scaled(self.const)

    def _scaled(self, factor: int) -> Affine:
        if factor == 0:
            return Affine()
        if factor == 1:
            return self
        return Affine(self.const * factor, tuple([(n, c * factor) for n, c in self.terms]))

    def __rmul__(self, other: int) -> Affine:
        return self * other

    def __floordiv__(self, divisor: int) -> Affine:
        """The exact quotient; `NotAffine` when a coefficient or the constant does not divide."""
        if self.const % divisor or any(c % divisor for _, c in self.terms):
            raise NotAffine(f"({self}) / {divisor}")
        return Affine(self.const // divisor, tuple((n, c // divisor) for n, c in self.terms))

    def evaluate(self, values: Mapping[str, int]) -> int:
        """The number this is when each symbol has its value; KeyError names a missing one."""
        return self.const + sum(c * values[n] for n, c in self.terms)

    def substitute(self, values: Mapping[str, AffineLike]) -> Affine:
        """Replace the symbols that `values` names; the others stay."""
        total = Affine(self.const)
        for name, coefficient in self.terms:
            total += Affine.of(values.get(name, Affine.symbol(name))) * coefficient
        return total

    def bounds(self, ranges: Ranges) -> tuple[int, int]:
        """Smallest and largest value over the ranges of the symbols."""
        low = high = self.const
        for name, coefficient in self.terms:
            ends = [coefficient * end for end in ranges[name]]
            low, high = low + min(ends), high + max(ends)
        return low, high

    def upper(self, ranges: Ranges) -> int:
        return self.bounds(ranges)[1]

    def lower(self, ranges: Ranges) -> int:
        return self.bounds(ranges)[0]

    def __str__(self) -> str:
        parts = [n if c == 1 else f"{c}*{n}" for n, c in self.terms]
        if self.const or not parts:
            parts.append(str(self.const))
        return " + ".join(parts)


AffineLike = Affine | int


def product(factors: Iterable[AffineLike]) -> Affine:
    """The product of all factors, at most one of which may hold symbols."""
    total = Affine(1)
    for factor in factors:
        total = total * factor
    return total
