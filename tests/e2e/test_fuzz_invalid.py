"""Invalid models are refused with their node: a sample of what benchmarks/fuzz/invalid makes."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.fuzz.invalid import trial
from benchmarks.fuzz.invalid.__main__ import judged as judged_all
from benchmarks.fuzz.invalid.cases import valid
from benchmarks.fuzz.invalid.contents import floats, node
from benchmarks.fuzz.invalid.mutations import mutants
from benchmarks.fuzz.invalid.node import NAME
from benchmarks.fuzz.invalid.operators import taken
from benchmarks.fuzz.invalid.trial import Key, judged
from benchmarks.fuzz.outcome import Outcome
from benchmarks.fuzz.running import Options

pytest.importorskip("onnxruntime")

FAULTS = ("wrong", "crash")
RELU = node("Relu", floats(2, 3))


def test_there_is_a_valid_model_for_every_operator_that_is_taken():
    assert {case.operator for case in valid()} == taken()


@pytest.mark.parametrize("step", [12, pytest.param(1, marks=pytest.mark.slow)])
def test_valid_models_are_right(step: int):
    """Every twelfth; slow tests and `benchmarks.fuzz.invalid` have the others."""
    wanted = [(i, -1) for i in range(0, len(valid()), step)]
    outcomes = {key: result.outcome for key, result in judged_all(wanted, Options()).items()}
    assert not {valid()[k[0]].operator: o for k, o in outcomes.items() if o.verdict != "right"}


def _sample(seed: int) -> list[Key]:
    """One model made wrong for each operator."""
    rng = np.random.default_rng(seed)
    found: list[Key] = []
    for operator in sorted({n.operator for n in valid()}):
        keys = [
            (i, k)
            for i, n in enumerate(valid())
            if n.operator == operator
            for k in range(len(mutants(n)))
        ]
        found.append(keys[int(rng.integers(len(keys)))])
    return found


@pytest.mark.parametrize("step", [4, pytest.param(1, marks=pytest.mark.slow)])
def test_models_made_wrong_are_refused_or_as_onnx_runtime_has_them(step: int):
    """One model of every fourth operator; of all of them in slow tests."""
    results = judged_all(_sample(1)[::step], Options()).values()
    assert not {r.name: r.outcome for r in results if r.outcome.verdict in FAULTS}
    assert {r.outcome.verdict for r in results} >= {"right", "refused"}


def _outcome(monkeypatch: pytest.MonkeyPatch, outcome: Outcome, runs: bool) -> Outcome:
    """The verdict where the compiler has this outcome, and ONNX Runtime runs the model or not."""
    monkeypatch.setattr(trial, "judge_calls", lambda *_: outcome)
    return judged(RELU, {} if runs else None, "" if runs else "it is invalid")


def test_what_onnx_runtime_refuses_may_not_run(monkeypatch: pytest.MonkeyPatch):
    for verdict in ("right", "wrong"):
        found = _outcome(monkeypatch, Outcome(verdict), runs=False)
        assert (found.verdict, "it is invalid" in found.detail) == ("wrong", True)


@pytest.mark.parametrize("runs", [True, False])
def test_a_refusal_names_the_node(monkeypatch: pytest.MonkeyPatch, runs: bool):
    good = Outcome("refused", f"{NAME}: Relu: no")
    assert _outcome(monkeypatch, good, runs) == good
    assert _outcome(monkeypatch, Outcome("refused", "no"), runs).verdict == "crash"


def test_every_place_of_a_node_is_made_wrong():
    made = mutants(node("CumSum", floats(2, 3), np.array(1), exclusive=0))
    assert {m.where for m in made} == {
        *("operand 0", "operand 1", "operands", "results", "opset"),
        *("attribute exclusive", "attribute reverse", "attribute nonsense"),
    }
    assert len({m.label for m in made}) == len(made)


def test_mutants_are_the_same_in_every_run():
    made = [[m.label for m in mutants(n)] for n in valid()[:20]]
    assert made == [[m.label for m in mutants(n)] for n in valid()[:20]]
