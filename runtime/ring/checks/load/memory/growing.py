"""Operands in HBM of which there is more or less, as symbols and turns say.

What devices put, exchange and store with such extents has to fit for each number that those may be:
all of them are tried.
"""

from collections.abc import Iterator, Sequence
from itertools import product
from math import prod
from typing import NamedTuple

from runtime.ring.checks.load.touches import Pieces, pieces
from runtime.ring.checks.load.values import Span, Value, is_uniform, number_of, roots_of, sources_of

MOST_NUMBERS = 1 << 13
"""Numbers that are tried."""
Ranges = list[list[int]]


class Grown(NamedTuple):
    """An operand: its addresses, one or one for each device, extents and strides, element size."""

    bases: tuple[int, ...]
    shape: tuple[Value, ...]
    size: int

    @property
    def is_fixed(self) -> bool:
        """Whether there is as much of it whatever symbols and turns are."""
        return all(isinstance(number, int) for number in self.shape)

    def is_of(self, source: int) -> bool:
        """Whether how much there is of it depends on something, a bit."""
        return any(sources_of(number) & source for number in self.shape)

    def replaces(self, older: "Grown") -> bool:
        """Whether on each device it has all bytes that another has there."""
        return all(
            have([self._replace(bases=(base,))], older._replace(bases=(other,)))
            for base, other in zip(self.bases, older.bases, strict=True)
        )

    def bytes_of(self, given: dict[Span, int]) -> Iterator[tuple[int, int]]:
        """Its bytes with some numbers."""
        shape = tuple(number_of(number, given) for number in self.shape)
        parts: Pieces = pieces(shape, self.size)
        return ((base + low, base + high) for base in self.bases for low, high in parts)


def have(whole: Sequence[Grown | None], part: Grown | None) -> bool:
    """Whether operands have all bytes of another, whatever symbols and turns are.

    Not if one is None, of which nothing is known.
    """
    known = [grown for grown in whole if grown is not None]
    return part is not None and len(known) == len(whole) and _covers(known, part)


def _covers(whole: Sequence[Grown], part: Grown) -> bool:
    values = [number for grown in (*whole, part) for number in grown.shape]
    if not all(map(is_uniform, values)):
        return False
    roots = list(roots_of(values))
    ranges = [range(root.low, root.high + 1) for root in roots]
    if prod(numbers.stop - numbers.start for numbers in ranges) > MOST_NUMBERS:
        return False
    for numbers in product(*ranges):
        given = dict(zip(roots, numbers, strict=True))
        held = _merged(pair for grown in whole for pair in grown.bytes_of(given))
        if not all(_is_within(held, *pair) for pair in part.bytes_of(given)):
            return False
    return True


def _merged(pairs: Iterator[tuple[int, int]]) -> Ranges:
    found: Ranges = []
    for low, high in sorted(pairs):
        if found and low <= found[-1][1]:
            found[-1][1] = max(high, found[-1][1])
        else:
            found.append([low, high])
    return found


def _is_within(held: Ranges, low: int, high: int) -> bool:
    return any(first <= low and high <= end for first, end in held)
