"""The in-process runner of lit files fails when it should."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lit_runner import LitFailure, run_lines, run_lit

IR = "func.func @f() {\n  %0 = arith.constant 1 : i32\n  func.return\n}\n"


def _write(folder: Path, text: str) -> Path:
    path = folder / "case.mlir"
    path.write_text(text)
    return path


def test_a_match_passes(tmp_path: Path):
    run_lit(_write(tmp_path, f"// RUN: xdsl-opt %s -p dce | filecheck %s\n// CHECK: @f\n{IR}"))


@pytest.mark.parametrize(
    "head",
    [
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
