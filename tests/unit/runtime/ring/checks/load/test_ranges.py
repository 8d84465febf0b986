"""Ranges of bytes, beside sets of bytes."""

import itertools
from random import Random

from runtime.ring.checks.load.memory.ranges import Ranges, clipped, merged


def _bytes(ranges: list[tuple[int, int]]) -> set[int]:
    return {at for low, high in ranges for at in range(low, high)}


def test_ranges_are_the_bytes_that_they_have():
    random = Random(3)
    for count in [0, 1, 2, 5] * 30:
        starts = [random.randint(-8, 8) for _ in range(count)]
        ranges = [(start, start + random.randint(1, 4)) for start in starts]
        found, (low, high) = _bytes(ranges), sorted(random.sample(range(-10, 14), 2))
        together, asked = merged(ranges), set(range(low, high))
        assert _bytes(together) == found
        assert all(end < start for (_, end), (start, _) in itertools.pairwise(together))
        assert _bytes(list(clipped(ranges, low, high))) == found & asked
        assert Ranges(ranges).have(low, high) is (asked <= found)
        assert Ranges(ranges).meet(low, high) is bool(asked & found)
