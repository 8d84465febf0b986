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


def _breaks(file: Path) -> list[str]:
    """What a file does that none may do."""
    text = file.read_text("utf-8")
    tree = ast.parse(text)
    rules = {
        f"imports {sorted(_imported(tree) - ALLOWED)}": _imported(tree) <= ALLOWED,
        "has no docstring": bool(ast.get_docstring(tree)),
        "is too long": len(text.splitlines()) <= 300,
    }
    return [what for what, is_kept in rules.items() if not is_kept]


def test_files() -> None:
    assert FILES
    assert not {str(file): broken for file in FILES if (broken := _breaks(file))}


@pytest.mark.parametrize(
    ("text", "broken"),
    [
        ('"""It."""\nimport onnx.helper\n', "imports ['onnx']"),
        ('"""It."""\ndef f():\n    from xdsl.ir import Operation\n', "imports ['xdsl']"),
        ("import numpy\n", "has no docstring"),
        ('"""It."""\n' + 300 * "\n", "is too long"),
    ],
)
def test_a_rule_that_is_broken_is_named(text: str, broken: str, tmp_path: Path) -> None:
    (tmp_path / "one.py").write_text(text)
    assert _breaks(tmp_path / "one.py") == [broken]
