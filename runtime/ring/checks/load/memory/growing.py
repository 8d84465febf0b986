"""Operands of which there is more or less, as symbols and turns say.

What devices put, exchange and store with such extents has to fit for each number that those may be,
and so has what is read of it: all of them are tried.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import product
from math import prod
from typing import NamedTuple

from runtime.ring.checks.load.memory.axes import Axes, axes_of, has_all
from runtime.ring.checks.load.memory.ranges import Range, Ranges, clipped, merged
from runtime.ring.checks.load.touches import Pieces, pieces
from runtime.ring.checks.load.values import (
    HIGHEST,
    LOWEST,
    UNKNOWN,
    Span,
    Value,
    ends,
    number_of,
    roots_of,
    sources_of,
)

MOST_NUMBERS = 1 << 13
"""Numbers that are tried."""
INTEGERS = {int}


class Grown(NamedTuple):
    """An operand: its addresses, one or one for each device, extents and strides, element size.

    What is read may lie `further` on by as much as symbols and turns say.
    """

    bases: tuple[int, ...]
    shape: tuple[Value, ...]
    size: int
    further: Value = 0

    @property
    def is_fixed(self) -> bool:
        """Whether there is as much of it whatever symbols and turns are."""
        return INTEGERS.issuperset(map(type, self.shape))

    @property
    def axes(self) -> tuple[tuple[int, ...], Axes | None]:
        """Its addresses and its axes, if it is known that they are the same on all devices."""
        return self.bases, None if self.further else axes_of(self.shape, self.size)

    @property
    def sources(self) -> int:
        """What it depends on how much there is of it."""
        found = 0
        for number in self.shape:
            found |= sources_of(number)
        return found

    def is_of(self, source: int) -> bool:
        """Whether how much there is of it depends on something, a bit."""
        return bool(self.sources & source)

    def replaces(self, older: "Grown") -> bool:
        """Whether on each device it has all that another has there of its greatest bytes."""
        pairs = zip(self.bases, older.bases, strict=True)
        return all(
            covers(self._replace(bases=(base,)), older._replace(bases=(other,)))
            for base, other in pairs
        )

    @property
    def greatest(self) -> Ranges:
        """Its bytes with the greatest numbers."""
        parts = pieces(tuple(ends(number)[1] for number in self.shape), self.size)
        return Ranges((base + low, base + high) for base in self.bases for low, high in parts)

    def bytes_of(self, given: dict[Span, int]) -> Iterator[tuple[int, int]]:
        """Its bytes with some numbers."""
        shape = tuple(number_of(number, given) for number in self.shape)
        parts: Pieces = pieces(shape, self.size)
        bases = [base + number_of(self.further, given) for base in self.bases]
        return ((base + low, base + high) for base in bases for low, high in parts)


NEVER = Grown((), (UNKNOWN, 1, 1, 1, 0, 0, 0, 0), 1)
"""Of which nobody knows how much there is."""


def have(whole: Sequence[Grown], part: Grown, within: Ranges | None = None) -> bool:
    """Whether operands have all bytes of another, whatever symbols and turns are.

    If `within` is given, all that it has of those.
    """
    return any(
        all(
            _have(
                [pair for grown in whole for pair in grown.bytes_of(given)],
                part.bytes_of(given) if within is None else within.common(part.bytes_of(given)),
            )
            for given in tried
        )
        for tried in _tried((*whole, part))
    )


def covers(new: Grown, older: Grown) -> bool:
    """Whether an operand has all that another has of its greatest bytes."""
    return has_all(new.axes, older.axes, LOWEST, HIGHEST) or have([new], older, new.greatest)


def _have(whole: Iterable[Range], part: Iterable[Range]) -> bool:
    ranges = Ranges(whole)
    return all(ranges.have(low, high) for low, high in part)


@lru_cache(1 << 14)
def has(whole: Grown, part: Grown, low: int, high: int) -> bool:
    """Whether an operand has what another has of some bytes, whatever symbols and turns are."""
    return has_all(whole.axes, part.axes, low, high) or any(
        all(
            _have(whole.bytes_of(given), clipped(part.bytes_of(given), low, high))
            for given in tried
        )
        for tried in _tried((whole, part))
    )


@lru_cache(1 << 14)
def agree(one: Grown, other: Grown, low: int, high: int) -> bool:
    """Whether two operands have the same of some bytes, whatever symbols and turns are."""
    alike = has_all(one.axes, other.axes, low, high) and has_all(other.axes, one.axes, low, high)
    return alike or any(
        all(
            merged(clipped(one.bytes_of(given), low, high))
            == merged(clipped(other.bytes_of(given), low, high))
            for given in tried
        )
        for tried in _tried((one, other))
    )


def _tried(operands: Iterable[Grown]) -> Iterator[Iterator[dict[Span, int]]]:
    """All numbers that operands may be made of, or more; nothing where those are too many.

    Each number is looked at as if it did not hang on the others, and then what they are made of.
    """
    shapes = [(*grown.shape, grown.further) for grown in operands]
    found = {number for shape in shapes for number in shape if not isinstance(number, int)}
    values = {number for number in found if isinstance(number, Span)}
    if len(values) < len(found):
        return
    strides = {value for shape in shapes for value in shape[4:]}
    for roots, least in ((values, -1), (roots_of(values), LOWEST)):
        ranges = [
            range(max(low, root.low), max(low, root.high) + 1)
            for root in roots
            for low in (LOWEST if root in strides else least,)
        ]
        if prod(numbers.stop - numbers.start for numbers in ranges) <= MOST_NUMBERS:
            yield (dict(zip(roots, numbers, strict=True)) for numbers in product(*ranges))
