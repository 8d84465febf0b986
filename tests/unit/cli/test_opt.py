"""`lpuc opt` and `lpuc passes`: text that is IR or not, and passes on it."""

from __future__ import annotations

import inspect
import json
import re
import sys
from pathlib import Path

import pytest

from lpuc.cli import invoke
from lpuc.compiler.pipeline import available_passes

IR = "func.func @f() {\n  %0 = arith.constant 1 : i32\n  func.return\n}\n"


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


@pytest.mark.parametrize("text", ["builtin.module {", "nope.op", "(" * 9000, "\x00", IR[:-3]])
def test_opt_refuses_bad_text(text: str, tmp_path: Path):
    path = tmp_path / "x.mlir"
    path.write_text(text)
    assert invoke(["opt", str(path)]) == 1


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (['%z = lpu.map "neg" %y : {t} -> {t}', '%y = lpu.fill "00000000" : {t}'],
         ":2:6: 'lpu.map': it uses %y before that is defined"),
        (['%y = lpu.fill "00000000" : {t}', '%z = lpu.fill "00" : {t}'],
         ":3:6: 'lpu.fill': expected 8 hex digits"),
        (['%y = lpu.fill "00000000" : !lpu.tensor<[Q], f32>'],
         ":2:6: 'lpu.fill': nothing around it binds the names Q"),
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
    assert ":4:6: 'lpu.fill': expected 8 hex digits" in capsys.readouterr().err


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


def test_options_of_a_pass_are_listed_with_types_and_defaults(capsys: pytest.CaptureFixture[str]):
    assert invoke(["passes", "lpu-fold-constants"]) == 0
    assert "\n  budget_bytes: int = 1024\n" in capsys.readouterr().out


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
