"""What recognisers know is found, and near misses of it change no number."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from benchmarks.fuzz.nearmiss import verdict
from benchmarks.fuzz.nearmiss.cases import MAKERS
from benchmarks.fuzz.nearmiss.exact import reason_for
from benchmarks.fuzz.nearmiss.graph import Case, Draw
from benchmarks.fuzz.nearmiss.mutant import UNCHANGED, Mutant, make
from benchmarks.fuzz.nearmiss.verdict import judge

SEED = 1
MUTANTS, MORE = 24, 36
"""Those beyond the first are slow tests."""


def _name(maker: Callable[[Draw], Case]) -> str:
    return f"{maker.__module__.rpartition('.')[2]}-{maker.__name__}"


@pytest.mark.parametrize("maker", MAKERS, ids=_name)
def test_what_is_known_is_found_and_right(maker: Callable[[Draw], Case]):
    case = maker(Draw(np.random.default_rng(5)))
    calls = case.inputs(np.random.default_rng(6))
    outcome, found = judge(Mutant(case, UNCHANGED, "", calls))
    assert (outcome.verdict, found) == ("right", "raised"), outcome.detail


@pytest.mark.parametrize(
    "number",
    [pytest.param(n, marks=pytest.mark.slow if n >= MUTANTS else ()) for n in range(MORE)],
)
def test_a_near_miss_is_left_alone_or_listed_as_exact(number: int):
    outcome, _ = judge(make(SEED, number))
    assert outcome.verdict in ("right", "refused", "uncounted"), outcome.detail


def test_what_must_be_matched_is_not_listed_as_exact():
    case = MAKERS[0](Draw(np.random.default_rng(5)))
    assert reason_for(case, "constant_near", "half") is None
    assert reason_for(case, "operands_commuted", "Mul.0.1") is not None


def test_a_find_that_is_not_listed_is_wrong():
    case = MAKERS[0](Draw(np.random.default_rng(5)))
    mutant = Mutant(case, "constant_near", "half", case.inputs(np.random.default_rng(6)))
    outcome, found = judge(mutant)
    assert (outcome.verdict, outcome.stage, found) == ("wrong", "ir", "raised")


def test_numbers_that_are_not_the_references_are_wrong(monkeypatch: pytest.MonkeyPatch):
    case = MAKERS[0](Draw(np.random.default_rng(5)))
    calls = case.inputs(np.random.default_rng(6))
    monkeypatch.setattr(verdict, "references", lambda *_: ([{"y": calls[0]["x"] * 2}], ""))
    outcome, _ = judge(Mutant(case, UNCHANGED, "", calls))
    assert (outcome.verdict, outcome.stage) == ("wrong", "both")
