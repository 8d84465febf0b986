"""Ranges of bytes, each from its first one to the first one behind it."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator

from runtime.ring.checks.load.values import LOWEST

Range = tuple[int, int]


def merged(ranges: Iterable[Range]) -> list[Range]:
    """The bytes of ranges as ranges in order, of which none touch."""
    found: list[Range] = []
    for low, high in sorted(ranges):
        if found and low <= found[-1][1]:
            found[-1] = found[-1][0], max(high, found[-1][1])
        else:
            found.append((low, high))
    return found


def clipped(ranges: Iterable[Range], low: int, high: int) -> Iterator[Range]:
    """What ranges have of the bytes of one."""
    for first, end in ranges:
        if first < high and low < end:
            yield max(first, low), min(end, high)


class Ranges:
    """Bytes of which it is asked often what ranges have of them."""

    def __init__(self, ranges: Iterable[Range]) -> None:
        self.all = merged(ranges)
        self.lows = [low for low, _ in self.all]
        self.ends = [LOWEST, *(high for _, high in self.all)]

    def have(self, low: int, high: int) -> bool:
        """Whether all bytes of a range are among them."""
        return high <= self.ends[bisect_right(self.lows, low)]

    def meet(self, low: int, high: int) -> bool:
        """Whether some byte of a range is among them."""
        return low < self.ends[bisect_left(self.lows, high)]

    def common(self, ranges: Iterable[Range]) -> Iterator[Range]:
        """What is among them of ranges."""
        for low, high in ranges:
            first = bisect_right(self.ends, low) - 1
            yield from clipped(self.all[first : bisect_left(self.lows, high)], low, high)
