"""Panels in flight, by hand: what is requested whole, what is taken up, what waits."""

from dataclasses import replace

import pytest

from runtime.isa.accesses import Access
from runtime.order.panels import always_in_flight, blocks, panel_bytes, requested, sent, waiting
from runtime.order.ranges import Range, meet, ordered
from runtime.target import Target

SMALL = replace(Target.load("lpu-tiny"), queue_depth=2, fifo_bytes=100)


@pytest.mark.parametrize(
    ("sizes", "whole", "wait"),
    [
        ([], 0, 0),
        ([100], 1, 0),
        ([101], 0, 0),
        ([40, 40, 40], 2, 0),
        ([40, 40, 40, 1], 2, 1),
        ([101, 1, 1, 1], 0, 3),
        ([0, 0, 100, 0, 1], 4, 0),
    ],
)
def test_sizes_decide_what_waits(sizes: list[int], whole: int, wait: int) -> None:
    assert (requested(sizes, SMALL), waiting(sizes, SMALL)) == (whole, wait)
    assert [sent(sizes, i, SMALL) for i in range(len(sizes))] == [
        i < whole for i in range(len(sizes))
    ]


def test_one_panel_is_taken_up_and_a_queue_full_waits() -> None:
    assert always_in_flight(SMALL) == 3
    assert not blocks([1000] * 2, SMALL)
    assert blocks([1000] * 3, SMALL)
    assert not blocks([100, 1000, 1000], SMALL)
    assert blocks([100, 1000, 1000, 1000], SMALL)
    assert not blocks([0] * 1000, SMALL)


def panel(extents: tuple[int, int, int, int], strides: tuple[int, int, int, int]) -> int:
    return panel_bytes(Access(True, True, False, 2, 0, extents, strides))


def test_bytes_that_pass_the_channels() -> None:
    assert panel((2, 1, 8, 4), (64, 0, 2, 16)) == 128
    assert panel((2, 1, 8, 4), (0, 0, 2, 16)) == 64
    assert panel((2, 1, 8, 4), (4096, 0, 32, 512)) == 128
    assert panel((2, 1, 0, 4), (64, 0, 2, 16)) == 0
    assert panel((8, 1, 8, 8), (16, 0, 16, 16)) == 21 * 16 + 2


def test_ranges_meet_in_a_byte() -> None:
    one = Range(0, 10, False)
    assert meet(one, Range(9, 12, False))
    assert not meet(one, Range(10, 12, False))
    assert not meet(one, Range(5, 5, True))
    assert not ordered(one, Range(9, 12, False))
    assert ordered(one, Range(9, 12, True))
