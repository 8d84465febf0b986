"""Broken rings are refused by a rule of their kind, or compute what they did: a sample of all."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from random import Random

import pytest

from benchmarks.fuzz.ring import judging, trial
from benchmarks.fuzz.ring.bases import BASES, read_base, write_base
from benchmarks.fuzz.ring.changes import KINDS
from benchmarks.fuzz.ring.judging import FAULTS, Judge, Verdict
from benchmarks.fuzz.ring.places import Places
from benchmarks.fuzz.ring.trial import accepted, run_key
from runtime.program.program import Program

pytestmark = pytest.mark.xdist_group("broken rings")
"""What is broken is compiled once, in one process."""

FAST = ("llama-tiny-1", "gpt2-tiny-3-unraised", "mixtral-tiny-3")
EACH = 2
"""Changes of each kind that are tried where a check is broken."""

Judges = dict[str, Judge]


@pytest.fixture(scope="module")
def judges(tmp_path_factory: pytest.TempPathFactory) -> Judges:
    folder = tmp_path_factory.mktemp("rings")
    chosen = [base for base in BASES if base.name in FAST]
    for base in chosen:
        write_base(folder, base)
    return {base.name: Judge(read_base(folder, base)) for base in chosen}


def sample(judge: Judge, kind: str, count: int = EACH) -> Sequence[int]:
    """Numbers of changes of a kind, the same in every run."""
    numbers = [at for at, change in enumerate(judge.changes) if change.kind == kind]
    return Random(kind).sample(numbers, min(count, len(numbers)))


@pytest.mark.parametrize("name", FAST)
def test_both_checks_accept_what_is_whole(name: str, judges: Judges):
    assert accepted(judges[name].program) == []


@pytest.mark.parametrize("count", [1, pytest.param(2, marks=pytest.mark.slow)])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", FAST)
def test_each_check_alone_refuses_what_changes_a_number(
    name: str, kind: str, count: int, judges: Judges
):
    judge = judges[name]
    found = {at: judge.judged(judge.changes[at]) for at in sample(judge, kind, count)}
    assert found
    faults = {
        (at, check): verdict
        for at, verdicts in found.items()
        for check, verdict in verdicts.items()
        if verdict.what in FAULTS
    }
    assert not faults


@pytest.mark.parametrize("name", FAST)
def test_no_block_can_be_left_out(name: str, judges: Judges):
    """In slots that are used again the block before is still there, and would be sent again."""
    judge = judges[name]
    blocks = Places(judge.program.code).blocks
    changes = [c for c in judge.changes if c.kind == "dropped" and c.first in blocks]
    assert len(changes) == len(blocks) >= 5
    found = [judge.judged(change) for change in changes]
    assert {verdict.what for verdicts in found for verdict in verdicts.values()} == {"refused"}


def verdicts_of(judge: Judge, kind: str, check: str, count: int = EACH) -> list[str]:
    """What becomes of a sample by one check."""
    chosen = (judge.changes[at] for at in sample(judge, kind, count))
    return [judge.judged(change, [check])[check].what for change in chosen]


@pytest.mark.parametrize("check", judging.CHECKS)
def test_what_a_check_lets_pass_is_seen(
    check: str, judges: Judges, monkeypatch: pytest.MonkeyPatch
):
    def lenient(program: Program) -> str:
        del program
        return ""

    monkeypatch.setitem(judging.CHECKS, check, lenient)
    judge = judges["mixtral-tiny-3"]
    found = {what for kind in ("stride", "swapped") for what in verdicts_of(judge, kind, check, 8)}
    assert {"WRONG", "HANG", "unchanged"} <= found


def test_a_check_that_refuses_everything_is_seen(judges: Judges, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(judging.CHECKS, "B", lambda _: "cycle")
    judge = judges["mixtral-tiny-3"]
    assert accepted(judge.program) == ["B refuses by cycle"]
    assert set(verdicts_of(judge, "base", "B")) == {"other rule"}


def test_a_check_that_fails_has_not_refused(judges: Judges, monkeypatch: pytest.MonkeyPatch):
    def failing(program: Program) -> str:
        return str(program.interface.inputs[-99])

    monkeypatch.setitem(judging.CHECKS, "A", failing)
    assert set(verdicts_of(judges["mixtral-tiny-3"], "dropped", "A")) == {"crash"}


@pytest.mark.parametrize("found", ["unchanged", "WRONG"])
def test_a_run_counts_as_wrong_what_a_check_is_wrong_about(
    found: str, judges: Judges, monkeypatch: pytest.MonkeyPatch
):
    base = next(base for base in BASES if base.name == "mixtral-tiny-3")
    judge = judges[base.name]
    monkeypatch.setattr(trial, "judge_of", lambda *_: judge)
    verdicts = {"A": Verdict("refused", "cycle"), "B": Verdict(found, "step")}
    monkeypatch.setattr(judge, "judged", lambda _: verdicts)
    outcome = run_key(Path(), (base, 0)).outcome
    assert outcome.verdict == ("wrong" if found == "WRONG" else "right")
    assert outcome.detail == ("B: WRONG step" if found == "WRONG" else "")
