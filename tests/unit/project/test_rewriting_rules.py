"""Only `passes.rewriting` changes IR: the raw calls of xDSL stand nowhere else."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from dialects import DIALECTS

ROOT = Path(__file__).parents[3]
KERNEL = ROOT / "passes" / "rewriting"
SOURCES = [
    path
    for package in ("dialects", "passes", "lpuc")
    for path in sorted((ROOT / package).rglob("*.py"))
    if KERNEL not in path.parents
]

CALLS = frozenset({
    *("replace_all_uses_with", "replace_uses_with_if", "replace_value_with_new_type"),
    *("erase", "erase_op", "erase_arg", "erase_block", "detach", "detach_op", "detach_block"),
    *("drop_all_references", "add_use", "remove_use", "insert_arg"),
    *("add_op", "add_ops", "insert_op_before", "insert_op_after", "insert_ops_before"),
    *("insert_ops_after", "insert_op", "add_block", "insert_block", "add_region"),
    *("move_region_contents_to_new_regions", "inline_block", "split_before"),
})  # fmt: skip
"""Methods of xDSL that change IR which exists."""

CLASSES = frozenset({"Rewriter", "PatternRewriter", "PatternRewriteWalker", "Builder"})
ENTRIES = frozenset({"attributes", "properties"})
CHANGES = frozenset({"update", "pop", "popitem", "setdefault", "clear"})
FIELDS = frozenset({
    *("operands", "results", "regions", "successors", "parent", "location", "_type", "_operands"),
    *ENTRIES,
})  # fmt: skip
NAMESAKES = {
    "passes/lpu/bufferise/bufferiser.py": {"location"},
    "passes/lpu/bufferise/control.py": {"location"},
    "passes/lpu/convert_to_lpu_mem.py": {"location"},
    "passes/lpu/raising/scores.py": {"softcap"},
    "passes/lpu_isa/registers/liveness.py": {"weight"},
    "passes/lpu_mem/allocate.py": {"address", "activations"},
    "passes/lpu_mem/convert_to_lpu_isa.py": {"location", "code"},
    "passes/lpu_mem/placement/lives.py": {"address"},
}
"""Fields of builders and records that are called like those of an operation."""


def _declared() -> Iterator[str]:
    """What operations of ours call their operands, properties and the like."""
    for factory in DIALECTS.values():
        for cls in factory().operations:
            definition = cls.get_irdl_definition()
            for part in (definition.operands, definition.regions):
                yield from (name for name, _ in part)
            yield from (*definition.properties, *definition.attributes)


DECLARED = frozenset({*_declared(), "function_type", "sym_name"})


def _is_own(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "self"


def _written(target: ast.expr) -> str | None:
    """What an assignment or deletion changes of an operation, if anything."""
    match target:
        case ast.Attribute(value=value, attr=name) if not _is_own(value):
            return name if name in FIELDS | DECLARED else None
        case ast.Subscript(value=ast.Attribute(attr=name)):
            return name if name in ENTRIES | {"operands"} else None
        case ast.Tuple(elts=elements) | ast.List(elts=elements):
            return next((found for e in elements if (found := _written(e))), None)
        case _:
            return None


def _raw(node: ast.AST) -> str | None:
    """The raw change of IR that a node of a source is."""
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Attribute(attr=entries), attr=name)) if (
            entries in ENTRIES and name in CHANGES
        ):
            return f"{entries}.{name}"
        case ast.Call(func=ast.Attribute(attr=name)) if name in CALLS:
            return name
        case ast.Call(func=ast.Name(id="Block"), args=[_, *_]):
            return "Block with operations"
        case ast.Assign(targets=targets) | ast.Delete(targets=targets):
            return next((found for t in targets if (found := _written(t))), None)
        case ast.AugAssign(target=target) | ast.AnnAssign(target=target):
            return _written(target)
        case ast.ImportFrom(names=names):
            return next((n.name for n in names if n.name in CLASSES), None)
        case _:
            return None


def raw_changes(source: str) -> list[str]:
    """The raw changes of IR in a source text."""
    return [found for node in ast.walk(ast.parse(source)) if (found := _raw(node))]


def test_ir_is_changed_by_the_kernel_alone():
    """What is said to be a namesake is there, too."""
    found = {
        str(path.relative_to(ROOT)): set(raw_changes(path.read_text("utf-8"))) for path in SOURCES
    }
    assert {path: raw for path, raw in found.items() if raw} == NAMESAKES


@pytest.mark.parametrize(
    "text",
    [
        "old.replace_all_uses_with(new)",
        "op.detach()",
        "op.erase()",
        "block.insert_op_before(op, anchor)",
        "op.operands[0] = value",
        "op.operands = values",
        "op.properties['fn'] = fn",
        "del op.attributes['x']",
        "op.attributes |= more",
        "op.attributes.update(more)",
        "op.location = location",
        "func.function_type = kind",
        "op.access = access",
        "op.inputs, op.outputs = ports",
        "Block([end], arg_types=types)",
        "from xdsl.rewriter import Rewriter",
    ],
)
def test_a_raw_change_is_seen(text: str):
    assert raw_changes(text)
