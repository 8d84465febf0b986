"""Faults that are planted: which there are, that they are planted, and how they are judged."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from xdsl.dialects.test import TestOp

from benchmarks.faults.forms import Form, changed
from benchmarks.faults.mutation import HIT, faults_of, is_equivalent, planted
from benchmarks.faults.planting import Notes
from benchmarks.faults.processes import Steps, Work, run_all
from benchmarks.faults.report import judged, shares, table
from benchmarks.faults.verdict import is_node_right, is_operation_right, is_place_right, places
from dialects.errors import location_of

ROOT = Path(__file__).parents[3]
STEPS = ["importer", "onnx-bind-roles", "lpu-raise-norm", "lpu-mem-tile"]

CHANGES = {
    "operands swapped": ("a - b", {"b - a"}),
    "operator changed": ("a * b", {"a + b"}),
    "off by one": ("a[1:n]", {"a[2:n]", "a[1:n - 1]"}),
    "guard negated": ("a if b else c", {"a if not b else c"}),
    "guard dropped": ("a and b", {"a", "b"}),
    "comparison changed": ("a < b", {"a <= b"}),
    "connective changed": ("a or b", {"a and b"}),
    "call dropped": ("sorted(a)", {"a"}),
    "constant changed": ("f(2.0)", {"4.0"}),
    "axis changed": ("f(a, axis=-1)", {"axis=0"}),
    "argument dropped": ("f(a, k=b)", {"f(a)"}),
    "arguments reordered": ("f(a, c)", {"f(c, a)"}),
    "list reordered": ("(a, c)", {"(c, a)"}),
}


def in_function(text: str) -> str:
    """An expression as the result of a function."""
    return f"def f(a, b, c, n):\n    return {text}\n"


@pytest.mark.parametrize("kind", CHANGES)
def test_each_kind_makes_its_changes_and_no_others(kind: str):
    text, after = CHANGES[kind]
    faults = [fault for fault in faults_of("x.py", in_function(text)) if fault.kind == kind]
    assert {fault.after for fault in faults} == after
    assert {fault.line for fault in faults} == {2}


@pytest.mark.parametrize(
    "text",
    [
        "assert a < b, a - b",
        "raise ValueError(a - b)",
        "'words'",
        "x: tuple[int, str]",
        "f'{a - b}'",
        "if TYPE_CHECKING: a - b",
        "a + b",
        "f(b, op)",
        "(a, a)",
    ],
)
def test_what_no_run_depends_on_is_not_changed(text: str):
    source = f"def f(a, b, op):\n    {text}\n"
    found = {fault.before for fault in faults_of("x.py", source)}
    assert found <= {"a + b", "f(b, op)"}
    assert not [f for f in faults_of("x.py", source) if "swapped" in f.kind or "order" in f.kind]


def test_outside_of_functions_nothing_is_changed():
    assert faults_of("x.py", "A = 1 - 2\nclass B:\n    C = 3 - A\n") == []


def test_every_fault_of_a_module_changes_its_tree_and_is_the_same_each_time():
    file = "passes/lpu/raise_norm.py"
    source = (ROOT / file).read_text(encoding="utf-8")
    faults = faults_of(file, source)
    right = ast.dump(ast.parse(source))
    assert faults == faults_of(file, source) and len(faults) > 100
    for fault in faults[::10]:
        tree = planted(source, fault, is_marked=False)
        assert ast.dump(tree) != right
        compile(tree, file, "exec")
        assert ast.dump(tree) == ast.dump(planted(source, fault, is_marked=False))


def test_a_fault_is_reached_where_it_stands_and_lines_stay():
    source = "def f(a):\n    if a > 1:\n        return a - 1\n    return 7\n"
    fault = next(f for f in faults_of("x.py", source) if f.after == "a + 1")
    hits: list[int] = []
    scope: dict[str, Any] = {HIT: lambda: hits.append(1)}
    exec(compile(planted(source, fault), "x.py", "exec"), scope)
    assert (scope["f"](0), len(hits)) == (7, 0)
    assert (scope["f"](5), len(hits)) == (6, 1)
    assert scope["f"].__code__.co_firstlineno == 1 and fault.line == 3


def test_a_change_that_compiles_to_the_same_is_no_fault():
    dead = "def f(a):\n    if 0:\n        return a - 1\n    return a - 3\n"
    same = {f.line: is_equivalent(dead, f) for f in faults_of("x.py", dead) if "swap" in f.kind}
    assert same == {3: True, 4: False}


PROGRAM = """
from benchmarks.faults.mutation import faults_of
from benchmarks.faults.planting import ROOT, Stock, Unplanted
from runtime.isa import state

file = "runtime/isa/state.py"
faults = faults_of(file, (ROOT / file).read_text())
fault = next(f for f in faults if f.function == "wrap" and f.kind == "operands swapped")
wrap, stock = state.wrap, Stock()
notes = stock.plant(fault)
notes.phase = "here"
print(state.wrap(5), wrap(5) == state.wrap(5), dict(notes.reached))
other = "passes/lpu/raise_norm.py"
try:
    stock.plant(faults_of(other, (ROOT / other).read_text())[0])
except Unplanted:
    print("unplanted")
"""


def test_a_function_that_exists_gets_its_fault_wherever_it_is_held():
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, cwd=ROOT, check=True
    )
    first, second = done.stdout.splitlines()
    value, _, rest = first.partition(" ")
    assert value != "5" and rest == "True {'here': 3}"
    assert second == "unplanted"


def outcome(call: Any, limit: float = 20.0) -> dict[str, Any]:
    """What comes of one piece of work."""
    found: list[dict[str, Any]] = []

    def steps() -> Steps:
        found.append((yield Work(call, limit)))

    run_all(iter([steps()]), 1)
    return found[0]


def hanging() -> Iterator[dict[str, Any]]:
    yield {"phase": "here"}
    time.sleep(60)


def spinning() -> Iterator[dict[str, Any]]:
    yield {"phase": "here"}
    while True:
        pass


def dying() -> Iterator[dict[str, Any]]:
    yield {"phase": "here"}
    os._exit(3)


def raising() -> Iterator[dict[str, Any]]:
    yield {"phase": "here"}
    raise KeyError("gone")


def test_what_is_known_of_a_process_that_ends_badly_is_kept():
    assert outcome(spinning, 1)["ended"] == "late"
    late, dead, raised = outcome(hanging, 0.1), outcome(dying), outcome(raising)
    assert {late["phase"], dead["phase"], raised["phase"]} == {"here"}
    assert (late["ended"], dead["ended"]) == ("late", "status 768")
    assert raised["ended"] and raised["died"] == "KeyError: 'gone'"
    assert outcome(lambda: iter([{"a": 1}, {"b": 2}]))["ended"] == ""


def test_a_fault_lies_where_the_ir_is_first_different_or_in_the_machine():
    both = {"first": "onnx-bind-roles", "reached": {"lpu-mem-tile": 2, "importer": 1}}
    assert places({**both, "phase": "fast"}, STEPS) == {"onnx-bind-roles", "lpu-mem-tile"}
    assert places({"phase": "lpu-mem-tile"}, STEPS) == {"lpu-mem-tile"}
    assert places({"phase": "fast", "same_program": True}, STEPS) == {"interpreter"}
    assert places({"phase": "fast", "same_program": False}, STEPS) == {"encoder"}
    level = {"level": True, "phase": "x", "reached": {"semantics of lpu": 1, "importer": 3}}
    assert places(level, STEPS) == {"semantics of lpu"}


def test_a_place_is_right_by_name_and_a_level_by_its_passes():
    record = {"first": "lpu-raise-norm", "phase": "fast", "levels": {"lpu-raise-norm": "lpu"}}
    assert is_place_right({"where": "lpu-raise-norm"}, record, STEPS)
    assert not is_place_right({"where": "lpu-mem-tile"}, record, STEPS)
    assert is_place_right({"where": "level lpu"}, record, STEPS)
    assert not is_place_right({"where": "level mem"}, record, STEPS)
    machine = {"phase": "fast", "same_program": True}
    assert is_place_right({"where": "interpreter (fast path)"}, machine, STEPS)


def test_an_operation_is_right_by_its_name_and_a_node_of_it():
    record = {
        "first": "lpu-raise-norm",
        "changed": [["lpu.norm", ["a", "b"]], ["lpu.fill", []]],
        "worked": {"lpu-raise-norm": [["lpu.reduce", ["c"]]], "fast": [["vecmat", []]]},
    }

    def named(operation: str, *nodes: str, where: str = "lpu-raise-norm") -> dict[str, Any]:
        return {"where": where, "operation": operation, "nodes": list(nodes)}

    assert is_operation_right(named("lpu.norm", "b"), record)
    assert is_operation_right(named("lpu.reduce", "c"), record)
    assert is_operation_right(named("lpu.fill", "z"), record)
    assert not is_operation_right(named("lpu.norm", "c"), record)
    assert not is_operation_right(named("lpu.map", "a"), record)
    assert is_node_right(named("lpu.map", "a"), record)
    assert not is_node_right(named("lpu.norm", "z"), record)
    machine = named("lpu_isa.vecmat", "n", where="interpreter")
    assert is_operation_right(machine, record) and is_node_right(machine, record) is None
    assert is_operation_right(named("lpu.norm", "b", where="lpu-mem-tile"), record) is None


def test_what_is_worked_on_in_a_pass_is_what_the_pass_was_given():
    def op(node: str) -> TestOp:
        made = TestOp()
        made.location = location_of([node])
        return made

    given, made = op("old"), op("new")
    notes = Notes()

    def build(op: TestOp) -> None:
        del op
        notes.hit()

    def rewrite(op: TestOp, other: TestOp) -> None:
        del op
        build(other)

    notes.phase, notes.given = "a pass", frozenset([given])
    rewrite(given, made)
    notes.phase, notes.given = "machine", frozenset()
    rewrite(given, made)
    old, new = ("test.op", ("old",)), ("test.op", ("new",))
    assert notes.worked == {"a pass": {old}, "machine": {new}}


def test_operations_that_only_read_something_else_differ():
    right = Form([("a", ("n",), "1"), ("b", ("m",), "2")], ["", "0 1"], ["0", "2"], "x")
    assert changed(Form(right.operations, ["", "1 0"], right.given, "y"), right) == {("b", ("m",))}
    nodes = {node for _, nodes in changed(Form([("a", ("n",), "3")], [""], ["0"], "z"), right)
             for node in nodes}  # fmt: skip
    assert nodes == {"n", "m"}


def test_what_reads_a_place_that_differs_differs_too():
    def form(address: str) -> Form:
        ops = [("lpu_mem.alloc", (), address), ("c", ("n",), "2"), ("d", (), "3")]
        return Form(ops, ["", "0", ""], ["0", "", ""], address)

    assert changed(form("1"), form("9")) == {("lpu_mem.alloc", ()), ("c", ("n",))}


def test_the_table_counts_what_was_found_rightly():
    shows = {"area": "run", "show": "numbers", "phase": "fast", "same_program": True, "seconds": 1}
    named = {"where": "interpreter", "operation": "add", "ended": "", "seconds": 2}
    rows = [
        judged({**shows, "worked": {"fast": [["add", []]]}}, named, STEPS),
        judged(shows, {**named, "where": "lpu-mem-tile"}, STEPS),
        judged(shows, None, STEPS),
        judged({**shows, "show": ""}, None, STEPS),
    ]
    assert table(rows).splitlines()[1].split() == ["run", "4", "3", "2", "1", "1", "1", "0", "0"]
    assert "found 2/3 (67 %)" in shares(rows) and "not found: 1 numbers" in shares(rows)
