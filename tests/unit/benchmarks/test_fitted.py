"""Fits of published figures: the nearest value of a range, and what is judged with it."""

import pytest

from benchmarks.published.fitted import Fitted, nearest


@pytest.mark.parametrize(
    ("zero", "expected"), [(17.3, 17), (17.6, 18), (8, 8), (3, 8), (64, 64), (90, 64)]
)
def test_the_nearest_value_of_a_range(zero: float, expected: int) -> None:
    asked = list[int]()

    def residual(value: int) -> float:
        asked.append(value)
        return zero - value

    assert nearest(range(8, 65), residual) == expected
    assert len(asked) <= 8


def test_what_is_within_the_bound() -> None:
    row = Fitted(
        "per-bank", 23, 500, {"opt-1.3b-x1": 0.2, "opt-30b-x1": -0.05, "opt-66b-x2": 0.051}
    )
    assert row.text() == "| per-bank | 23 | 500 | +20.0% | -5.0% | +5.1% | opt-30b-x1 |"
