"""A sweep of models says what is not right, in its table and by its exit code."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper, parser

from benchmarks import sweep
from benchmarks.sweep import Key, Unavailable, keys, main, quantised, run_key, table
from lpuc.verification.verified import Verification

GOOD = """<ir_version: 10, opset_import: ["": 17]>
g (float[1, 8] x) => (float[1, 8] y) { y = MatMul(x, w) }"""
REFUSED = GOOD.replace("MatMul(x, w)", "MatMul(x, w) z = Det(w)")


def saved(folder: Path, text: str, seed: int = 0) -> Path:
    model = parser.parse_model(text)
    weight = np.random.default_rng(seed).standard_normal((8, 8)).astype(np.float32)
    model.graph.initializer.append(numpy_helper.from_array(weight, "w"))
    folder.mkdir(parents=True)
    onnx.save(model, str(folder / "model.onnx"))
    return folder / "model.onnx"


def test_every_way_is_taken_and_a_share_is_verified(tmp_path: Path):
    saved(tmp_path / "a", GOOD)
    saved(tmp_path / "b", GOOD)
    found = list(keys([tmp_path], [1, 2, 4, 8], sweep.PRECISIONS, 0.5, 3))
    assert len(set(found)) == 2 * 4 * 4
    chosen = [key for key in found if key.is_verified]
    assert 8 <= len(chosen) <= 24
    assert not any(key.is_verified for key in keys([tmp_path], [1], ["f32"], 0.0, 3))
    assert [key for key in keys([tmp_path], [2], ["f16"], 0.5, 3, "b")] == [
        key
        for key in found
        if (key.model.parent.name, key.devices, key.precision) == ("b", 2, "f16")
    ]


@pytest.mark.parametrize("precision", sweep.PRECISIONS)
def test_a_model_is_right_in_every_precision(precision: str, tmp_path: Path):
    key = Key(saved(tmp_path / "a", GOOD), 1, precision, True)
    outcome = run_key(tmp_path, 5.0, key).outcome
    assert (outcome.verdict, outcome.stage) == ("right", "verify"), outcome.detail
    assert outcome.error > 0 or precision == "int8"


@pytest.mark.parametrize("precision", ["int8", "int4"])
def test_each_model_is_quantised_whatever_it_is_called(precision: str, tmp_path: Path):
    models = [saved(tmp_path / name / "a", GOOD, seed) for seed, name in enumerate("bc")]
    (tmp_path / "made").mkdir()
    made = [quantised(model, precision, tmp_path / "made") for model in models]
    assert made[0].read_bytes() != made[1].read_bytes()
    assert made == [quantised(model, precision, tmp_path / "made") for model in models]


@pytest.mark.parametrize("precision", ["int8", "int4"])
def test_what_cannot_be_quantised_does_not_count(precision: str, tmp_path: Path):
    path = saved(tmp_path / "a", GOOD.replace("MatMul(x, w)", "Relu(x)"))
    (tmp_path / "made").mkdir()
    with pytest.raises(Unavailable, match="nothing to quantise"):
        quantised(path, precision, tmp_path / "made")
    assert not list((tmp_path / "made").iterdir())
    outcome = run_key(tmp_path, 5.0, Key(path, 1, precision)).outcome
    assert outcome.verdict == "uncounted"


def test_what_is_refused_is_seen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sweep, "run", lambda task, wanted, _: {key: task(key) for key in wanted})
    saved(tmp_path / "good", GOOD)
    given = ["--devices=1", "--precisions=f32", "--verify=0", "--jobs=1"]
    assert main([str(tmp_path), *given]) == 0
    saved(tmp_path / "bad", REFUSED)
    assert main([str(tmp_path), *given]) == 1
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["good", "ok"] in rows and ["bad", "REFUSED"] in rows


@pytest.mark.parametrize("option", ["--devices=3", "--devices=1,x", "--whole-budget=101"])
def test_options_that_nobody_can_mean_are_refused_at_once(option: str, tmp_path: Path):
    saved(tmp_path / "a", GOOD)
    with pytest.raises(SystemExit) as ended:
        main([str(tmp_path), option])
    assert ended.value.code == 2


def test_a_run_that_ended_before_any_model_has_a_table():
    assert table({}).splitlines()[-1] == "ok*: verified at every level, too"


def test_what_is_wrong_or_crashes_is_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = saved(tmp_path / "a", GOOD)
    monkeypatch.setattr(sweep, "compile_model", None)
    assert run_key(tmp_path, 5.0, Key(path, 1, "f32")).outcome.verdict == "crash"
    monkeypatch.setattr(Verification, "is_right", property(lambda _: False))
    monkeypatch.setattr(Verification, "mismatches", property(lambda _: [("y", "mem")]))
    outcome = run_key(tmp_path, 5.0, Key(path, 1, "f32", True)).outcome
    assert (outcome.verdict, outcome.stage) == ("wrong", "mem")
