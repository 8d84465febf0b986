"""The commands as a user meets them: results on stdout, messages on stderr, exit codes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import lpuc
from lpuc.cli import COMMANDS, invoke
from lpuc.compiler.options import BUDGETS, CompileOptions
from lpuc.onnx_import import Budgets
from runtime.native.library import serving
from tests.unit.cli.conftest import MODEL


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name: str, capsys: pytest.CaptureFixture[str]):
    assert invoke([name, "--help"]) == 0
    assert "Usage: lpuc" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [
        ["bogus"],
        ["compile"],
        ["compile", str(MODEL), "--shape", "batch"],
        ["compile", str(MODEL), "--shape", "a=1", "--shape", "a=2"],
        ["compile", str(MODEL), "--input-value", "a=maybe"],
        ["compile", str(MODEL), "--input-value", "=1"],
        ["compile", str(MODEL), "--input-value", f"a={1 << 64}"],
        ["compile", str(MODEL), "--shape", f"seq={'9' * 5000}"],
        ["compile", str(MODEL), "--input-value", "a=true", "--input-value", "a=false"],
        ["compile", str(MODEL), "--emit", "esl"],
        ["compile", str(MODEL), "--pipeline", "nope"],
        ["compile", str(MODEL), "--pipeline", "cse{x=1}"],
        ["compile", str(MODEL), "--pipeline", "cse{"],
        ["compile", str(MODEL), "--pipeline", "cse"],
        ["compile", str(MODEL), "--pipeline", "lpu-mem-tile"],
        [
            "compile",
            str(MODEL),
            "--emit",
            "lpu",
            "--pipeline",
            "onnx-bind-roles,convert-onnx-to-lpu",
        ],
        ["compile", str(MODEL), "--print-ir-after", "nope"],
        ["generate", "x.lpu"],
        ["generate", "x.lpu", "--prompt", "a"],
        ["generate", "x.lpu", "--tokens", "1,-2"],
        ["passes", "nope"],
        ["ops", "nope"],
        ["compile", str(MODEL), "--target", "nope"],
        ["compile", str(MODEL), "--target", "nope.toml"],
        ["compile", str(MODEL), "--max-context", "0"],
        ["compile", str(MODEL), "--shape", "seq=99999999999999999999"],
        ["inspect", str(MODEL), "--target", "nope"],
        ["verify", str(MODEL), "--seed", "-1"],
        ["generate", str(MODEL), "--tokens", "1", "-n", "-1"],
        ["generate", str(MODEL), "--tokens", "1", "--prompt", "Once"],
        ["generate", str(MODEL), "--prompt", "Once"],
        ["generate", str(MODEL)],
        ["targets", "nope"],
    ],
)
def test_wrong_usage_is_exit_2(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    assert invoke(arguments) == 2
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "arguments",
    [
        ["compile", "none.onnx"],
        ["compile", "junk"],
        ["compile", "."],
        ["compile", str(MODEL), "--max-nodes", "3"],
        ["compile", str(MODEL), "-o", "none/x.lpu"],
        ["compile", str(MODEL), "-o", "/dev/null"],
        ["run", "junk", "--inputs", "x", "--outputs", "y"],
        ["generate", "none", "--tokens", "1"],
        ["inspect", "none"],
        ["inspect", "."],
        ["inspect", "junk"],
        ["opt", "none"],
        ["opt", "junk"],
        ["asm", "junk", "-o", "x.lpu"],
        ["disasm", "junk"],
        ["targets", "nope.toml"],
        ["verify", "junk"],
    ],
)
def test_a_bad_file_is_exit_1_and_one_message(
    arguments: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "junk").write_bytes(b"\x00\xff junk")
    assert invoke(arguments) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("error: ")
    assert [path.name for path in tmp_path.iterdir()] == ["junk"]


def test_compile_prints_a_summary_and_gives_the_same_bytes_again(
    program: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    again = tmp_path / "again.lpu"
    capsys.readouterr()
    assert invoke(["compile", str(MODEL), "-o", str(again), "--max-context", "32"]) == 0
    shown = capsys.readouterr().out
    assert "P in 0 to 31" in shown
    assert len(shown.splitlines()) < 24
    assert again.read_bytes() == program.read_bytes()


def test_the_model_is_never_overwritten(tmp_path: Path):
    copy = tmp_path / "m.onnx"
    copy.write_bytes(MODEL.read_bytes())
    assert invoke(["compile", str(copy), "-o", str(copy)]) == 1
    assert copy.read_bytes() == MODEL.read_bytes()


@pytest.mark.parametrize("level", ["onnx", "lpu", "mem", "isa"])
def test_a_level_can_be_printed_and_read_back(
    level: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    text = tmp_path / "ir.mlir"
    short = ["--max-context", "16", "--prompt-chunk", "0"]
    assert invoke(["compile", str(MODEL), "--emit", level, "-o", str(text), *short]) == 0
    assert invoke(["opt", str(text), "--print-debuginfo"]) == 0
    assert capsys.readouterr().out == text.read_text()


def test_run_gives_the_outputs_of_the_graph(program: Path, inputs: Path, tmp_path: Path):
    out = tmp_path / "out.npz"
    command = ["run", str(program), "--inputs", str(inputs), "--outputs", str(out), "--check"]
    assert invoke(command) == 0
    with np.load(out) as outputs:
        assert outputs["logits"].shape == (1, 1, 96)
        assert outputs["present.1.value"].shape == (1, 4, 4, 8)


def test_generate_prints_ids_alone(program: Path, capsys: pytest.CaptureFixture[str]):
    assert invoke(["generate", str(program), "--tokens", "1,5,9", "-n", "4"]) == 0
    ids = capsys.readouterr().out
    assert ids.endswith("\n")
    first = ids.split()
    assert len(first) == 4
    stop = ["generate", str(program), "--tokens", "1,5,9", "-n", "4", "--stop-token", first[0]]
    assert invoke(stop) == 0
    assert capsys.readouterr().out == "\n"


def test_disassembly_assembles_to_the_same_program(program: Path, tmp_path: Path):
    text, again = tmp_path / "p.s", tmp_path / "p.lpu"
    for flags in ([], ["--source"]):
        assert invoke(["disasm", str(program), "-o", str(text), *flags]) == 0
        assert invoke(["asm", str(text), "-o", str(again)]) == 0
        assert again.read_bytes() == program.read_bytes()


@pytest.mark.parametrize("command", ["verify", "inspect", "compile", "generate"])
def test_whatever_compiles_takes_the_same_options(command: str, capsys: pytest.CaptureFixture[str]):
    assert invoke([command, "--help"]) == 0
    shown = capsys.readouterr().out
    for name in ("target", "precision", "max-context", "shape", "pipeline"):
        assert f"--{name} " in shown
    assert invoke([command, str(MODEL), "--pipeline", "nope"]) == 2


def test_budgets_are_those_of_the_importer():
    assert {name.removeprefix("max_") for name in BUDGETS} == set(Budgets._fields)


def test_an_unknown_precision_is_refused():
    with pytest.raises(ValueError, match="expected one of f32, f16, bf16"):
        CompileOptions(precision="f13")


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["--version"]) == 0
    assert capsys.readouterr().out == f"lpuc, version {lpuc.__version__}\n"


@pytest.mark.parametrize("arguments", [["--version", "-v"], ["-v", "--version"]])
def test_the_version_says_what_multiplies(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert invoke(arguments) == 0
    version, products = capsys.readouterr().out.splitlines()
    assert version == f"lpuc, version {lpuc.__version__}"
    assert products == f"products: {serving().why}"
