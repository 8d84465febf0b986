"""What a run of a fuzzer says and returns, also where it ends early."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from threading import Thread
from time import sleep
from typing import Any

import pytest

from benchmarks.fuzz import running
from benchmarks.fuzz.outcome import Outcome
from benchmarks.fuzz.pool import DIED, Result, Task
from benchmarks.fuzz.running import Options, finish, judges_that_died, run
from tests.unit.benchmarks.ending_tasks import HANGS, dies_of_two, odd_is_refused, signalled


def _here(
    task: Task, keys: Iterable[int], jobs: int, limit: float, is_over: Callable[[], bool]
) -> Iterator[tuple[Any, Result]]:
    """Stands for the pool, without its processes."""
    for key in keys:
        if is_over():
            return
        yield key, task(key)


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch):
    """Cases are judged one after the other, here."""
    monkeypatch.setattr(running, "run_all", _here)


@pytest.mark.usefixtures("in_this_process")
def test_a_run_leaves_out_what_it_is_told_to():
    assert list(run(odd_is_refused, range(10), Options(start=7))) == [7, 8, 9]


@pytest.mark.usefixtures("in_this_process")
def test_a_run_that_ends_early_has_counts_and_says_where_to_go_on(
    capsys: pytest.CaptureFixture[str],
):
    def task(key: int) -> Result:
        if key == 3:
            signal.raise_signal(signal.SIGTERM)
            signal.raise_signal(signal.SIGINT)
        return odd_is_refused(key)

    assert list(run(task, range(10), Options(start=1))) == [1, 2, 3]
    said = capsys.readouterr().err
    assert "3 of 9: 1 right, 2 refused" in said
    assert said.endswith("ended early: go on with --start 4\n")
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


@pytest.mark.usefixtures("in_this_process")
def test_minutes_end_a_run():
    assert run(odd_is_refused, range(3), Options(minutes=0)) == {}


@pytest.mark.usefixtures("in_this_process")
def test_counts_are_said_on_the_way(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(running, "PROGRESS_SECONDS", 0.0)
    run(odd_is_refused, range(3))
    found = re.findall(r"(\d) of 3: (\d) right, (\d) refused", capsys.readouterr().err)
    assert found == [("1", "1", "0"), ("2", "1", "1"), ("3", "2", "1"), ("3", "2", "1")]


def _interrupt_when(there: Path) -> None:
    while not there.exists():
        sleep(0.01)
    os.kill(os.getpid(), signal.SIGINT)


def test_a_signal_ends_a_run_whose_case_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Processes of cases are not for signals, which may reach them first."""
    there = tmp_path / "hangs"
    monkeypatch.setenv(HANGS, str(there))
    Thread(target=_interrupt_when, args=(there,), daemon=True).start()
    results = run(signalled, range(4))
    assert [result.outcome.verdict for result in results.values()] == ["right", "refused"]


def test_faults_are_the_exit_code(capsys: pytest.CaptureFixture[str]):
    right = {0: Result(Outcome("right"))}
    assert finish(right) == 0
    assert finish({**right, 1: Result(Outcome("wrong", "off"))}) == 1
    assert "1 wrong" in capsys.readouterr().out


def test_a_case_whose_reference_dies_does_not_count():
    died = Result(Outcome("crash", DIED, "process"))
    results = {1: Result(Outcome("right")), 2: died, 3: died}
    found = judges_that_died(dies_of_two, results, Options())
    assert {key: result.outcome.verdict for key, result in found.items()} == {2: "uncounted"}
