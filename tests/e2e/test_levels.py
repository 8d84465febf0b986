"""Every committed model, at every level, on both targets, against ONNX Runtime."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.decoder_inputs import Call
from lpuc.verification.verified import Subject, difference
from tests.e2e.committed import EXPORTS, MODELS, ONE, compiled, expected, feeds, model_id

TOLERANCE = 5e-5
LEVELS = ("onnx", "lpu", "mem", "program", "fast")
ONE_TOKEN = (Call(new=1, past=0), Call(new=1, past=5, mask="random", shift=2))
THREE_TOKENS = (
    Call(new=3, past=0, mask="left"),
    Call(new=3, past=5, mask="left"),
    Call(new=3, past=5, mask="alone"),
)
TWO_ROWS = (
    Call(batch=2, new=1, past=0),
    Call(batch=2, new=1, past=5, mask="random"),
    Call(batch=2, new=1, past=5, mask="alone", shift=1),
)


def wrong(subject: Subject, model: Path, call: Call) -> list[str]:
    """Level, output and error wherever a level is off."""
    inputs = feeds(model, call)
    reference = expected(model, inputs)
    found: list[str] = []
    for level in LEVELS:
        got = subject.runners[level](inputs)
        for name, value in reference.items():
            error = difference(got[name], value)
            if not error <= TOLERANCE:
                found.append(f"{call.name}: {level}: {name} is off by {error:.1e}")
    return found


CALLS = {"s1": ONE_TOKEN, "s3": THREE_TOKENS}
CASES = [
    pytest.param(model, target, CALLS[kind], id=f"{model_id(model)}-{target}-{kind}")
    for target, kind, models in (
        ("lpu-4nm", "s3", MODELS),
        ("lpu-tiny", "s1", [EXPORTS[0], MODELS[-1]]),
        ("lpu-tiny", "s3", [ONE]),
    )
    for model in models
]
"""Each model on one target, some on both, and both numbers of tokens on each."""


@pytest.mark.parametrize(("model", "target", "calls"), CASES)
def test_levels_agree_with_onnx_runtime(model: Path, target: str, calls: tuple[Call, ...]):
    subject = compiled(model, target, calls[0])
    assert not [line for call in calls for line in wrong(subject, model, call)]


@pytest.mark.parametrize("model", EXPORTS[:1], ids=model_id)
def test_batch_of_two(model: Path):
    subject = compiled(model, "lpu-tiny", TWO_ROWS[0])
    assert not [line for call in TWO_ROWS for line in wrong(subject, model, call)]


@pytest.mark.parametrize("model", EXPORTS[:1], ids=model_id)
def test_inputs_matter(model: Path):
    """A compiler that ignores an input would agree on inputs that happen to be the usual ones."""
    call = Call(new=1, past=5)
    run = compiled(model, "lpu-4nm", call).runners["program"]
    inputs = feeds(model, call)
    usual = run(inputs)["logits"]
    for name, change in (("attention_mask", _hide_first), ("position_ids", _next)):
        assert not np.array_equal(run(inputs | {name: change(inputs[name])})["logits"], usual), name


def _hide_first(mask: np.ndarray) -> np.ndarray:
    hidden = mask.copy()
    hidden[:, 0] = 0
    return hidden


def _next(positions: np.ndarray) -> np.ndarray:
    return positions + 1
