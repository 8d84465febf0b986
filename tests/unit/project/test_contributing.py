"""
The examples of CONTRIBUTING.md, done as they say on a copy of the tree.

The line above a block says what becomes of it: a new file, lines of a file that exists, or commands
with what they print. A block without such a line fails.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
COPIED = ("lpuc", "dialects", "passes", "runtime", "tests")
_BLOCK = re.compile(r"(?P<say>[^\n]*)\n\n```(?P<kind>\w+)\n(?P<body>.*?)```\n", re.DOTALL)
_NEW = re.compile(r"New, `([^`]+)`.*:")
_EDIT = re.compile(r"In `([^`]+)`, (?:(at the end)|(instead of|in front of) `([^`]+)`):")


def examples(text: str) -> dict[str, list[tuple[str, str, str]]]:
    """For each section called an example: (line above, kind, text) of its blocks."""
    parts: list[str] = re.split(r"^## (.*)\n", text, flags=re.MULTILINE)
    return {
        title.removeprefix("Example: "): _BLOCK.findall(section)
        for title, section in zip(parts[1::2], parts[2::2], strict=True)
        if title.startswith("Example: ")
    }


EXAMPLES = examples((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"))


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return copied(tmp_path)


def copied(folder: Path) -> Path:
    """The packages, with their compiled files, which stay valid as times are kept."""
    for name in COPIED:
        shutil.copytree(ROOT / name, folder / name)
    shutil.copy2(ROOT / "pyproject.toml", folder)
    return folder


def edit(tree: Path, say: str, body: str) -> None:
    """Do what the line above a block says."""
    new, change = _NEW.fullmatch(say), _EDIT.fullmatch(say)
    assert new or change, f"nothing says what becomes of the block below '{say}'"
    if new:
        assert not (tree / new[1]).exists()
        (tree / new[1]).write_text(body, encoding="utf-8")
    elif change:
        path = tree / change[1]
        path.write_text(edited(path.read_text(encoding="utf-8"), change, body), encoding="utf-8")


def edited(text: str, change: re.Match[str], body: str) -> str:
    _, at_end, how, line = change.groups()
    if at_end:
        return f"{text}\n\n{body}" if change[1].endswith(".py") else f"{text}\n{body}"
    assert text.count(f"\n{line}\n") == 1, f"'{line}' must be one line of {change[1]}"
    kept = "" if how == "instead of" else f"{line}\n"
    return text.replace(f"\n{line}\n", f"\n{body}{kept}")


def commands(body: str) -> Iterator[tuple[str, str]]:
    """(command, what it prints) of a transcript."""
    for part in re.split(r"^\$ ", body, flags=re.MULTILINE)[1:]:
        command, _, printed = part.replace("\\\n", "").partition("\n")
        yield command, printed


def run(tree: Path, command: str) -> str:
    """What a command prints; `python`, `pytest` and `lpuc` are this interpreter's."""
    python = f"{sys.executable} -B"
    tools = "".join(f'{t}() {{ {python} -m {t} "$@"; }}\n' for t in ("lpuc", "pytest"))
    script = f'{tools}python() {{ {python} "$@"; }}\n{command}'
    env = {**os.environ, "PYTHONPATH": str(tree), "PYTEST_ADDOPTS": "-p no:cacheprovider"}
    done = subprocess.run(
        ["/bin/sh", "-c", script], cwd=tree, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"$ {command}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.mark.parametrize("title", EXAMPLES)
def test_the_example_does_what_it_says(title: str, tree: Path):
    for say, kind, body in EXAMPLES[title]:
        if kind != "console":
            edit(tree, say, body)
            continue
        for command, printed in commands(body):
            found = run(tree, command)
            assert printed in ("", found), f"$ {command}\n{found}"


def test_every_block_of_an_example_is_done():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    parts = "".join(re.findall(r"^## Example: .*?(?=^## )", text, re.DOTALL | re.MULTILINE))
    assert parts.count("```") == 2 * sum(map(len, EXAMPLES.values())) > 0
