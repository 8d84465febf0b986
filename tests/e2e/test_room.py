"""What does not fit one device fits several: the refusal says how many, and they do."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from xdsl.dialects.builtin import ModuleOp

import lpuc
from benchmarks.decoders.families import write_decoder
from benchmarks.decoders.shape import SHAPES
from dialects.errors import CompileError
from lpuc.cli import invoke
from lpuc.compiler.driver import compile_model
from lpuc.compiler.options import CompileOptions
from lpuc.reports.model import ModelReport
from passes.lpu_esl.plan import LpuEslPlanPass
from runtime.program.program import Program
from tests.e2e.committed import ONE

TARGET = Path(lpuc.__file__).parents[1] / "runtime/targets/lpu-4nm.toml"


def _small(folder: Path, nbytes: int) -> Path:
    """A machine with so little memory."""
    text, count = re.subn(
        r"hbm_bytes = \{ value = \d+", f"hbm_bytes = {{ value = {nbytes}", TARGET.read_text()
    )
    assert count == 1
    (folder / "small.toml").write_text(text)
    return folder / "small.toml"


@cache
def _memory(devices: int) -> int:
    """Bytes of a device's memory that the model takes."""
    program = compile_model(
        ONE, CompileOptions(devices=devices, max_context=32, prompt_chunk=0)
    ).program
    return program.interface.arena_base + program.interface.arena_size


@pytest.mark.parametrize("devices", [4, pytest.param(8, marks=pytest.mark.slow)])
def test_the_refusal_names_the_smallest_number_of_devices(devices: int, tmp_path: Path):
    """As much memory as that many take, and not as much as half of them."""
    room = _memory(devices)
    assert room < _memory(devices // 2)
    options = CompileOptions(target=_small(tmp_path, room), max_context=32, prompt_chunk=0)
    with pytest.raises(CompileError, match=rf"; --devices {devices} has room; "):
        compile_model(ONE, options)
    compile_model(ONE, replace(options, devices=devices))


def test_a_report_names_the_number_too(tmp_path: Path):
    report = lpuc.inspect(ONE, target=_small(tmp_path, _memory(2)), max_context=32, prompt_chunk=0)
    assert isinstance(report, ModelReport)
    assert "--devices 2 has room" in str(report.refusal)


def test_devices_that_are_too_few_are_told_how_many_are_enough(tmp_path: Path):
    options = CompileOptions(
        target=_small(tmp_path, _memory(4)), max_context=32, devices=2, prompt_chunk=0
    )
    with pytest.raises(CompileError, match="--devices 4 has room"):
        compile_model(ONE, options)


def test_where_no_number_helps_none_is_named(tmp_path: Path):
    options = CompileOptions(target=_small(tmp_path, 1 << 12), max_context=32, prompt_chunk=0)
    with pytest.raises(CompileError, match="bytes of HBM") as refusal:
        compile_model(ONE, options)
    assert "--devices" not in str(refusal.value)
    assert "--max-context" not in str(refusal.value)


def test_a_bug_met_while_looking_for_a_number_leaves_the_refusal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def fail(_pass: LpuEslPlanPass, _module: ModuleOp) -> None:
        raise AssertionError("planted")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(LpuEslPlanPass, "rewrite", fail)
    options = CompileOptions(
        target=_small(tmp_path, _memory(1) - 1), max_context=32, prompt_chunk=0
    )
    said = "bytes of HBM.*; on more devices lpuc has a bug: pass 'lpu-esl-plan': .*planted"
    with pytest.raises(CompileError, match=said):
        compile_model(ONE, options)


@pytest.mark.slow
def test_66_billion_parameters_fit_eight_devices_of_one_stack_and_not_four(tmp_path: Path):
    write_decoder(tmp_path / "model.onnx", SHAPES["opt-66b"], has_data=False)
    program = tmp_path / "model.lpu"
    command = [
        "compile",
        str(tmp_path / "model.onnx"),
        "-o",
        str(program),
        "--no-weights",
        "--prompt-chunk",
        "0",
    ]
    assert invoke([*command, "--target", "lpu-4nm-1stack", "--devices", "8"]) == 0
    layer = 12 * 9216**2 + 13 * 9216
    total = 2 * (64 * layer + (50272 + 2050 + 2) * 9216)
    made = Program.load(program)
    held = made.interface.params_size
    assert total / 4 > made.target.hbm_bytes
    assert total / 8 <= held <= 1.05 * total / 8
