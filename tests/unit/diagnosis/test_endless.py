"""What runs of the machine break off with: those that do not end, and registers left unwritten."""

from __future__ import annotations

from pathlib import Path

import pytest

from lpuc.cli import invoke
from lpuc.compiler.driver import compile_model
from lpuc.compiler.options import CompileOptions
from lpuc.diagnosis import limits
from lpuc.diagnosis.bisection import bisect
from lpuc.diagnosis.failure import Endless, Failure, Hang, failure_of
from lpuc.diagnosis.limits import at_most, run_machine
from lpuc.errors import INTERNAL
from lpuc.levels.cases import Case
from runtime.isa.instructions.ctrl import Li
from runtime.isa.instructions.vector import Map2
from runtime.run.interpreter import Interpreter
from runtime.run.run import Run
from runtime.traps import Trap, TrapKind
from tests.unit.levels.models import save_product

OPTIONS = CompileOptions(target="lpu-tiny", precision="f32")
TINY = ("--target", "lpu-tiny", "--precision", "f32")


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(limits, "RUN_SECONDS", 0.3)
    return save_product(tmp_path)


def for_ever(*_: object) -> None:
    while True:
        pass


def nothing(*_: object) -> None:
    """What an instruction does that has lost its effect."""


def stands_still(run: Run) -> None:
    """The fast path executes nothing, and says that it may go on."""
    del run


def found(model: Path) -> Failure:
    failure = bisect(model, OPTIONS, is_thorough=False).failure
    assert failure is not None
    return failure


def test_without_a_fault_no_run_takes_too_long(model: Path):
    assert bisect(model, OPTIONS, is_thorough=False).failure is None


def test_the_reference_path_names_the_instruction(model: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Map2, "execute", for_ever)
    failure = found(model)
    assert (failure.kind, failure.where, failure.operation) == ("hang", "interpreter", "map2")
    assert failure.nodes == ("less",)


def test_the_fast_path_alone_may_be_endless(model: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Run, "_freely", stands_still)
    failure = found(model)
    assert (failure.kind, failure.where) == ("hang", "interpreter")
    assert "takes longer" in failure.message


def test_check_numerics_ends_as_well(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(Map2, "execute", for_ever)
    files = ["-o", str(tmp_path / "out.lpu"), "--reproducer", str(tmp_path / "r.mlir")]
    assert invoke(["compile", str(model), *files, *TINY, "--check-numerics"]) == INTERNAL
    assert "takes longer than 0.3" in capsys.readouterr().err


def test_a_run_within_a_shorter_limit_is_ended_by_that(
    model: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(limits, "run_on", for_ever)
    machine = Interpreter(compile_model(model, OPTIONS).in_memory)
    with pytest.raises(Endless):
        run_machine(machine, Case("one", {}))
    with pytest.raises(Hang, match=r"0\.05 s"), at_most(0.05):
        run_machine(machine, Case("one", {}))


def test_fuel_that_is_gone_is_a_hang():
    gone = Trap(TrapKind.FUEL, "not finished after 3 elements")
    assert failure_of(gone, "interpreter").kind == "hang"


def test_an_instruction_that_leaves_its_register_unwritten_is_named(
    model: Path, monkeypatch: pytest.MonkeyPatch
):
    """Not the one that reads it."""
    monkeypatch.setattr(Li, "execute", nothing)
    failure = found(model)
    assert (failure.kind, failure.where, failure.operation) == ("crash", "interpreter", "li")
    assert "is read before it is written" in failure.message
