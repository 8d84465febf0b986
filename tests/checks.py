"""
The checks of the verifiers, read out of the sources, and the messages that cases of theirs show.

A check is one call of `require` or `refuse` whose message is a literal. Each has a pattern of its
own: the text of the literal, with anything where a value stands.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
CALLS = frozenset({"require", "refuse"})
_SHOWN = re.compile(r"// CHECK: (?:\{\{\^\}\})?'[\w.]+': (.*)")


@dataclass(frozen=True)
class Check:
    """Where a check stands and what it says; `pattern` is None unless the message is a literal."""

    place: str
    pattern: str | None

    def is_shown_by(self, text: str) -> bool:
        return self.pattern is not None and re.fullmatch(self.pattern, text) is not None


def _pattern(message: ast.expr) -> str | None:
    match message:
        case ast.Constant(value=str(text)):
            return re.escape(text)
        case ast.JoinedStr(values=parts):
            texts = [p.value if isinstance(p, ast.Constant) else None for p in parts]
            return "".join(".*" if t is None else re.escape(str(t)) for t in texts)
        case _:
            return None


def _calls(tree: ast.AST) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            match node.func:
                case ast.Attribute(attr=name) | ast.Name(id=name) if name in CALLS:
                    yield node
                case _:
                    pass


def _passes_on(tree: ast.AST) -> set[ast.Call]:
    """The calls that stand in a definition of `require` itself, as a method of an operation."""
    definitions = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and n.name in CALLS]
    return {call for definition in definitions for call in _calls(definition)}


def checks_of(path: Path) -> list[Check]:
    """The checks of one source file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    place = path.relative_to(ROOT)
    skipped = _passes_on(tree)
    return [
        Check(f"{place}:{call.lineno}", _pattern(call.args[-1]))
        for call in _calls(tree)
        if call not in skipped
    ]


def checks() -> list[Check]:
    """All checks of all levels."""
    return [
        check for path in sorted((ROOT / "dialects").rglob("*.py")) for check in checks_of(path)
    ]


def shown() -> list[str]:
    """The messages that lit cases expect; `tests/lit_runner.py` sees to it that each case fails."""
    paths = sorted((ROOT / "tests/filecheck").rglob("*.mlir"))
    return [line for p in paths for line in _SHOWN.findall(p.read_text(encoding="utf-8"))]
