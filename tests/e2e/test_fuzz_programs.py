"""Changed programs and texts run or end with a clear error: a sample of the fuzzer."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from benchmarks.fuzz.pool import Result
from benchmarks.fuzz.programs import trial
from benchmarks.fuzz.programs.bases import make_bases
from benchmarks.fuzz.programs.cases import Key, run_key

KEYS: list[Key] = [*(("program", n) for n in range(12)), *(("text", n) for n in range(6))]
SOME = {"program": 5, "text": 3}
"""As many of each are no slow tests."""

pytestmark = pytest.mark.xdist_group("changed programs")
"""What is changed is compiled once, in one process."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("programs")
    make_bases(made)
    return made


@cache
def result(key: Key, folder: Path) -> Result:
    """What becomes of a key, found out once."""
    return run_key(folder, 0, key)


@pytest.mark.parametrize(
    "key",
    [
        pytest.param((kind, n), id=f"{kind}{n}", marks=pytest.mark.slow if n >= SOME[kind] else ())
        for kind, n in KEYS
    ],
)
def test_nothing_hangs_or_crashes_or_takes_more_memory_than_it_states(key: Key, folder: Path):
    outcome = result(key, folder).outcome
    assert outcome.verdict == "right", outcome.detail


def test_most_changed_programs_are_refused_or_run(folder: Path):
    """Both happen: the changes are neither all noticed at load nor all without effect."""
    codes = [result(("program", n), folder).labels[-1].split()[-1] for n in range(SOME["program"])]
    assert {"0", "1"} <= set(codes)


@pytest.mark.parametrize(
    ("answer", "stage"),
    [((70, "internal error"), "run"), ((1, "Traceback (most recent call last)"), "run")],
)
def test_a_fault_is_seen(
    answer: tuple[int, str], stage: str, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(trial, "run_one", lambda _: answer)
    outcome = run_key(folder, 0, ("program", 0)).outcome
    assert (outcome.verdict, outcome.stage) == ("crash", stage)


def test_memory_beyond_what_a_file_states_is_seen(folder: Path, monkeypatch: pytest.MonkeyPatch):
    kept: list[bytes] = []

    def greedy(_: object) -> tuple[int, str]:
        kept.append(bytes(b"\1" * (400 << 20)))
        return (0, "")

    monkeypatch.setattr(trial, "run_one", greedy)
    outcome = run_key(folder, 0, ("program", 0)).outcome
    assert (outcome.verdict, outcome.stage) == ("crash", "memory")
