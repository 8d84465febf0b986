"""Quartiles, computed by hand and as numpy does."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpuc.bench.spread import Spread


@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        ([7.0], (7.0, 7.0, 7.0)),
        ([5.0, 1.0], (2.0, 3.0, 4.0)),
        ([3.0, 1.0, 2.0], (1.5, 2.0, 2.5)),
        ([4.0, 1.0, 3.0, 2.0], (1.75, 2.5, 3.25)),
        ([10.0, 0.0, 40.0, 20.0, 30.0], (10.0, 20.0, 30.0)),
    ],
)
def test_quartiles_by_hand(samples: list[float], expected: tuple[float, ...]) -> None:
    found = Spread.of(samples)
    assert (found.lower, found.median, found.upper) == expected
    assert found.count == len(samples)


@given(st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=40))
def test_quartiles_are_those_of_numpy(samples: list[float]) -> None:
    found = Spread.of(samples)
    expected = np.percentile(samples, [25, 50, 75])
    np.testing.assert_allclose([found.lower, found.median, found.upper], expected, rtol=1e-12)


def test_rates_of_times() -> None:
    """10 tokens in 1, 2 or 4 seconds: the slowest time is the lowest rate."""
    rates = Spread.of([1.0, 2.0, 4.0]).inverse(10)
    assert (rates.lower, rates.median, rates.upper) == (10 / 3, 5.0, 10 / 1.5)
