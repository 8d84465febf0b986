"""What ONNX nodes give is judged value by value."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from dialects.lpu.elementwise import MapOp
from dialects.lpu.semantics import SEMANTICS
from lpuc.cli import invoke
from lpuc.compiler.options import CompileOptions
from lpuc.errors import MISMATCH
from lpuc.levels.tolerance import distance
from lpuc.verification.verified import verified
from tests.unit.levels.models import save_product

SAMPLE = Path(__file__).parents[3] / "samples/exports/llama.onnx"


def test_measures_of_a_distance():
    expected, got = np.zeros((2, 8), np.float32), np.zeros((2, 8), np.float32)
    expected[:, :2] = [[1.0, 4.0], [0.0, -8.0]]
    got[:, :2] = expected[:, :2] + np.array([[0, 0.5], [0.25, 0]], np.float32)
    off = distance(got, expected, 1e-3)
    assert (off.max_abs, off.max_rel) == (0.5, np.inf)
    assert off.error == pytest.approx(0.125)
    assert off.first_bad == (0, 1)
    assert off.ulp == pytest.approx(0.25 / (2.0**-126 * 2.0**-23))
    assert off.cosine == pytest.approx(
        np.dot(got.ravel(), expected.ravel()) / 9 / np.linalg.norm(got)
    )


@pytest.mark.parametrize(
    ("dtype", "eps"), [(np.float32, 2**-23), (np.float16, 2**-10), (ml_dtypes.bfloat16, 2**-7)]
)
def test_units_in_the_last_place_are_those_of_the_type(dtype: Any, eps: float):
    expected = np.array([5.0], dtype)
    got = (expected.astype(np.float64) + 3 * 4 * eps).astype(dtype)
    assert distance(got, expected, 1.0).ulp == pytest.approx(3)


def test_what_is_equal_is_off_by_nothing():
    array = np.array([np.nan, np.inf, 1.0, 0.0], np.float32)
    off = distance(array, array, 0.0)
    assert (off.error, off.max_abs, off.max_rel, off.ulp, off.first_bad) == (0, 0, 0, 0, None)
    assert off.cosine == 1


def test_nan_where_there_is_none_departs():
    off = distance(np.array([1, np.nan], np.float32), np.array([1, 2], np.float32), 1.0)
    assert off.first_bad == (1,)
    assert off.max_abs == off.error == np.inf


def test_all_values_of_a_right_model_agree_or_are_rewritten():
    found = verified(SAMPLE, CompileOptions("lpu-tiny", "f32", 16), None, 0, values=True)
    assert found.is_right
    levels = {level: [v for v in found.values if v.level == level] for level in ("onnx", "lpu")}
    assert len(levels["onnx"]) > 200
    assert {value.verdict for value in levels["onnx"]} == {"agrees"}
    assert sum(value.verdict == "agrees" for value in levels["lpu"]) > 40


def test_values_behind_a_fault_depart_and_the_first_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    before = SEMANTICS[MapOp]
    off = np.array([[0, 0, 0, 0], [0, 0, 1, 0]], np.float32)
    monkeypatch.setitem(SEMANTICS, MapOp, lambda *given: tuple(x + off for x in before(*given)))
    command = ["verify", str(save_product(tmp_path)), "--precision", "f32", "--values"]
    assert invoke(command) == MISMATCH
    lines = capsys.readouterr().out.splitlines()
    assert "values at level onnx: 2 agree, 0 are rewritten, 0 depart" in lines
    assert "values at level lpu: 0 agree, 0 are rewritten, 2 depart" in lines
    assert lines[-2].split()[0] == "lpu"
    assert lines[-2].endswith("  [1, 2] d less (Sub)")
    assert "y product (MatMul)" in lines[-1]


def test_a_value_alone_is_a_difference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """What an output does not show: a value of level `onnx` that is off in what is dropped."""
    import lpuc.verification.values as values

    before = values.run_level

    def spoiling(level: str, module: Any, inputs: Any, observer: Any) -> Any:
        def spoilt(op: Any, operands: Any, results: Any) -> Any:
            observer(op, operands, [[x + (op.name == "onnx.Sub") for x in r] for r in results])
            return results

        return before(level, module, inputs, observer=spoilt)

    monkeypatch.setattr(values, "run_level", spoiling)
    command = ["verify", str(save_product(tmp_path)), "--precision", "f32", "--values", "--json"]
    assert invoke(command) == MISMATCH
    shown = capsys.readouterr()
    assert "value 'd' of node 'less' differs at level onnx" in shown.err
    found = json.loads(shown.out)
    (bad,) = (value for value in found["values"] if value["verdict"] == "departs")
    assert (bad["name"], bad["node"], bad["level"]) == ("d", "less", "onnx")
    assert bad["distance"]["first_bad"] == [0, 0]
    assert found["is_right"] is False and found["mismatches"] == []
