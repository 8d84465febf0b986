"""All channels do what the rules for one of them say: by numpy, and by the library."""

import pytest

from runtime.native.channels import serving_library
from runtime.native.library import OFF, SWITCH, serving
from runtime.timing.hbm.channels import Channels, channels_of
from runtime.timing.hbm.native import NativeChannels
from tests.unit.runtime.native.judging_channels import differs, machine, wrong
from tests.unit.runtime.native.kernels import KERNELS, needs_library


@pytest.mark.parametrize("seed", range(12))
def test_by_numpy(seed: int) -> None:
    assert not differs(Channels, seed)


@needs_library
def test_by_the_library() -> None:
    assert not wrong(KERNELS[0])


@needs_library
def test_the_library_serves() -> None:
    assert isinstance(channels_of(machine(0), 2), NativeChannels)


def test_numpy_serves_where_the_library_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SWITCH, OFF)
    for known in (serving, serving_library):
        known.cache_clear()
    assert isinstance(channels_of(machine(0), 2), Channels)
    monkeypatch.undo()
    for known in (serving, serving_library):
        known.cache_clear()
