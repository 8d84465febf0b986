"""The house rules of CONTRIBUTING.md that a machine can check."""

from __future__ import annotations

import ast
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from passes import LEVELS, PASS_NAMES, PASSES, class_name, load_pass, module_name

ROOT = Path(__file__).parents[3]
PACKAGES = ("lpuc", "dialects", "passes", "runtime")
SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))

FILE_LINES = 300
FOLDER_MODULES = 12
FOLDERS_COUNTED = ("lpuc", "runtime")
LISTS = ("lpuc/cli/commands", "runtime/isa/instructions")
"""Folders whose modules are of one kind; more of them make nothing harder to find."""
FUNCTION_LINES = 40
LONGER_FILES: dict[str, str] = {}
LONGER_FUNCTIONS: dict[str, str] = {
    "lpuc/cli/commands/generate.py:generate": "one parameter for each option",
}
BANNED_NAMES = ("utils", "util", "helpers", "helper", "common", "misc")


def _id(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


@cache
def _parsed(path: Path) -> tuple[list[tuple[str, int]], str | None]:
    """Each function of a file with its length without its docstring, and what the file says."""
    found: list[tuple[str, int]] = []
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            first = node.body[1] if ast.get_docstring(node) and node.body[1:] else node.body[0]
            found.append((f"{_id(path)}:{node.name}", (node.end_lineno or 0) - first.lineno + 1))
    return found, ast.get_docstring(tree)


def test_files_are_short():
    counts = {_id(path): len(_lines(path)) for path in SOURCES}
    assert not {n: c for n, c in counts.items() if c > FILE_LINES and n not in LONGER_FILES}


def test_folders_hold_few_modules():
    paths = [p for p in SOURCES if p.relative_to(ROOT).parts[0] in FOLDERS_COUNTED]
    modules = [_id(path.parent) for path in paths if path.name != "__init__.py"]
    counts = {name: count for name, count in Counter(modules).items() if name not in LISTS}
    assert "lpuc/cli" in counts
    assert not {name: count for name, count in counts.items() if count > FOLDER_MODULES}


def test_functions_are_short():
    counts = dict(entry for path in SOURCES for entry in _parsed(path)[0])
    assert not {n: c for n, c in counts.items() if c > FUNCTION_LINES and n not in LONGER_FUNCTIONS}


def test_modules_say_what_they_are():
    assert not [_id(path) for path in SOURCES if _lines(path) and not _parsed(path)[1]]


def test_names_of_files_say_something():
    named = [(_id(path), path.relative_to(ROOT).with_suffix("").parts) for path in SOURCES]
    assert not [name for name, parts in named if set(parts) & set(BANNED_NAMES)]


def test_exceptions_are_needed():
    for name in LONGER_FILES:
        assert len(_lines(ROOT / name)) > FILE_LINES, name


def test_no_pass_is_forgotten():
    assert tuple(PASSES) == PASS_NAMES
    files = [path for level in ("", *LEVELS) for path in (ROOT / "passes" / level).glob("*.py")]
    with_pass = {_id(path) for path in files if "Pass):" in path.read_text("utf-8")}
    assert with_pass == {f"{module_name(n).replace('.', '/')}.py" for n in PASS_NAMES}


@pytest.mark.parametrize("name", PASSES)
def test_names_of_a_pass_agree(name: str):
    cls = load_pass(name)
    assert cls.name == name
    assert cls.__name__ == class_name(name)
    assert (ROOT / "tests/filecheck" / f"{module_name(name).replace('.', '/')}.mlir").is_file()
