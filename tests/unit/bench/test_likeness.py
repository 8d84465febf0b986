"""What may not be compared is refused, in words that say what to do."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from lpuc.bench.likeness import (
    KEPT,
    Model,
    Subject,
    Unlike,
    refuse_other_logits,
    refuse_other_run,
    refuse_unlike,
)
from lpuc.bench.plan import Plan, fitted
from lpuc.compiler.driver import compile_model
from lpuc.compiler.options import CompileOptions
from lpuc.errors import UsageError, UserError
from runtime.generation.decoder import Decoder

MODEL = Path(__file__).parents[3] / "samples/exports/gpt2.onnx"
LIKE = Model("f32", (("ids",), ("logits",)), (MODEL,))
SUBJECT = Subject("f32", 1, LIKE.ports, 100, 200)


def test_like_things_are_compared() -> None:
    refuse_unlike(SUBJECT, LIKE)
    refuse_unlike(replace(SUBJECT, precision="f16"), LIKE, may_differ=True)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"precision": "f16"}, "file is in f32, the program in f16; compile with --precision f32"),
        ({"devices": 4}, "4 machines, which take turns on this one; compile with --devices 1"),
        ({"ports": (("ids", "mask"), ("logits",))}, "other inputs or outputs than the model"),
    ],
)
def test_unlike_things_are_not(change: dict[str, Any], words: str) -> None:
    with pytest.raises(Unlike, match=words):
        refuse_unlike(replace(SUBJECT, **change), LIKE)


def test_a_quantised_file_has_no_precision_to_compile_for() -> None:
    with pytest.raises(Unlike, match=r"is in uint8, the program in f32; give a file in f32"):
        refuse_unlike(SUBJECT, replace(LIKE, precision="uint8"))


@pytest.mark.parametrize("precision", ["f32", "f16", "bf16"])
def test_what_a_program_and_a_file_compute_in(precision: str) -> None:
    compiled = compile_model(MODEL, CompileOptions(precision=precision, max_context=16))
    subject, model = Subject.of(compiled.program), Model.read(MODEL)
    assert subject.precision == precision
    assert model.precision == "f32"
    assert subject.ports == model.ports
    assert model.files == (MODEL,)


def test_data_beside_a_model_is_among_its_files(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    made = onnx.load(MODEL)
    onnx.save(made, path, save_as_external_data=True, location="m.data", size_threshold=16)
    model = Model.read(path)
    assert model.files == (path, tmp_path / "m.data")
    assert model.precision == "f32"


def test_logits_of_another_model() -> None:
    ours = np.linspace(-4, 4, 50).tolist()
    near, far = [x * (1 + 1e-4) for x in ours], [x * 1.01 for x in ours]
    refuse_other_logits(ours, near, ("f32", "f32"))
    refuse_other_logits(ours, far, ("f16", "f32"))
    for other in (far, [float("nan")] * 50, ours[:-1]):
        with pytest.raises(Unlike, match="not compiled from this file, or the file changed since"):
            refuse_other_logits(ours, other, ("f32", "f32"))


@pytest.mark.parametrize("key", KEPT)
def test_a_baseline_of_another_setting(key: str) -> None:
    part, entry = key.split(".")
    now: dict[str, Any] = {"machine": {}, "subject": {}, "plan": {}}
    for known in KEPT:
        now[known.split(".")[0]][known.split(".")[1]] = "same"
    refuse_other_run(now, now)
    before = json.loads(json.dumps(now))
    before[part][entry] = "another"
    with pytest.raises(Unlike, match=f"the baseline has other {KEPT[key]}: another, and this run"):
        refuse_other_run(before, now)


def test_threads_and_context_are_among_what_baselines_keep() -> None:
    assert {"plan.threads", "plan.context", "subject.precision", "machine.processor"} <= set(KEPT)


PLAN = Plan(0, tokens=4, rounds=1, warm_up=1, threads=1)


def _decoder(**shape: int) -> Decoder:
    options = CompileOptions(max_context=32, shape=shape)
    return Decoder.of(compile_model(MODEL, options).program.interface)


def test_plans_fit_the_program() -> None:
    decoder = _decoder()
    assert fitted(PLAN, 8, decoder).context == 8
    most = fitted(PLAN, None, decoder).context
    assert most + PLAN.more == decoder.room
    for context in (0, -1, most + 1, 1 << 40):
        with pytest.raises(UserError, match="do not fit the 32 of the program; compile it with"):
            fitted(PLAN, context, decoder)
    with pytest.raises(UserError, match="do not fit"):
        fitted(replace(PLAN, tokens=100), None, decoder)
    for name in ("tokens", "rounds", "warm_up"):
        with pytest.raises(UsageError):
            fitted(replace(PLAN, **{name: 0}), 8, decoder)
