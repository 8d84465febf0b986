"""`verify` holds outputs to what products may round, far below the tolerance of a precision."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper, parser
from xdsl.dialects.builtin import ModuleOp

from lpuc.compiler.instrument import Instrumentation
from lpuc.compiler.options import CompileOptions
from lpuc.levels.cases import Case
from lpuc.levels.execution import run_level
from lpuc.levels.tolerance import TOLERANCES, tolerance_of
from lpuc.verification import allowed
from lpuc.verification.allowed import Allowed
from lpuc.verification.spread import FACTOR, RUNS, drawn, excess_of
from lpuc.verification.subject import subject
from lpuc.verification.verified import verified
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


GATED = """<ir_version: 10, opset_import: ["": 17]>
g (float[1, 64] x) => (float[64, 1] y) {
  both = MatMul(x, w)
  gate, inner = Split<axis=1>(both)
  row = Mul(gate, inner)
  y = Transpose<perm=[1,0]>(row)
}"""


def test_numbers_of_one_product_that_are_rows_of_one_are_held_to_the_largest(tmp_path: Path):
    model = parser.parse_model(GATED)
    weights = 8 * np.random.default_rng(0).standard_normal((64, 128)).astype(np.float32)
    model.graph.initializer.append(numpy_helper.from_array(weights, "w"))
    onnx.save(model, tmp_path / "m.onnx")
    found = verified(tmp_path / "m.onnx", CompileOptions("lpu-tiny", "f16"), None, 0)
    assert found.is_right, found.table


def test_integers_are_others_only_where_those_of_other_runs_are():
    right, got = np.array([3, 5]), np.array([3, 6])
    assert excess_of(got, right, np.array([0.0]), 1e-3) == np.inf
    assert excess_of(got, right, np.array([np.inf]), 1e-3) == 0


RESCALED = """<ir_version: 10, opset_import: ["": 21]>
g (uint8[40] x) => (uint8[40] y) {
  long = DequantizeLinear(x, s, p)
  y = QuantizeLinear(long, t, q)
}"""


def test_whole_numbers_are_not_rounded(tmp_path: Path):
    """A byte is another one only where what is rounded to it falls on the other side of a half."""
    model = parser.parse_model(RESCALED)
    for name, number in {"s": np.float32(0.3), "t": np.float32(0.9)}.items():
        model.graph.initializer.append(numpy_helper.from_array(np.array(number), name))
    for name in ("p", "q"):
        model.graph.initializer.append(numpy_helper.from_array(np.array(7, np.uint8), name))
    onnx.save(model, tmp_path / "m.onnx")
    compiled = subject(tmp_path / "m.onnx", CompileOptions("lpu-tiny", "f32"), Instrumentation())
    inputs = {"x": np.arange(10, 250, 6, dtype=np.uint8)}
    for level in ("onnx", "lpu"):
        module = compiled.modules[level]
        outputs = run_level(level, module, inputs)
        assert not any(drawn(level, module, inputs, {}, outputs, seed)["y"] for seed in range(3))


def counted(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """The runs that round otherwise, by level and seed, as they are made."""
    runs, right = list[tuple[str, int]](), allowed.drawn

    def noted(level: str, *given: Any) -> Any:
        runs.append((level, given[-1]))
        return right(level, *given)

    monkeypatch.setattr(allowed, "drawn", noted)
    return runs


def test_runs_that_round_otherwise_are_made_only_where_numbers_are_off(
    model: Path, monkeypatch: pytest.MonkeyPatch
):
    runs = counted(monkeypatch)
    cases = len(verified(model, CompileOptions("lpu-tiny", "f32"), None, 0).cases)
    assert len(runs) < 2 * cases
    runs.clear()
    monkeypatch.setattr(planted, "OFF", SEEN)
    off_in_mem(monkeypatch)
    found = verified(model, CompileOptions("lpu-tiny", "f32"), None, 0)
    assert found.mismatches == [("y", "mem")]
    assert set(runs) == {(level, seed) for level in ("onnx", "lpu") for seed in range(RUNS)}


@pytest.mark.parametrize(("narrowest", "seen"), [("f32", 2e-5), ("i16", 1e-3)])
def test_files_that_round_to_integers_are_held_to_the_tolerance(
    narrowest: str, seen: float, monkeypatch: pytest.MonkeyPatch
):
    """A step more or less is in whatever row a number lies near a half."""
    monkeypatch.setattr(allowed, "drawn", lambda *_given: {"y": np.array([[0.0]])})
    judge = Allowed({"onnx": ModuleOp([])}, "f32", narrowest=narrowest)
    judge.begin(Case("", {}))
    right = {"y": np.full((1, 8), 0.5, np.float32)}
    for off, is_wrong in ((seen / 4, narrowest == "f32"), (seen, True)):
        got = {"y": right["y"] + np.float32(off)}
        (_, share) = judge.errors("onnx", got, right, tolerance_of("onnx", "f32", narrowest))["y"]
        assert (share > 1) == is_wrong


def test_a_step_goes_on_from_what_may_be_off(monkeypatch: pytest.MonkeyPatch):
    """What one step leaves is off as far as its outputs were, and no further."""
    seen = list[Any]()

    def drawn(_level: str, _module: Any, _inputs: Any, before: Any, *_given: Any) -> Any:
        seen.append(before)
        return {"present": np.array([1.0])}

    monkeypatch.setattr(allowed, "drawn", drawn)
    right = {"present": np.array([[100.0]], np.float32)}
    off = {"present": right["present"] + np.float32(9)}
    one = Allowed({"onnx": ModuleOp([]), "lpu": ModuleOp([])}, "f32")
    carried = {"past": "present"}
    steps = (Case("step 1", {}), {}), (Case("step 2", {}, carried=carried), {"past": 2.0})
    for case, before in steps:
        one.begin(case)
        for level in ("onnx", "lpu"):
            found = one.errors(level, off, right, 1.0)
            assert found["present"][1] == pytest.approx(9 / (FACTOR * (1 + (level == "lpu"))), 1e-3)
        assert seen[-1] == before
