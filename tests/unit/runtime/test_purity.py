"""`runtime` is the bottom layer, and its files stay small."""

import ast
import sys
from pathlib import Path

import pytest

import runtime

ROOT = Path(runtime.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))
ALLOWED = {"runtime", "numpy", "ml_dtypes"} | set(sys.stdlib_module_names)


def _imported(tree: ast.AST) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(ROOT)))
def test_file(file: Path) -> None:
    text = file.read_text("utf-8")
    tree = ast.parse(text)
    assert _imported(tree) <= ALLOWED
    assert ast.get_docstring(tree)
    assert len(text.splitlines()) <= 300
