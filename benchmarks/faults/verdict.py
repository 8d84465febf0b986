"""
Whether what the diagnosis names is what was broken.

A pass is right if the IR behind it is the first that differs from what the right compiler makes, or
if it ran into the fault later: code that several passes share can be wrong in any of them. An
operation is right if it is one of those that differ there, or that machine or level were at when
they ran into the fault; so is a node. Where a pass makes what a rule refuses, the operation that is
named is the new one and the one that was worked on is the old one: their node is the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

MACHINE = ("fast", "reference", "generate")
LEVELS_OF_TABLE = ("onnx", "lpu", "esl", "mem", "isa")

Record = Mapping[str, Any]


def places(record: Record, steps: Sequence[str]) -> set[str]:
    """Where a fault lies: names of passes, `importer`, `encoder`, `interpreter`, semantics."""
    reached = set(record.get("reached", {}))
    if record.get("level"):
        return {step for step in reached if step.startswith("semantics of ")}
    if first := record.get("first"):
        later = steps[steps.index(first) :]
        return {first, *(step for step in later if step in reached)}
    phase = record["phase"]
    if record.get("same_program") or (phase in MACHINE and not _is_encoded(record)):
        return {"interpreter"}
    if record.get("same_program") is False:
        return {"encoder"}
    return {phase}


def _is_encoded(record: Record) -> bool:
    return record.get("same_program") is False


def is_place_right(named: Record, record: Record, steps: Sequence[str]) -> bool:
    """Whether the place that is named is one where the fault lies."""
    where = str(named.get("where", ""))
    if where.startswith("level "):
        return is_level_right(where.removeprefix("level "), record, steps)
    right = places(record, steps)
    return any(where == place or where.startswith(f"{place} ") for place in right)


def is_level_right(level: str, record: Record, steps: Sequence[str]) -> bool:
    """Whether a level of the table of `verify` is the first that a fault can have made wrong."""
    levels = record.get("levels", {})
    right = places(record, steps)
    if "importer" in right:
        return level == "onnx"
    if right <= {"interpreter", "encoder"}:
        return level in ("program", "fast")
    below = {"isa": "program"}
    return level in {below.get(levels.get(p, ""), levels.get(p, "")) for p in right}


def subjects(record: Record) -> set[str]:
    """The operations at which a fault lies, as far as that is known."""
    if record.get("first") and not record.get("level"):
        return set(record.get("changed", ()))
    return {name for names in record.get("subjects", {}).values() for name in names}


def is_operation_right(named: Record, record: Record) -> bool | None:
    """Whether the operation that is named is one of those; None if nothing is known of them."""
    right = {_short(name) for name in subjects(record)}
    if not right:
        return None
    operation = named.get("operation")
    return operation is not None and _short(operation) in right


def is_node_right(named: Record, record: Record) -> bool | None:
    """
    Whether a node that is named is one of an operation that differs, or that was worked on when the
    fault was run into; None if no such node is known.
    """
    worked = record.get("worked_nodes", {})
    right = {*record.get("nodes", ()), *(node for nodes in worked.values() for node in nodes)}
    return None if not right else not right.isdisjoint(named.get("nodes") or ())


def _short(name: str) -> str:
    """`lpu_isa.vecmat` and `vecmat` are the same to the machine."""
    return name.rpartition(".")[2]
