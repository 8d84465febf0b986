"""Reports in Python: predictions, inspections and verifications as data."""

from __future__ import annotations

import json

import pytest

import lpuc
from tests.e2e.committed import CONTEXT, ONE
from tests.e2e.python import inputs, shared

pytestmark = pytest.mark.xdist_group("python")
"""What they share is compiled once, in one process."""


@pytest.fixture
def program() -> lpuc.Program:
    return shared()


def test_predictions_grow_with_the_context(program: lpuc.Program):
    first, last = program.predict(context=0), program.predict(context=CONTEXT - 1)
    assert 0 < first.seconds < last.seconds
    assert 0 < first.utilisation < 1
    prompt = program.predict("generate", context=4)
    assert prompt.symbols == {"fed": 3, "prompt": 4, "sampled": 0, "total": 5}, "behind a chunk"
    assert prompt.seconds > first.seconds
    with pytest.raises(lpuc.Error, match="entry: expected one of step, prompt_chunk, generate"):
        program.predict("stepp")
    with pytest.raises(lpuc.Error, match=f"context: expected a whole number, 0 to {CONTEXT - 1}"):
        program.predict(context=CONTEXT)


def test_inspect_says_yes_only_if_compile_does():
    report = lpuc.inspect(ONE, max_context=CONTEXT, prompt_chunk=0).as_dict()
    assert report["compiles"] is True
    assert report["program"]["target"] == "lpu-4nm"
    assert json.loads(json.dumps(report)) == report
    empty = lpuc.inspect(ONE, shape={"batch": 0}).as_dict()
    with pytest.raises(lpuc.Error) as refusal:
        lpuc.compile(ONE, shape={"batch": 0})
    assert (empty["compiles"], empty["refusal"]) == (False, str(refusal.value))


def test_verify_gives_data():
    found = lpuc.verify(ONE, max_context=CONTEXT, prompt_chunk=0, precision="f32")
    assert found.is_right
    assert set(found.table["logits"]) == {"onnx", "lpu", "mem", "program", "fast"}
    assert found.as_dict()["mismatches"] == []


def test_verify_takes_inputs_and_checks_them(program: lpuc.Program):
    found = lpuc.verify(
        ONE, max_context=CONTEXT, prompt_chunk=0, precision="f32", inputs=inputs(program)
    )
    assert (found.is_right, found.cases) == (True, ("given",))
    with pytest.raises(lpuc.Error, match="input_ids: expected values from 0 on"):
        lpuc.verify(
            ONE, max_context=CONTEXT, prompt_chunk=0, inputs=inputs(program) | {"input_ids": [[-1]]}
        )


def test_verify_runs_a_pipeline_of_the_users():
    from lpuc.compiler.pipeline import PIPELINE

    names = [
        name for stage in PIPELINE for name in stage.passes if not name.startswith("lpu-raise")
    ]
    found = lpuc.verify(
        ONE, max_context=CONTEXT, prompt_chunk=0, precision="f32", pipeline=",".join(names)
    )
    assert found.is_right
    assert set(found.table["logits"]) == {"onnx", "lpu", "mem", "program", "fast"}
