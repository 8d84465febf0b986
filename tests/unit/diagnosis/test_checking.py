"""`--check-numerics` names the pass that makes numbers wrong while a model is compiled."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lpuc.cli import invoke
from lpuc.compiler.located import parse_module
from lpuc.diagnosis.checking import NumericsCheck
from lpuc.diagnosis.judging.snapshots import narrowest
from lpuc.errors import INTERNAL
from lpuc.levels.tolerance import TOLERANCES
from passes.lpu.generation import loops
from passes.onnx.operators import elementwise
from passes.rewriting.build import Build
from tests.e2e.committed import ONE
from tests.unit.levels.models import save_product

TINY = ("--target", "lpu-tiny", "--precision", "f32", "--check-numerics")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_product(tmp_path_factory.mktemp("checking"))


def compiled(model: Path, folder: Path, *options: str) -> int:
    return invoke(["compile", str(model), "-o", str(folder / "out.lpu"), *TINY, *options])


def test_a_right_compiler_passes_and_the_index_says_by_whom(model: Path, tmp_path: Path):
    assert compiled(model, tmp_path, "--dump-ir", str(tmp_path / "dump")) == 0
    entries = json.loads((tmp_path / "dump/index.json").read_text())
    passes = entries["passes"] if isinstance(entries, dict) else entries
    judged = [entry for entry in passes if entry["verdicts"]]
    assert len(judged) >= len(passes) - 1
    assert {v["by"] for entry in judged for v in entry["verdicts"]} == {"check-numerics"}


def test_a_conversion_that_swaps_operands_is_named(
    model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    before = Build.map

    def swapped(self: Build, fn: str, *sources: Any) -> Any:
        return before(self, fn, *(sources[::-1] if fn == "sub" else sources))

    monkeypatch.setattr(elementwise.Build, "map", swapped)
    assert compiled(model, tmp_path, "--reproducer", str(tmp_path / "r.mlir")) == INTERNAL
    shown = capsys.readouterr().err
    assert "pass 'convert-onnx-to-lpu'" in shown
    assert "lpu.map" in shown
    assert "less" in shown
    assert not (tmp_path / "out.lpu").exists()
    again = ["opt", "--run-reproducer", str(tmp_path / "r.mlir"), "--check-numerics"]
    assert " ".join(again) in shown
    assert invoke(again) == INTERNAL
    assert "pass 'convert-onnx-to-lpu'" in capsys.readouterr().err


def test_tokens_that_the_loop_chooses_otherwise_are_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    before = loops.greedy

    def least(b: Build, logits: Any) -> Any:
        return before(b, b.map("neg", logits))

    monkeypatch.setattr(loops, "greedy", least)
    options = ("--max-context", "16", "--reproducer", str(tmp_path / "r.mlir"))
    assert compiled(ONE, tmp_path, *options) == INTERNAL
    assert "pass 'lpu-derive-generate'" in capsys.readouterr().err


def test_it_says_when_there_was_nothing_to_judge(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "x.mlir").write_text("builtin.module {\n}\n")
    command = ["opt", str(tmp_path / "x.mlir"), "-p", "dce", "--check-numerics"]
    assert invoke(command) == 0
    assert "--check-numerics has judged nothing" in capsys.readouterr().err


@pytest.mark.parametrize(("kinds", "expected"), [(("f32",), "f32"), (("f32", "f16"), "f16")])
def test_a_model_that_rounds_itself_may_be_off_by_as_much(kinds: tuple[str, ...], expected: str):
    """Sums in another order fall on another side of what the model rounds them to."""
    digits = {"f32": "0000803f", "f16": "003c"}
    values = "".join(f'  %{k} = lpu.fill "{digits[k]}" : !lpu.tensor<[2], {k}>\n' for k in kinds)
    module = parse_module(f"func.func @step() {{\n{values}  func.return\n}}\n", "test")
    assert narrowest(module) == expected
    assert NumericsCheck(module).search.tolerance == TOLERANCES[expected]
