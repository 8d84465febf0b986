"""What the compiler makes for several devices is proved, and what somebody changed is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import lpuc
import runtime.ring.checks.compile as checks
from lpuc.cli import invoke
from lpuc.compiler.pipeline import pipeline_of
from lpuc.errors import InternalError
from runtime.program.program import Program
from runtime.ring.checks.compile import Report, Rule, prove

EXPORTS = Path(__file__).parents[6] / "samples/exports"


def _pipeline(devices: int, without: str) -> str:
    names = (name for stage in pipeline_of(devices) for name in stage.passes)
    return ",".join(name for name in names if not without or not name.startswith(without))


@pytest.mark.parametrize(
    ("model", "devices", "target", "without"),
    [
        ("gpt2", 4, "lpu-4nm", ""),
        pytest.param("llama", 8, "lpu-tiny", "", marks=pytest.mark.slow),
        ("opt", 8, "lpu-4nm", "lpu-raise"),
        ("qwen2", 2, "lpu-tiny", "lpu-raise"),
        ("gpt2", 8, "lpu-tiny", "lpu-raise"),
        ("opt", 8, "lpu-tiny", "lpu-raise"),
        pytest.param("opt_torchscript", 8, "lpu-tiny", "lpu-raise", marks=pytest.mark.slow),
    ],
)
def test_a_compiled_program_is_proved(
    model: str, devices: int, target: str, without: str, tmp_path: Path
):
    made = lpuc.compile(
        EXPORTS / f"{model}.onnx", devices=devices, target=target, weights="none",
        pipeline=_pipeline(devices, without), prompt_chunk=0 if without else None,
    )  # fmt: skip
    made.save(tmp_path / "p.lpu")
    program = Program.load(tmp_path / "p.lpu")
    assert json.loads(program.proof) == prove(program).to_json()
    assert json.loads(program.proof)["messages"]["generate"] > 0


def test_a_program_for_one_device_has_no_proof(tmp_path: Path):
    lpuc.compile(EXPORTS / "gpt2.onnx", weights="none", prompt_chunk=0).save(tmp_path / "p.lpu")
    assert Program.load(tmp_path / "p.lpu").proof == ""


def test_a_program_that_is_not_proved_is_not_assembled(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    path, text, other = tmp_path / "p.lpu", tmp_path / "p.s", tmp_path / "other.lpu"
    lpuc.compile(EXPORTS / "gpt2.onnx", devices=2, weights="none", prompt_chunk=0).save(path)
    capsys.readouterr()
    assert invoke(["disasm", str(path)]) == 0
    good = capsys.readouterr().out
    text.write_text(good)
    assert invoke(["asm", str(text), "-o", str(other)]) == 0
    assert other.read_bytes() == path.read_bytes()
    other.unlink()
    text.write_text(good.replace("recv.right", "recv.left", 1))
    assert invoke(["asm", str(text), "-o", str(other)]) == 1
    assert "several devices" in capsys.readouterr().err
    assert not other.exists()


def test_a_program_of_ours_that_is_not_proved_is_a_bug(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)

    def refused(program: Program) -> Program:
        Report(program.code, program.provenance).refuse(Rule.CONTENT, "{0} is a test", 0)

    monkeypatch.setattr(checks, "proved", refused)
    made = lpuc.compile(EXPORTS / "gpt2.onnx", devices=2, weights="none", prompt_chunk=0)
    with pytest.raises(InternalError, match="rule content"):
        made.save(tmp_path / "p.lpu")
