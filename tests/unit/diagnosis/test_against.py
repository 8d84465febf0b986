"""Two sets of options that disagree: of each, the last IR that is right."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from xdsl.dialects.builtin import ModuleOp, StringAttr

from benchmarks.decoders.families import write_decoder
from benchmarks.decoders.shape import SHAPES
from dialects.lpu.elementwise import MapOp
from dialects.reading import all_within
from lpuc.cli import invoke
from lpuc.compiler.options import CompileOptions
from lpuc.diagnosis.against import Compilation
from lpuc.errors import MISMATCH, USAGE
from lpuc.levels.tolerance import TOLERANCES
from passes.analysis.functions import options
from passes.lpu.demote_precision import LpuDemotePrecisionPass
from passes.lpu.derive_generate import LpuDeriveGeneratePass
from passes.lpu.generation import loops
from passes.rewriting.kernel import set_operands
from tests.unit.levels.models import save_product

GIVEN = ("--target", "lpu-tiny", "--precision", "f32")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_product(tmp_path_factory.mktemp("against"))


@pytest.fixture
def swapped_in_f16(monkeypatch: pytest.MonkeyPatch) -> None:
    """What f16 alone shows: the pass that demotes swaps the operands of a difference."""
    before = LpuDemotePrecisionPass.rewrite

    def rewrite(self: LpuDemotePrecisionPass, module: ModuleOp) -> None:
        before(self, module)
        if options(module)["precision"] == StringAttr("f16"):
            for op in list(all_within(module)):
                if isinstance(op, MapOp) and op.fn.data == "sub":
                    set_operands(op, list(op.operands)[::-1])

    monkeypatch.setattr(LpuDemotePrecisionPass, "rewrite", rewrite)


def test_options_that_agree(model: Path, capsys: pytest.CaptureFixture[str]):
    assert invoke(["bisect", str(model), *GIVEN, "--against", "--precision f16"]) == 0
    assert "they agree" in capsys.readouterr().out


@pytest.mark.usefixtures("swapped_in_f16")
def test_a_fault_that_one_of_both_shows(model: Path, capsys: pytest.CaptureFixture[str]):
    command = ["bisect", str(model), *GIVEN, "--against", "--precision f16"]
    assert invoke(command) == MISMATCH
    given, other = capsys.readouterr().out.split("with --precision f16:")
    assert "last right   all of it" in given
    assert "first wrong  lpu-demote-precision" in other
    assert "lpu.map" in other
    assert "less" in other
    assert invoke([*command, "--json"]) == MISMATCH
    sides = json.loads(capsys.readouterr().out)["sides"]
    assert sides[0]["failure"] is None
    assert sides[1]["failure"]["where"] == sides[1]["wrong"] == "lpu-demote-precision"
    assert sides[1]["right"] != sides[1]["wrong"]


@pytest.mark.usefixtures("swapped_in_f16")
def test_what_both_have_wrong_is_no_disagreement(model: Path):
    command = ["bisect", str(model), *GIVEN[:2], "--precision", "f16", "--against"]
    assert invoke([*command, "--max-context 16"]) == 0


def test_tokens_that_one_of_both_chooses_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """What precision f16 alone shows: the loop takes the least likely token."""
    before = LpuDeriveGeneratePass.rewrite
    greedy = loops.greedy

    def rewrite(self: LpuDeriveGeneratePass, module: ModuleOp) -> None:
        is_short = options(module)["precision"] == StringAttr("f16")
        sign = (lambda b, x: b.map("neg", x)) if is_short else (lambda _b, x: x)
        monkeypatch.setattr(loops, "greedy", lambda b, x: greedy(b, sign(b, x)))
        before(self, module)

    monkeypatch.setattr(LpuDeriveGeneratePass, "rewrite", rewrite)
    write_decoder(tmp_path / "model.onnx", replace(SHAPES["llama-tiny"], layers=1))
    usual = ("--max-context", "16", "--prompt-chunk", "0", "--precision", "f32")
    command = ["bisect", str(tmp_path / "model.onnx"), *usual, "--against"]
    assert invoke([*command, "--precision bf16"]) == 0
    assert invoke([*command, "--precision f16"]) == MISMATCH
    given, other = capsys.readouterr().out.split("with --precision f16:")
    assert "last right   all of it" in given
    assert "first wrong  lpu-derive-generate" in other
    assert "shown by generate greedy" in other


def test_a_file_that_rounds_itself_may_be_off_by_that(tmp_path: Path):
    """The tolerance is that of the shortest floats of the file."""
    one = Compilation(save_product(tmp_path), CompileOptions("lpu-tiny", "f32"), "f16")
    assert one.tolerance == one.search.tolerance == TOLERANCES["f16"]


@pytest.mark.parametrize("against", ["--precision f99", "--no-such", "'", "--precision f32", "x"])
def test_options_that_are_none(model: Path, against: str, capsys: pytest.CaptureFixture[str]):
    assert invoke(["bisect", str(model), *GIVEN, "--against", against]) == USAGE
    assert "--against" in capsys.readouterr().err
