"""`verify` judges a prompt in chunks: faults that no single token and no `generate` shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from xdsl.ir import BlockArgument

from benchmarks.decoders.families import write_decoder
from benchmarks.decoders.shape import SHAPES
from dialects.affine import Affine
from dialects.lpu_mem.semantics import Execution
from lpuc.compiler.instrument import Instrumentation
from lpuc.compiler.options import CompileOptions
from lpuc.levels.cases import Cases
from lpuc.levels.onnx_runtime import Reference
from lpuc.verification.allowed import AllowedOfText
from lpuc.verification.judgement import Judgement, judge_prompts
from lpuc.verification.spread import FACTOR
from lpuc.verification.subject import subject
from lpuc.verification.verified import Verification, verified
from passes.lpu import derive_chunk
from runtime.device.device import Device
from runtime.generation.prompt import Chunks

SAMPLE = Path(__file__).parents[3] / "samples/exports/llama.onnx"
LEVELS = ["lpu", "mem", "program", "fast"]
OPTIONS = CompileOptions("lpu-4nm", "f32", prompt_chunk=8, max_context=32)


@pytest.fixture(scope="module")
def layer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A decoder of one layer, for faults that one shows as well as two."""
    path = tmp_path_factory.mktemp("decoder") / "model.onnx"
    write_decoder(path, replace(SHAPES["llama-tiny"], layers=1))
    return path


def judged(model: Path, devices: int = 1) -> Verification:
    return verified(model, replace(OPTIONS, devices=devices), None, 0)


def off(found: Verification) -> list[str]:
    """The levels whose logits are off, and only by a chunk."""
    levels = [level for output, level in found.mismatches if output == "logits"]
    assert {found.worst["logits"][level] for level in levels} <= {"a chunk"}
    return levels


def test_a_prompt_in_chunks_is_judged_at_every_level(monkeypatch: pytest.MonkeyPatch):
    """And nothing is run again for what is within the tolerance."""
    monkeypatch.setattr(AllowedOfText, "spread", lambda _self: pytest.fail("it was asked"))
    found = judged(SAMPLE)
    assert found.is_right and found.cases[-1] == "a chunk"


def test_several_devices_take_chunks(layer: Path):
    found = judged(layer, devices=2)
    assert found.is_right and found.cases[-1] == "a chunk"
    assert "esl" in found.table["logits"]


def test_chunks_that_are_full_and_that_overlap_are_right(layer: Path):
    compiled, found = subject(layer, OPTIONS, Instrumentation()), Judgement("f32")
    reference = Reference(layer)
    prompts = list(Cases(compiled.interface, 0, 1, reference).prompts(8, 32, is_thorough=True))
    assert [(text.name, len(text.prompt)) for text in prompts] == [
        ("a chunk", 6), ("chunks", 9), ("overlapping chunks", 14)
    ]  # fmt: skip
    judge_prompts(found, compiled, reference, prompts, "")
    assert found.cases == [text.name for text in prompts] and not found.breakdowns
    assert found.table["logits"].keys() == set(LEVELS)
    assert max(found.table["logits"].values()) < 5e-5


def test_no_chunk_is_judged_where_there_is_none(layer: Path):
    options = replace(OPTIONS, prompt_chunk=0)
    assert "a chunk" not in verified(layer, options, None, 0).cases


def test_wrong_positions_of_a_chunk_are_a_fault_from_level_lpu_on(
    monkeypatch: pytest.MonkeyPatch, layer: Path
):
    right = derive_chunk._given  # pyright: ignore[reportPrivateUsage]

    def wrong(value: BlockArgument, role: str, past: Affine) -> None:
        right(value, role, past + 1 if role == "positions" else past)

    def trusting(*_given: Any) -> None:
        pass

    monkeypatch.setattr(derive_chunk, "_given", wrong)
    assert "a chunk" not in judged(layer).cases, "positions of other tokens are noticed"
    monkeypatch.setattr(derive_chunk, "check", trusting)
    assert off(judged(layer)) == LEVELS


def test_what_is_beyond_the_tolerance_is_held_to_runs_that_round_otherwise():
    """Four times what is allowed is a fault, be it by such runs or by the tolerance."""
    compiled = subject(SAMPLE, replace(OPTIONS, precision="f16"), Instrumentation())
    assert compiled.prompted is not None
    text = AllowedOfText(compiled.prompted, [5, 6, 7, 8, 9, 10], "f16")
    right = {"logits": compiled.prompted.outputs("lpu", text.text)["logits"]}
    row = float(np.abs(right["logits"]).max())
    bound = FACTOR * float(text.spread()["logits"].min()) / row

    def share(error: float, tolerance: float) -> float:
        moved = {"logits": right["logits"] + np.float32(error * row)}
        return text.errors(moved, right, tolerance)["logits"][1]

    assert 1e-4 < bound < 0.1
    assert share(bound / 2, bound / 3) < 1, "beyond the tolerance, as runs are"
    assert share(4 * bound, bound * 2) > 1, "beyond what runs are"
    assert share(bound / 2, bound / 9) > 1, "beyond four times the tolerance"
    assert share(bound / 2, bound) == pytest.approx(0.5, rel=1e-3), "within it"


def test_what_a_level_forgets_between_calls_is_a_fault_of_that_level(
    monkeypatch: pytest.MonkeyPatch, layer: Path
):
    def forget(*_given: Any) -> None:
        pass

    monkeypatch.setattr(Execution, "resume", forget)
    found = judged(layer)
    assert found.broke("mem") and not found.broke("lpu") and not found.broke("program")
    (broken,) = found.breakdowns
    assert broken.case == "a chunk"


def test_a_machine_that_forgets_between_calls_is_at_fault(
    monkeypatch: pytest.MonkeyPatch, layer: Path
):
    monkeypatch.setattr(Device, "restart", lambda self: self.reset([]))
    found = judged(layer)
    assert found.broke("program") and not found.broke("mem")


def test_chunks_that_leave_a_gap_are_off(monkeypatch: pytest.MonkeyPatch, layer: Path):
    right = Chunks.inputs

    def other(self: Chunks, text: Sequence[int], start: int) -> dict[str, Any]:
        return right(self, [*text[:start], *text[start + 1 :]], start)

    monkeypatch.setattr(Chunks, "inputs", other)
    assert off(judged(layer)) == LEVELS
