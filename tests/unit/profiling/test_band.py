"""The band of what is assumed."""

from dataclasses import replace
from pathlib import Path

import pytest

from lpuc.compiler.driver import compile_model
from lpuc.compiler.options import CompileOptions
from lpuc.profiling.band import RANGES, SIZES, WORDS, assumed, band, extremes
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
        moved = {k for k in RANGES | WORDS if getattr(other, k) != getattr(target, k)}
        assert moved <= set(assumed(target))
        assert all(target.entries[key].grade == "assumption" for key in moved)


@pytest.mark.parametrize("name", Target.presets())
def test_all_that_is_assumed_is_in_the_band_or_a_size(name: str) -> None:
    entries = Target.load(name).entries
    guessed = {key for key, entry in entries.items() if entry.grade == "assumption"}
    assert guessed - SIZES == set(assumed(Target.load(name)))
    assert guessed <= RANGES.keys() | WORDS.keys() | SIZES
    assert not SIZES & (RANGES.keys() | WORDS.keys())


def test_sizes_take_no_time(program: Program) -> None:
    usual = predict(program, {"P": 20}).cycles
    for key in SIZES - {"registers"}:
        more = replace(program.target, **{key: 2 * getattr(program.target, key)})
        assert predict(replace(program, target=more), {"P": 20}).cycles == usual


@pytest.mark.parametrize("key", [*RANGES, *WORDS])
def test_the_better_end_is_no_worse(program: Program, key: str) -> None:
    """Each alone, within what a step of the tree or a cycle of rounding may take back."""
    target = program.target
    entries = {k: replace(e, grade="vendor") for k, e in target.entries.items()}
    entries[key] = replace(entries[key], grade="assumption")
    good, bad = extremes(replace(target, entries=entries))
    fast, slow = (predict(replace(program, target=t), {"P": 100}).cycles for t in (good, bad))
    assert fast <= 1.005 * slow
    assert (good, bad) != (target, target)


def test_a_machine_of_which_all_is_known_has_none(program: Program) -> None:
    target = program.target
    known = {k: replace(entry, grade="vendor") for k, entry in target.entries.items()}
    certain = replace(program, target=replace(target, entries=known))
    found = band(certain, {"P": 1}, "step")
    assert found.optimistic == found.pessimistic == predict(program, {"P": 1}).seconds
    assert found.assumed == ()
