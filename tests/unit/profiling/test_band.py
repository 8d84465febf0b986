"""The band of what is assumed."""

from dataclasses import replace
from pathlib import Path

import pytest

from lpuc.compiler.driver import compile_model
from lpuc.compiler.options import CompileOptions
from lpuc.profiling.band import RANGES, assumed, band, extremes
from runtime.program.program import Program
from runtime.target import Target
from runtime.timing import predict

SAMPLE = Path(__file__).parents[3] / "samples" / "exports" / "llama.onnx"


@pytest.fixture(scope="module")
def program() -> Program:
    return compile_model(SAMPLE, CompileOptions()).program


@pytest.mark.parametrize("context", [1, 100])
def test_the_prediction_lies_within(program: Program, context: int) -> None:
    usual = predict(program, {"P": context}).seconds
    found = band(program, {"P": context}, "step")
    assert found.optimistic < usual < found.pessimistic


@pytest.mark.parametrize("name", Target.presets())
def test_only_what_is_assumed_moves(name: str) -> None:
    target = Target.load(name)
    for other in extremes(target):
        moved = {k for k in RANGES if getattr(other, k) != getattr(target, k)}
        assert moved <= set(assumed(target))
        assert all(target.entries[key].grade == "assumption" for key in moved)


def test_a_machine_of_which_all_is_known_has_none(program: Program) -> None:
    target = program.target
    known = {k: replace(entry, grade="vendor") for k, entry in target.entries.items()}
    certain = replace(program, target=replace(target, entries=known))
    found = band(certain, {"P": 1}, "step")
    assert found.optimistic == found.pessimistic == predict(program, {"P": 1}).seconds
    assert found.assumed == ()
