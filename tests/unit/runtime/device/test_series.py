"""What a block's registers hold next, from what they held before: numbers by hand."""

from collections.abc import Iterable
from itertools import product

import pytest

from runtime.device.fast.blocks.series import FEW, MOST, Series, Values


def _after(visits: Iterable[Values]) -> list[Values]:
    series = Series()
    for values in visits:
        series.note(values)
    return series.coming()


def test_nothing_is_foreseen_before_a_step_was_taken_twice() -> None:
    assert not _after([])
    assert not _after([(5, 0)])
    assert not _after([(5, 0), (6, 0)])
    assert _after([(5, 0), (6, 0), (7, 0)]) == [(8, 0), (9, 0), (10, 0)]
    assert not _after([(5, 0), (6, 0), (8, 0), (9, 0)])


def test_what_stays_is_not_foreseen() -> None:
    assert not _after([(5, 0)] * 9)


def test_a_series_is_as_long_as_the_one_before() -> None:
    layers = [(5, layer) for layer in range(4)]
    assert _after([*layers, (9, 0)]) == [(9, 1), (9, 2), (9, 3)]
    assert _after([*layers, (9, 0), (9, 1)]) == [(9, 2), (9, 3)]
    assert not _after([*layers, *((9, layer) for layer in range(4))])


def test_a_series_of_a_new_length_is_followed() -> None:
    long = [(5, layer) for layer in range(4)]
    assert len(_after([*long, *((9, layer) for layer in range(5))])) == FEW
    short = [*long, (9, 0), (9, 1), (9, 2)]
    assert _after([*short, (13, 0)]) == [(13, 1), (13, 2)]


def test_another_step_takes_the_place_of_the_usual_one() -> None:
    down = [(value,) for value in (1, 2, 3, 4, 40, 30, 20)]
    assert _after(down) == [(10,), (0,), (-10,)]


@pytest.mark.parametrize("count", [MOST, 50])
def test_few_visits_are_foreseen_at_once(count: int) -> None:
    assert len(_after([*product([5], range(count + 1)), (9, 0)])) == MOST
