"""The judge of all fuzzers tells right, refused, wrong and crashed apart, whatever happens."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from onnx import ModelProto, TensorProto, helper

from benchmarks.fuzz.judging import compare, failure, judge, reference
from benchmarks.fuzz.outcome import Outcome
from benchmarks.fuzz.pool import Result, run_all
from benchmarks.fuzz.report import groups, tally
from runtime.traps import Trap, TrapKind
from tests.unit.benchmarks.ending_tasks import dies_or_hangs, its_process

X = {"x": np.array([[1.0, -2.0]], np.float32)}


def _model(operator: str) -> ModelProto:
    x, y = (helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 2]) for n in "xy")
    graph = helper.make_graph([helper.make_node(operator, ["x"], ["y"])], "one", [x], [y])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def test_a_model_that_is_right_is_right_on_both_paths():
    expected, _ = reference(_model("Neg"), X)
    assert expected is not None
    assert judge(_model("Neg"), X, expected, reference_path=True).verdict == "right"


def test_other_numbers_are_wrong():
    assert judge(_model("Neg"), X, X).verdict == "wrong"


def test_a_sentence_for_the_user_is_a_refusal():
    assert judge(_model("Hrdmax"), X, X).verdict == "refused"
    assert judge(_model("Neg"), {}, X).verdict == "refused"


def test_what_the_reference_rejects_has_a_reason():
    expected, reason = reference(_model("Hrdmax"), X)
    assert expected is None
    assert "Hrdmax" in reason


def test_other_exceptions_are_crashes_and_name_the_place(monkeypatch: pytest.MonkeyPatch):
    def lower(*_: object, **__: object) -> object:
        return {}["gone"]

    monkeypatch.setattr("lpuc.compiler.driver.lower", lower)
    outcome = judge(_model("Neg"), X, X)
    assert outcome.verdict == "crash"
    assert "KeyError: 'gone' [lpuc/compiler/driver.py:" in outcome.detail


@pytest.mark.parametrize(
    ("kind", "verdict"), [(TrapKind.INDEX, "refused"), (TrapKind.UNINITIALISED, "crash")]
)
def test_traps_of_wrong_programs_are_crashes(kind: TrapKind, verdict: str):
    assert failure(Trap(kind, "here"), "fast").verdict == verdict


@pytest.mark.parametrize(
    "other",
    [
        np.array([1.0, 2.0], np.float64),
        np.array([[1.0, 2.0]], np.float32),
        np.array([1.0, 2.001], np.float32),
        np.array([1.0, np.nan], np.float32),
        np.array([1.0, np.inf], np.float32),
    ],
    ids=["type", "shape", "number", "nan", "infinity"],
)
def test_type_shape_number_and_infinities_are_compared(other: np.ndarray):
    assert compare({"y": other}, {"y": np.array([1.0, 2.0], np.float32)}).verdict == "wrong"


def test_equal_nan_and_infinities_are_right():
    same = {"y": np.array([np.nan, np.inf, 1.0], np.float32)}
    assert compare(same, same).verdict == "right"


def test_a_missing_output_is_wrong():
    assert compare({}, X).verdict == "wrong"


def test_integers_are_compared_exactly():
    got, want = np.array([2**53], np.int64), np.array([2**53 + 1], np.int64)
    assert compare({"y": got}, {"y": want}).verdict == "wrong"


def test_a_process_that_dies_or_hangs_costs_its_key_alone():
    results = dict(run_all(dies_or_hangs, ["a", "dies", "b", "hangs", "c"], jobs=2, limit=1))
    assert {key: r.outcome.verdict for key, r in results.items()} == {
        "a": "right", "dies": "crash", "b": "right", "hangs": "crash", "c": "right",
    }  # fmt: skip


def test_no_more_processes_than_jobs():
    results = dict(run_all(its_process, range(12), jobs=2))
    assert set(results) == set(range(12))
    assert len({result.name for result in results.values()}) <= 2


def test_messages_that_differ_in_numbers_and_names_are_one_group():
    refused = Outcome("refused", "'a_1': axis 3 is out of range", "compile")
    other = replace(refused, detail="'b_2': axis 4 is out of range")
    results = {0: Result(refused), 1: Result(other), 2: Result(Outcome("right"))}
    assert list(groups(results, "refused").values()) == [[0, 1]]
    assert tally(results)["refused"] == 2
