"""A test draws the same numbers from its module's generator, whichever tests ran before it."""

import numpy as np
import pytest

RANDOM = np.random.default_rng(3)
FIRST = np.random.default_rng(3).random()


@pytest.mark.parametrize("turn", range(2))
def test_each_test_starts_with_the_first_number(turn: int):
    assert RANDOM.random() == FIRST
