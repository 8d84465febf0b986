"""`verify`: what counts as a difference, and that every level agrees on a real model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lpuc.cli import invoke
from lpuc.errors import MISMATCH, USAGE
from lpuc.levels.tolerance import departure
from lpuc.verification.verified import difference, mismatches

MODEL = Path(__file__).parents[3] / "samples/exports/gpt2.onnx"
PLAIN = ("verify", "--max-context", "16", "--prompt-chunk", "0")
INF, NAN = float("inf"), float("nan")


@pytest.mark.parametrize(
    ("got", "expected", "error"),
    [
        ([1.0], [1.5], 0.5 / 1.5),
        ([0.0], [0.5], 0.5),
        ([200.0], [100.0], 1.0),
        ([NAN, INF, -INF], [NAN, INF, -INF], 0.0),
        ([NAN], [1.0], INF),
        ([INF], [-INF], INF),
        ([1.0], [INF], INF),
        ([], [], 0.0),
    ],
)
def test_difference(got: list[float], expected: list[float], error: float):
    a, b = np.array(got, np.float32), np.array(expected, np.float32)
    assert difference(a, b) == pytest.approx(error)


def test_a_departure_is_of_the_largest_number_of_a_row():
    rows = [[0.0, 10.0], [0.5, INF], [0.0, 0.1]]
    expected = np.array([[*row, *[0.0] * 6] for row in rows], np.float32)
    for row, off, error in ((0, 1.0, 0.1), (1, 0.25, 0.25), (2, 0.02, 0.02)):
        got = expected.copy()
        got[row, 0] += off
        assert departure(got, expected) == pytest.approx(error)
    assert departure(np.float32(3), np.float32(2)) == pytest.approx(0.5)
    assert departure(-expected, expected) == INF


def test_rows_of_a_few_numbers_are_one_with_their_neighbours():
    expected = np.array([[[0.0, 2.0], [1.0, 20.0], [0.0, 0.0], [3.0, 1.0]]] * 2, np.float32)
    got = expected.copy()
    got[1, 0, 0] += 1
    assert departure(got, expected) == pytest.approx(1 / 20)
    assert departure(got[1, 0], expected[1, 0]) == pytest.approx(1 / 2)
    assert departure(got[..., None], expected[..., None]) == pytest.approx(1 / 20)
    assert departure(np.zeros((3, 0)), np.zeros((3, 0))) == 0


@pytest.mark.parametrize(
    ("got", "expected"),
    [
        (np.zeros(2), np.zeros(3)),
        (np.zeros(2, np.float32), np.zeros(2)),
        (np.array([1]), np.array([2])),
    ],
)
def test_shapes_types_and_integers_must_be_equal(got: Any, expected: Any):
    assert difference(got, expected) == INF


def test_nan_as_an_error_is_a_mismatch():
    assert mismatches({"x": {"lpu": NAN, "mem": 0.0}}, 1.0) == [("x", "lpu")]


def test_several_devices_have_a_level_of_their_own(small: Path, capsys: pytest.CaptureFixture[str]):
    assert invoke(["verify", str(small), "--precision", "f32", "--devices", "4"]) == 0
    head, *_ = capsys.readouterr().out.splitlines()
    assert head.split() == ["output", "onnx", "lpu", "esl", "mem", "program", "fast"]


@pytest.mark.parametrize(("count", "message"), [
    ("3", "3 is no power of two; choose 2 or 4"), ("0", "expected a whole number, 1 to 64, got 0"),
    ("63", "63 is no power of two; choose 32 or 64"), ("128", "1 to 64, got 128"),
])  # fmt: skip
def test_devices_that_make_no_ring_are_refused(
    count: str, message: str, capsys: pytest.CaptureFixture[str]
):
    assert invoke(["verify", str(MODEL), "--devices", count]) == USAGE
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("precision", "output"),
    [
        ("f32", "logits"),
        ("f16", "y"),
        ("bf16", "y"),
        *(pytest.param(one, "logits", marks=pytest.mark.slow) for one in ("f16", "bf16")),
    ],
)
def test_all_levels_agree(
    precision: str, output: str, small: Path, capsys: pytest.CaptureFixture[str]
):
    model = MODEL if output == "logits" else small
    assert invoke(["verify", str(model), "--max-context", "16", "--precision", precision]) == 0
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.split() == ["output", "onnx", "lpu", "mem", "program", "fast"]
    assert rows[0].startswith(output)


def test_a_difference_is_exit_3(
    small: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    import lpuc.verification.verified

    monkeypatch.setitem(lpuc.verification.verified.TOLERANCES, "f16", 0.0)
    assert invoke(["verify", str(small)]) == MISMATCH
    assert "differs at level" in capsys.readouterr().err


def test_the_result_is_data_too_and_passes_are_watched(
    small: Path, capsys: pytest.CaptureFixture[str]
):
    watched = ("--mlir-print-ir-after=lpu-mem-tile", "--print-ir-filter=product")
    assert invoke(["verify", str(small), "--json", *watched]) == 0
    shown = capsys.readouterr()
    found = json.loads(shown.out)
    assert shown.err.startswith("// -----// IR Dump After LpuMemTilePass (lpu-mem-tile) //----- //")
    assert found["is_right"] is True
    assert set(found["table"]["y"]) == {"onnx", "lpu", "mem", "program", "fast"}


def test_inputs_are_checked(inputs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    command = [*PLAIN, str(MODEL), "--inputs"]
    assert invoke([*command, str(inputs)]) == 0
    assert "\ninputs: in.npz\ntolerance: 4 times the spread" in capsys.readouterr().out
    arrays = dict(np.load(inputs))
    np.savez(tmp_path / "bad.npz", **{**arrays, "position_ids": np.zeros((1, 2), np.int64)})
    assert invoke([*command, str(tmp_path / "bad.npz")]) == 1
    assert "position_ids: expected [1, 1], got [1, 2]" in capsys.readouterr().err
