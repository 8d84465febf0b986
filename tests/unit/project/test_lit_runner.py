"""The in-process runner of lit files fails when it should."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lit_runner import LitFailure, check_lit, run_lines, run_lit, silent_cases

IR = "func.func @f() {\n  %0 = arith.constant 1 : i32\n  func.return\n}\n"


def _write(folder: Path, text: str) -> Path:
    path = folder / "case.mlir"
    path.write_text(text)
    return path


def test_a_match_passes(tmp_path: Path):
    run_lit(_write(tmp_path, f"// RUN: xdsl-opt %s -p dce | filecheck %s\n// CHECK: @f\n{IR}"))


def test_our_own_tool_is_known(tmp_path: Path):
    run_lit(_write(tmp_path, f"// RUN: lpuc opt %s -p dce | filecheck %s\n// CHECK: @f\n{IR}"))


@pytest.mark.parametrize(
    "head",
    [
        "// RUN: lpuc opt %s -p no-such-pass | filecheck %s\n// CHECK: @f",
        "// RUN: xdsl-opt %s | filecheck %s\n// CHECK: @g",
        "// RUN: xdsl-opt %s -p dce | filecheck %s\n// CHECK: arith.constant 1",
        "// RUN: xdsl-opt %s | filecheck %s",
        "// RUN: xdsl-opt %s -p no-such-pass | filecheck %s\n// CHECK: @f",
        "// RUN: rm %s",
        "// no command",
        "// RUN: xdsl-opt %s\nnope.op",
    ],
)
def test_a_failure_fails(tmp_path: Path, head: str):
    with pytest.raises(LitFailure):
        run_lit(_write(tmp_path, f"{head}\n{IR}"))


def test_lines_are_joined_and_quotes_are_kept(tmp_path: Path):
    head = "// RUN: xdsl-opt %s \\\n// RUN:   -p 'cse,dce' | filecheck %s\n// CHECK: @f\n"
    path = _write(tmp_path, head + IR)
    assert len(run_lines(path)) == 1
    run_lit(path)


def test_diagnostics_are_output(tmp_path: Path):
    head = "// RUN: xdsl-opt %s --parsing-diagnostics | filecheck %s\n// CHECK: not registered\n"
    run_lit(_write(tmp_path, head + "nope.op\n"))


WRONG = '%x = lpu.fill "00" : !lpu.tensor<[3], f32>\n'


def _twice(folder: Path, check: str) -> Path:
    """The same diagnostic in two cases; it is printed twice for each."""
    run = "// RUN: xdsl-opt %s --split-input-file --verify-diagnostics | filecheck %s\n"
    return _write(folder, run + "\n// -----\n".join([f"// {check}\n{WRONG}"] * 2))


def test_a_copy_of_a_diagnostic_leaves_cases_silent(tmp_path: Path):
    path = _twice(tmp_path, "CHECK: 'lpu.fill': expected 8 hex digits")
    assert silent_cases(path, run_lit(path)) == [1, 2]
    with pytest.raises(LitFailure, match=r"held no IR: \[1, 2\]"):
        check_lit(path)


def test_a_diagnostic_at_the_start_of_its_line_is_one_for_each_case(tmp_path: Path):
    path = _twice(tmp_path, "CHECK: {{^}}'lpu.fill': expected 8 hex digits")
    assert silent_cases(path, run_lit(path)) == []
    check_lit(path)


def test_a_file_that_has_an_empty_case_fails(tmp_path: Path):
    path = _twice(tmp_path, "CHECK: {{^}}'lpu.fill': expected 8 hex digits")
    path.write_text(path.read_text().replace(WRONG, "builtin.module {}\n", 1))
    with pytest.raises(LitFailure):
        run_lit(path)
