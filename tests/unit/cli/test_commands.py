"""The commands as a user meets them: results on stdout, messages on stderr, exit codes."""

from __future__ import annotations

import inspect
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lpuc.cli import COMMANDS, invoke
from lpuc.compiler.options import BUDGETS, CompileOptions
from lpuc.compiler.pipeline import available_passes
from lpuc.onnx_import import Budgets
from tests.unit.cli.conftest import MODEL

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
IR = "func.func @f() {\n  %0 = arith.constant 1 : i32\n  func.return\n}\n"


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


def test_compile_prints_a_summary(program: Path, capsys: pytest.CaptureFixture[str]):
    assert invoke(["compile", str(MODEL), "-o", str(program), "--max-context", "32"]) == 0
    shown = capsys.readouterr().out
    assert "P in 0 to 31" in shown
    assert len(shown.splitlines()) < 24


def test_compiling_twice_gives_the_same_bytes(program: Path, tmp_path: Path):
    again = tmp_path / "again.lpu"
    assert invoke(["compile", str(MODEL), "-o", str(again), "--max-context", "32"]) == 0
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
    assert invoke(["compile", str(MODEL), "--emit", level, "-o", str(text)]) == 0
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


def test_inspect_shows_models_and_programs(program: Path, capsys: pytest.CaptureFixture[str]):
    assert invoke(["inspect", str(program), "--check"]) == 0
    assert "vecmat" in capsys.readouterr().out
    assert invoke(["inspect", str(MODEL)]) == 0
    assert "compiles      yes" in capsys.readouterr().out


def test_opt_reads_and_splits(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = tmp_path / "x.mlir"
    path.write_text(f"{IR}// -----\n{IR}")
    assert invoke(["opt", str(path), "-p", "dce", "--split-input-file"]) == 0
    shown = capsys.readouterr().out
    assert shown.count("func.func @f") == 2
    assert "arith" not in shown


def test_opt_runs_the_passes_that_a_reproducer_names(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    path = tmp_path / "x.mlir"
    path.write_text(f"// RUN: xdsl-opt %s -p 'dce,cse'\n{IR}")
    assert invoke(["opt", str(path)]) == 0
    assert "arith" in capsys.readouterr().out
    assert invoke(["opt", str(path), "--run-reproducer"]) == 0
    assert "arith" not in capsys.readouterr().out


@pytest.mark.parametrize("head", ["", "// RUN: xdsl-opt %s | filecheck %s\n", "// CHECK: x\n"])
def test_what_names_no_passes_is_no_reproducer(
    head: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    path = tmp_path / "x.mlir"
    path.write_text(head + IR)
    assert invoke(["opt", str(path), "--run-reproducer"]) == 1
    assert "no reproducer" in capsys.readouterr().err


def test_no_pass_starts_a_program_or_opens_a_file(tmp_path: Path):
    path, seen = tmp_path / "x.mlir", tmp_path / "seen"
    path.write_text(IR)
    passes = f"mlir-opt{{executable=touch generic=false arguments={seen}}}"
    assert invoke(["opt", str(path), "-p", passes]) == 2
    assert not seen.exists()
    sources = {
        name: inspect.getsource(sys.modules[load().__module__])
        for name, load in available_passes().items()
    }
    reaching = re.compile(r"subprocess|os\.(system|popen|exec|spawn)|(?<![\w.])open\(|read_text\(")
    assert [name for name, text in sources.items() if reaching.search(text)] == []


@pytest.mark.parametrize("command", ["verify", "inspect", "compile", "generate"])
def test_whatever_compiles_takes_the_same_options(command: str, capsys: pytest.CaptureFixture[str]):
    assert invoke([command, "--help"]) == 0
    shown = capsys.readouterr().out
    for name in ("target", "precision", "max-context", "shape", "pipeline"):
        assert f"--{name} " in shown
    assert invoke([command, str(MODEL), "--pipeline", "nope"]) == 2


@pytest.mark.parametrize("text", ["builtin.module {", "nope.op", "(" * 9000, "\x00", IR[:-3]])
def test_opt_refuses_bad_text(text: str, tmp_path: Path):
    path = tmp_path / "x.mlir"
    path.write_text(text)
    assert invoke(["opt", str(path)]) == 1


def test_budgets_are_those_of_the_importer():
    assert {name.removeprefix("max_") for name in BUDGETS} == set(Budgets.__dataclass_fields__)


def test_options_of_a_pass_are_listed_with_types_and_defaults(capsys: pytest.CaptureFixture[str]):
    assert invoke(["passes", "lpu-fold-constants"]) == 0
    assert "\n  budget_bytes: int = 1024\n" in capsys.readouterr().out


def test_an_unknown_precision_is_refused():
    with pytest.raises(ValueError, match="expected one of f32, f16, bf16"):
        CompileOptions(precision="f13")


def _start(*arguments: str, **options: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "lpuc", *arguments],
        env=ENVIRONMENT,
        text=True,
        stderr=subprocess.PIPE,
        **options,  # type: ignore[call-overload]
    )


def test_run_loads_no_compiler(program: Path, inputs: Path, tmp_path: Path):
    code = (
        "import sys; from lpuc.cli import invoke; "
        f"invoke(['run', {str(program)!r}, '--inputs', {str(inputs)!r}, '--outputs', 'o']); "
        "print(sorted({'xdsl', 'onnx', 'dialects.lpu', 'passes'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=ENVIRONMENT,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"


def test_numpy_is_not_loaded_before_the_threads_are_set():
    code = "import sys, lpuc.cli; print('numpy' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], env=ENVIRONMENT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signals_have_their_exit_codes(number: signal.Signals, code: int):
    program = (
        "import os, sys, time; from lpuc import cli; from lpuc.cli.commands import targets; "
        f"targets.targets.callback = lambda **_: (os.kill(os.getpid(), {number:d}),"
        "time.sleep(9)); "
        "sys.argv = ['lpuc', 'targets']; cli.main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code
    assert "Traceback" not in done.stderr


def test_a_full_disk_is_an_error():
    with Path("/dev/full").open("w") as full:
        process = _start("targets", stdout=full)
        _, error = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "No space left" in error
    assert "Exception ignored" not in error


def test_a_closed_pipe_is_quiet():
    process = _start("ops", stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == ""
    assert process.wait(timeout=30) == 141


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (['%z = lpu.map "neg" %y : {t} -> {t}', '%y = lpu.fill "00000000" : {t}'],
         "line 2: 'lpu.map': it uses %y before that is defined"),
        (['%y = lpu.fill "00000000" : {t}', '%z = lpu.fill "00" : {t}'],
         "line 3: 'lpu.fill': expected 8 hex digits"),
        (['%y = lpu.fill "00000000" : !lpu.tensor<[Q], f32>'],
         "line 2: 'lpu.fill': nothing around it binds the names Q"),
    ],
)  # fmt: skip
def test_opt_refuses_what_breaks_a_rule_by_line(
    tmp_path: Path, lines: list[str], message: str, capsys: pytest.CaptureFixture[str]
):
    body = "\n".join(lines).replace("{t}", "!lpu.tensor<[2], f32>")
    path = tmp_path / "wrong.mlir"
    path.write_text(f"func.func @step() {{\n{body}\nfunc.return\n}}\n")
    assert invoke(["opt", str(path)]) == 1
    assert message in capsys.readouterr().err


def test_opt_counts_lines_from_the_start_of_a_split_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    path = tmp_path / "wrong.mlir"
    path.write_text('builtin.module {}\n// -----\n\n%y = lpu.fill "00" : !lpu.tensor<[2], f32>\n')
    assert invoke(["opt", str(path), "--split-input-file"]) == 1
    assert "line 4: 'lpu.fill': expected 8 hex digits" in capsys.readouterr().err


def test_a_pass_on_ir_of_another_level_is_the_users_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    file = tmp_path / "lpu.mlir"
    fill = '%0 = lpu.fill "00000000" : !lpu.tensor<[], f32>'
    file.write_text(f"func.func @f() {{\n  {fill}\n  func.return\n}}\n")
    assert invoke(["opt", str(file), "-p", "lpu-mem-tile"]) == 1
    expected = f"error: {file}: 'lpu-mem-tile' works on level lpu_mem, and this is level lpu\n"
    assert capsys.readouterr().err == expected
    assert not list(tmp_path.glob("*reproducer*"))


def test_passes_say_what_they_do_to_numbers(capsys: pytest.CaptureFixture[str]):
    assert invoke(["passes"]) == 0
    assert re.search(r"lpu-demote-precision +lpu +rounds +Store weights", capsys.readouterr().out)


def test_passes_are_listed_as_data(capsys: pytest.CaptureFixture[str]):
    assert invoke(["passes", "--json"]) == 0
    records = {r["name"]: r for r in json.loads(capsys.readouterr().out)}
    allocate = records["lpu-mem-allocate"]
    assert (allocate["level"], allocate["gives"]) == ("lpu_mem", ["addresses"])
    assert allocate["needs"] == {"tiles": "tiling makes the buffers that fit on the chip"}
    assert records["lpu-raise-norm"]["bound"] == "n u |y|"


def test_what_a_model_or_a_program_holds_is_data_too(
    program: Path, capsys: pytest.CaptureFixture[str]
):
    assert invoke(["inspect", str(MODEL), "--max-context", "32", "--json"]) == 0
    model = json.loads(capsys.readouterr().out)
    assert (model["compiles"], model["refusal"]) == (True, None)
    assert invoke(["inspect", str(program), "--json"]) == 0
    held = json.loads(capsys.readouterr().out)
    assert held["weights"] == "in the program"
    assert {**held, "weights": "embed"} == model["program"]
    assert held["entries"]["step"]["symbols"] == {"P": [0, 31]}


def test_inspect_refuses_what_compile_refuses(capsys: pytest.CaptureFixture[str]):
    options = ["--max-context", "2000000000"]
    assert invoke(["inspect", str(MODEL), *options]) == 0
    (verdict,) = [
        line.split("no: ")[1]
        for line in capsys.readouterr().out.splitlines()
        if line.startswith("compiles ")
    ]
    assert invoke(["compile", str(MODEL), *options]) == 1
    assert verdict in capsys.readouterr().err
