"""Random functions of level `lpu` give the same at every level and as programs."""

from __future__ import annotations

import numpy as np
import pytest

from tests.unit.backend.levels import agreed, at_every_level
from tests.unit.backend.random_modules import INPUTS, P_MOST, random_module


@pytest.mark.parametrize("seed", range(16))
def test_levels_agree(seed: int):
    rng = np.random.default_rng(seed)
    length = int(rng.integers(0, P_MOST + 1))
    inputs = {
        name: rng.integers(-9, 10, [d.evaluate({"P": length}) for d in dims]).astype(np.float32)
        for name, dims in INPUTS.items()
    }
    agreed(at_every_level(random_module(seed), inputs))
