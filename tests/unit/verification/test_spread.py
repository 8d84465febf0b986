"""`verify` holds outputs to what products may round, far below the tolerance of a precision."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from lpuc.compiler.options import CompileOptions
from lpuc.levels.cases import Case
from lpuc.levels.tolerance import TOLERANCES
from lpuc.verification.judgement import Allowed, Judgement
from lpuc.verification.spread import excess_of
from lpuc.verification.subject import Subject
from lpuc.verification.verified import verified
from runtime.program.interface import Interface
from tests import planted
from tests.planted import off_in_lpu, off_in_mem, off_in_program, off_on_the_fast_path
from tests.unit.levels.models import save_product

SEEN, UNSEEN = 1e-5, 1e-8
"""Errors of factors: between what products round and the tolerance, and below both."""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_product(tmp_path_factory.mktemp("spread"))


@pytest.mark.parametrize("error", [SEEN, UNSEEN])
@pytest.mark.parametrize(
    ("plant", "level"),
    [
        (off_in_lpu, "lpu"),
        (off_in_mem, "mem"),
        (off_in_program, "program"),
        (off_on_the_fast_path, "fast"),
    ],
)
def test_errors_below_the_tolerance_are_seen(
    plant: Callable[[pytest.MonkeyPatch], None],
    level: str,
    error: float,
    model: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(planted, "OFF", error)
    plant(monkeypatch)
    found = verified(model, CompileOptions("lpu-tiny", "f32"), None, 0)
    assert found.table["y"][level] < TOLERANCES["f32"]
    assert found.mismatches == ([("y", level)] if error == SEEN else [])


@pytest.mark.parametrize("precision", ["f16", "bf16"])
def test_what_is_stored_shorter_may_be_off_by_that(precision: str, model: Path):
    found = verified(model, CompileOptions("lpu-tiny", precision), None, 0)
    assert found.is_right
    assert 0.01 < found.excess["y"]["lpu"] < 1


def test_never_above_the_tolerance():
    right = np.array([[1.0, -4.0]], np.float32)
    wide = np.array([[100.0]])
    off = right + np.float32(4e-3)
    assert excess_of(off, right, wide, 1e-3) == pytest.approx(1, rel=1e-3)
    assert excess_of(off, right, np.array([[1e-4]]), 1e-3) == pytest.approx(10, rel=1e-3)


def test_integers_are_others_only_where_those_of_other_runs_are():
    right, got = np.array([3, 5]), np.array([3, 6])
    assert excess_of(got, right, np.array([0.0]), 1e-3) == np.inf
    assert excess_of(got, right, np.array([np.inf]), 1e-3) == 0


def test_a_step_goes_on_from_what_may_be_off():
    """What one step leaves is off as far as its outputs were, and no further."""
    subject = Subject(Interface((), (), (), 0, 0, 0), {})
    allowed = Allowed(Judgement("f32"), subject)
    allowed.begin(Case("step 1", {}))
    allowed.spread = {"present": np.array([2.0])}
    allowed.begin(Case("step 2", {}, carried={"past": "present"}))
    assert allowed.before == {"past": np.array([2.0])}
    allowed.begin(Case("another", {}))
    assert allowed.before == {}
