"""
Every fault that can be planted in a module, and the module with one of them.

```python
faults = faults_of("passes/lpu/raise_norm.py", source)
tree = planted(source, faults[3])
```

Only what runs inside functions is changed, and of that nothing that a run does not see: no
annotations, messages, assertions, decorators. What compiles to the same code is no fault.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, fields
from types import CodeType
from typing import Any

from benchmarks.faults.kinds import KINDS

HIT = "__fault_hit__"
"""What the statement with the fault calls first; a name in the module's globals."""
UNSEEN = {
    "annotation", "returns", "decorator_list", "type_comment", "msg", "keywords_of_class",
    "format_spec", "type_params", "op", "ops", "ctx",
}  # fmt: skip
"""Fields of nodes that are not looked into."""


@dataclass(frozen=True)
class Fault:
    """One change of one node; `number` counts the changes of a module in the order of its text."""

    file: str
    """Relative to the root of the project, with slashes."""
    number: int
    line: int
    last_line: int
    column: int
    kind: str
    before: str
    after: str
    function: str

    @staticmethod
    def of(record: Mapping[str, Any]) -> Fault:
        """The fault of a record, whose own number counts the faults of its area."""
        named = {field.name: record[field.name] for field in fields(Fault)}
        return Fault(**named | {"number": record["change"]})

    @property
    def name(self) -> str:
        """The file, the line, and what is changed."""
        return f"{self.file}:{self.line}: {self.kind}: {self.before} -> {self.after}"


@dataclass(frozen=True)
class _Place:
    """A node that may be changed: where it hangs, and the statement that it belongs to."""

    node: ast.AST
    parent: ast.AST
    field: str
    index: int | None
    body: list[ast.stmt]
    statement: ast.stmt
    function: str

    def put(self, node: ast.AST) -> None:
        """Another node in this place."""
        if self.index is None:
            setattr(self.parent, self.field, node)
        else:
            getattr(self.parent, self.field)[self.index] = node

    def mark(self, node: ast.AST) -> None:
        """A call in front of the statement, which tells that the fault is reached."""
        call = ast.Expr(ast.Call(ast.Name(HIT, ast.Load()), [], []))
        at = next(i for i, s in enumerate(self.body) if s is self.statement or s is node)
        ast.copy_location(call, self.statement)
        self.body.insert(at, call)


def _children(node: ast.AST) -> Iterator[tuple[str, int | None, ast.AST]]:
    for field, value in ast.iter_fields(node):
        if field in UNSEEN:
            continue
        if isinstance(value, ast.AST):
            yield field, None, value
        elif isinstance(value, list):
            yield from ((field, i, v) for i, v in enumerate(value) if isinstance(v, ast.AST))


def _is_blind(node: ast.AST) -> bool:
    """Whether nothing in here decides what a right compiler does."""
    match node:
        case ast.Assert() | ast.Raise() | ast.JoinedStr() | ast.Import() | ast.ImportFrom():
            return True
        case ast.AnnAssign(value=None) | ast.Global() | ast.Nonlocal():
            return True
        case ast.If(test=ast.Name(id="TYPE_CHECKING")):
            return True
        case ast.Expr(value=ast.Constant()):
            return True
        case _:
            return False


def _places(tree: ast.Module) -> Iterator[_Place]:
    """All nodes inside functions, in the order of the text."""
    yield from _within(tree, (), [], None, "")


def _within(
    node: ast.AST, names: tuple[str, ...], body: list[ast.stmt], at: ast.stmt | None, function: str
) -> Iterator[_Place]:
    for field, index, child in _children(node):
        if _is_blind(child):
            continue
        is_statement = isinstance(child, ast.stmt) and index is not None
        inner_body = getattr(node, field) if is_statement else body
        statement = child if isinstance(child, ast.stmt) else at
        if isinstance(child, ast.FunctionDef | ast.ClassDef):
            inside = ".".join((*names, child.name))
            is_function = isinstance(child, ast.FunctionDef)
            if is_function and child.name in ("__repr__", "__str__", "__hash__"):
                continue
            yield from _within(
                child, (*names, child.name), inner_body, None, inside if is_function else ""
            )
            continue
        if function and statement is not None and not isinstance(child, ast.arguments):
            yield _Place(child, node, field, index, inner_body, statement, function)
            yield from _within(child, names, inner_body, statement, function)


def _changes(tree: ast.Module) -> Iterator[tuple[_Place, str, ast.AST]]:
    for place in _places(tree):
        for kind, change in KINDS.items():
            for changed in change(place.node):
                yield place, kind, changed


def _span(place: _Place) -> tuple[int, int, int]:
    node = place.node if hasattr(place.node, "lineno") else place.statement
    if isinstance(node, ast.If):
        return node.lineno, node.test.end_lineno or node.lineno, node.col_offset
    return node.lineno, node.end_lineno or node.lineno, node.col_offset


def _shown(node: ast.AST) -> str:
    """The text of a node, on one line and not too long."""
    if isinstance(node, ast.If):
        return f"if {_shown(node.test)}"
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= 90 else f"{text[:87]}..."


def faults_of(file: str, source: str) -> list[Fault]:
    """All faults of a module."""
    found = list[Fault]()
    for number, (place, kind, changed) in enumerate(_changes(ast.parse(source))):
        first, last, column = _span(place)
        texts = _shown(place.node), _shown(ast.fix_missing_locations(deepcopy(changed)))
        found.append(Fault(file, number, first, last, column, kind, *texts, place.function))
    return found


def planted(source: str, fault: Fault, is_marked: bool = True) -> ast.Module:
    """The tree of a module with one fault; line numbers stay."""
    tree = ast.parse(source)
    place, kind, changed = next(c for n, c in enumerate(_changes(tree)) if n == fault.number)
    assert kind == fault.kind, "the module is not the one that the fault was made for"
    changed = deepcopy(changed)
    where = place.node if hasattr(place.node, "lineno") else place.statement
    ast.copy_location(changed, where)
    place.put(changed)
    if is_marked:
        place.mark(changed)
    return ast.fix_missing_locations(tree)


def is_equivalent(source: str, fault: Fault) -> bool:
    """Whether a fault changes no instruction of the module."""
    before = compile(ast.parse(source), fault.file, "exec")
    after = compile(planted(source, fault, is_marked=False), fault.file, "exec")
    return _instructions(before) == _instructions(after)


def _instructions(code: CodeType) -> tuple[object, ...]:
    """All that decides what code does, without where it was written."""
    inner = tuple(
        _instructions(c) if isinstance(c, CodeType) else (type(c), c) for c in code.co_consts
    )
    return code.co_code, inner, code.co_names, code.co_varnames, code.co_freevars
