"""Measurements limit their threads before numpy, which reads the limits once, is imported."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from lpuc.cli.threads import VARIABLES

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "benchmarks"
WATCH = f"""
import os, runpy, sys

class Watch:
    def find_spec(self, name, path=None, target=None):
        if name == "numpy":
            os._exit(9 if any(os.environ.get(v) != "1" for v in {VARIABLES}) else 0)

sys.meta_path.insert(0, Watch())
how, what, *sys.argv[1:] = sys.argv[1:]
sys.argv[0] = what
getattr(runpy, how)(what, run_name="__main__")
"""
"""Runs a module, or a file as a script, up to where it imports numpy; 9 if that comes too early."""


@cache
def entry_points() -> list[Path]:
    """What runs when it is named: it has a call at its end, or asks whether it is the program."""
    texts = {path: path.read_text() for path in sorted(FOLDER.rglob("*.py"))}
    named = {path: text for path, text in texts.items() if "main()" in text or "__main__" in text}
    return [path for path, text in named.items() if any(map(_runs, ast.parse(text).body))]


def _runs(node: ast.stmt) -> bool:
    if isinstance(node, ast.If):
        return "__main__" in ast.dump(node.test)
    return isinstance(node, ast.Expr) and ast.unparse(node) in ("main()", "sys.exit(main())")


def _run(how: str, what: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    command = (sys.executable, "-c", WATCH, how, what, "--help")
    return subprocess.run(
        command, cwd=ROOT, env={**kept, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip


def _module(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__main__" else parts)


SCRIPTS = [path for path in entry_points() if "sys.path.insert" in path.read_text()]


@pytest.mark.parametrize("path", entry_points(), ids=_module)
def test_modules(path: Path) -> None:
    done = _run("run_module", _module(path))
    assert done.returncode != 9


@pytest.mark.parametrize("path", SCRIPTS, ids=_module)
def test_scripts(path: Path) -> None:
    done = _run("run_path", str(path))
    assert done.returncode != 9


def test_the_watch_sees_numpy_that_comes_first(tmp_path: Path) -> None:
    (tmp_path / "early.py").write_text("import numpy\nimport benchmarks\n")
    assert _run("run_path", str(tmp_path / "early.py")).returncode == 9
    (tmp_path / "late.py").write_text("import benchmarks\nimport numpy\n")
    assert _run("run_path", str(tmp_path / "late.py")).returncode == 0


def test_most_are_found() -> None:
    assert len(entry_points()) > 15
    assert len(SCRIPTS) >= 3
