"""Sums of words are those that their definition says; with the library, and without."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from runtime.native import checksums as native
from runtime.native.checksums import Summing
from runtime.native.library import OFF, SWITCH, serving
from runtime.weights import checksums
from runtime.weights.checksums import block_sum, part_sums, plain_sums
from tests.unit.runtime.native.judging_checksums import defined, wrong
from tests.unit.runtime.native.kernels import KERNELS, needs_library

PARTS = ((0, 5), (8, 9000), (3, 70_001))


@pytest.fixture(autouse=True)
def unset(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Each test asks anew."""
    monkeypatch.delenv(SWITCH, raising=False)
    for known in (serving, native.serving_sums, checksums._library):
        known.cache_clear()
    yield
    for known in (serving, native.serving_sums, checksums._library):
        known.cache_clear()


@needs_library
def test_as_defined() -> None:
    assert not wrong(KERNELS[0])


@needs_library
def test_the_library_serves() -> None:
    assert isinstance(checksums._library(), Summing)


@needs_library
def test_wrong_sums_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Summing, "of_block", lambda self, block: plain_sums(block) + 1)
    assert checksums._library() is None


@pytest.mark.parametrize("size", [0, 1, 8192, 8 * 1021, 100_003])
def test_those_of_numpy_are_as_defined(size: int) -> None:
    data = np.random.default_rng(size).integers(0, 256, size, np.uint8)
    assert np.array_equal(plain_sums(data), defined(data.tobytes()))


@pytest.mark.parametrize("switch", ["", OFF])
def test_parts_of_a_file_are_blocks(
    switch: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SWITCH, switch)
    data = np.random.default_rng(2).integers(0, 256, 70_001, np.uint8)
    (tmp_path / "file").write_bytes(data.tobytes())
    descriptor = os.open(tmp_path / "file", os.O_RDONLY)
    found = part_sums(descriptor, PARTS)
    assert found == b"".join(block_sum(data[start:stop]) for start, stop in PARTS)
    with pytest.raises(EOFError):
        part_sums(descriptor, [(0, 8), (8, 70_002)])
    os.close(descriptor)
