"""The library finds the same borders of requests as numpy does."""

import random

import pytest

from runtime.native.channels import serving_library
from runtime.native.library import OFF, SWITCH, serving
from runtime.target import Target
from runtime.timing.hbm import Borders, borders_of
from runtime.timing.hbm.served import NativeBorders
from tests.unit.runtime.native.judging_requests import differs, merging, wrong
from tests.unit.runtime.native.kernels import KERNELS, needs_library

SEEDS = [pytest.param(n, marks=[] if n < 1 else pytest.mark.slow) for n in range(20)]


@needs_library
def test_nothing_is_wrong() -> None:
    assert not wrong(KERNELS[0])


@needs_library
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("preset", Target.presets())
def test_all_presets(preset: str, seed: int) -> None:
    target = Target.load(preset)
    for other in (target, merging(target, random.Random(seed))):
        assert not differs(other, KERNELS[0], seed)


@needs_library
def test_the_library_serves() -> None:
    assert isinstance(borders_of(Target.load("lpu-4nm")), NativeBorders)


def test_numpy_serves_where_the_library_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SWITCH, OFF)
    for known in (serving, serving_library):
        known.cache_clear()
    assert isinstance(borders_of(Target.load("lpu-4nm")), Borders)
    monkeypatch.undo()
    for known in (serving, serving_library):
        known.cache_clear()
