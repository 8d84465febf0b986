"""Damaged program files are refused, or compute what they did: some of benchmarks/fuzz/damage."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from benchmarks.fuzz.damage.trial import Trial
from runtime.weights import image
from tests.e2e.committed import EXPORTS

COUNT = 30


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Trial:
    return Trial.of(EXPORTS[0], tmp_path_factory.mktemp("damage"), "f16")


def test_no_damaged_byte_goes_unnoticed(trial: Trial):
    results = [trial.judged(8, number) for number in range(COUNT)]
    faults = [r for r in results if r.outcome.verdict not in ("refused", "right")]
    assert not faults
    places = Counter(result.labels[0] for result in results)
    assert places["PARAMS"] >= COUNT // 10
    assert len(places) >= 6


def test_the_fuzzer_sees_parameters_that_nothing_verifies(
    trial: Trial, monkeypatch: pytest.MonkeyPatch
):
    """Then some of the mutants compute other numbers."""
    monkeypatch.setattr(image.Image, "_verify", lambda _image, _blocks: None)
    assert any(trial.judged(8, number).outcome.verdict == "wrong" for number in range(COUNT))


def test_the_whole_program_gives_the_same_twice(trial: Trial):
    """What mutants are compared with does not change from run to run."""
    again = Trial(Path(trial.original), trial.folder)
    for name, value in trial.expected.items():
        np.testing.assert_array_equal(again.expected[name], value)
