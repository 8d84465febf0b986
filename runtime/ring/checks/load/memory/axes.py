"""The bytes of operands axis by axis, which need no numbers where both have as much of an axis.

An operand has, from each of its addresses on, the sums of one place along each axis. So an axis of
which there is more or less counts for itself: what has the same ones as another, and begins
wherever that begins, has all of its bytes, whatever the numbers are.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache
from math import gcd, prod
from typing import NamedTuple

from runtime.ring.checks.load.values import Value, ends, is_uniform

MOST_STARTS = 1 << 13
"""Places at which an operand begins that are looked at."""


class Axes(NamedTuple):
    """The axes of an operand, of which those of one element are none.

    `grown` are extents and strides that symbols and turns say, `fixed` strides and extents of which
    none goes on where another ends, and `run` are bytes that follow each other.
    """

    grown: Counter[tuple[Value, Value]]
    fixed: tuple[tuple[int, int], ...]
    run: int

    def starts(self, bases: Sequence[int], unit: int) -> set[int] | None:
        """Where what is grown begins, from some addresses on and for each unit of a run.

        None where that is at too many places.
        """
        fixed = (unit, self.run // unit), *self.fixed
        if len(bases) * prod(count for _, count in fixed) > MOST_STARTS:
            return None
        found = set(bases)
        for step, count in fixed:
            found = {start + step * at for start in found for at in range(count)}
        return found

    def reach(self) -> tuple[int, int]:
        """What is touched behind a start and before its run, with the greatest numbers: a hull."""
        first = last = 0
        for count, step in self.grown.elements():
            most = max(0, ends(count)[1] - 1)
            low, high = ends(step)
            first, last = first + min(0, most * low), last + max(0, most * high)
        return first, last


@lru_cache(1 << 12)
def axes_of(shape: tuple[Value, ...], size: int) -> Axes | None:
    """The axes of four extents and four strides, and elements of so many bytes.

    None where one has no element, or is not known to be the same on all devices.
    """
    grown, fixed = Counter[tuple[Value, Value]](), list[tuple[int, int]]()
    for count, step in zip(shape[:4], shape[4:], strict=True):
        if not is_uniform(count) or not is_uniform(step) or (isinstance(count, int) and count < 1):
            return None
        if not isinstance(count, int) or not isinstance(step, int):
            grown[count, step] += 1
        elif count > 1 and step:
            fixed.append((step, count))
    (_, run), *others = _joined([(1, size), *fixed])
    return Axes(grown, tuple(others), run)


def _joined(axes: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """One axis for those of which one goes on where the other ends, the first of bytes."""
    bytes_, *others = axes
    found = [bytes_]
    for step, count in sorted(others, key=lambda axis: abs(axis[0])):
        last, before = found[-1]
        if step == last * before:
            found[-1] = last, before * count
        else:
            found.append((step, count))
    return found


def has_all(
    whole: tuple[Sequence[int], Axes | None], part: tuple[Sequence[int], Axes | None],
    low: int, high: int,
) -> bool:  # fmt: skip
    """Whether axes from some addresses on have all of others' bytes between two, at a glance."""
    (bases, axes), (others, own) = whole, part
    if axes is None or own is None or axes.grown != own.grown:
        return False
    if (axes.fixed, axes.run) == (own.fixed, own.run) and set(others) <= set(bases):
        return True
    unit = gcd(axes.run, own.run)
    had, asked = axes.starts(bases, unit), own.starts(others, unit)
    if had is None or asked is None:
        return False
    first, last = axes.reach()
    return all(start + last + unit <= low or high <= start + first for start in asked - had)
