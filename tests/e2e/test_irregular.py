"""Decoders whose extents no number of devices divides agree with ONNX Runtime: some of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import irregular
from benchmarks.irregular import LEVELS, TABLE, TOLERANCE, Key, errors, keys, run_key

SOME = (
    Key("heads-3", 2, "lpu-4nm", True),
    Key("heads-5", 4, "lpu-tiny", True, 3),
    Key("heads-6-over-3", 8, "lpu-4nm", True),
    Key("all-odd", 4, "lpu-tiny", False, 3),
    Key("gpt2-heads-5-vocabulary-9", 4, "lpu-4nm", True),
    Key("mixtral-6-over-2", 4, "lpu-4nm", True),
    Key("norms-behind", 4, "lpu-4nm", True),
)


LONGER = Key("gpt2-heads-5-vocabulary-9", 8, "lpu-4nm", True)
COVERED = {SOME[0], SOME[1], LONGER}
"""Those whose extents others have, too."""
KEYS = [
    pytest.param(key, marks=[pytest.mark.slow] if key in COVERED else []) for key in (*SOME, LONGER)
]


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_every_level_of_several_devices_agrees_with_onnx_runtime(key: Key, tmp_path: Path):
    found = errors(tmp_path, key)
    assert {level for _, level, _ in found} == set(LEVELS)
    assert not {where: error for where, error in found.items() if not error <= TOLERANCE}


def test_the_table_is_run_in_every_way():
    ways = list(keys([2, 4, 8], ["lpu-4nm", "lpu-tiny"]))
    assert len(set(ways)) == len(ways) == len(TABLE) * 3 * 2 * 2 * 2


def test_what_is_wrong_or_refused_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(irregular, "TOLERANCE", -1.0)
    assert run_key(tmp_path, SOME[0]).outcome.verdict == "wrong"
    monkeypatch.setattr(irregular, "WHOLE", 0.0)
    outcome = run_key(tmp_path, SOME[0]).outcome
    assert (outcome.verdict, "CompileError" in outcome.detail) == ("crash", True)
