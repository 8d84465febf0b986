"""
Whether what the diagnosis names is what was broken.

A pass is right if the IR behind it is the first that differs from what the right compiler makes, or
if it ran into the fault later: code that several passes share can be wrong in any of them.

The operation that is to be named is what the code with the fault was working on, as noted there and
then (`planting.Notes`): in a pass an operation of the IR that the pass was *given*, in the machine
an instruction, in the semantics of a level the operation that was executed. Where the IR behind a
pass differs, the operations that differ there are right as well: wrong numbers are seen at those.
An operation is right if its name is that of such a one *and* both have a node in common, where
nodes are known of both. One that a pass made and then broke a rule with is no answer. Nodes
alone are counted beside.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

MACHINE = ("fast", "reference", "generate")
LEVELS_OF_TABLE = ("onnx", "lpu", "esl", "mem", "isa")

Record = Mapping[str, Any]
Worked = tuple[str, tuple[str, ...]]
"""The name of an operation or instruction, and its nodes."""


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


def subjects(named: Record, record: Record) -> list[Worked]:
    """The operations at which a fault lies in the place that is named, as far as that is known."""
    where = str(named.get("where", ""))
    steps = MACHINE if where == "interpreter" else (where,)
    worked = record.get("worked", {})
    found = [one for step in steps for one in worked.get(step, ())]
    if where == record.get("first"):
        found += record.get("changed", ())
    return [(name, tuple(nodes)) for name, nodes in found]


def is_operation_right(named: Record, record: Record) -> bool | None:
    """Whether the operation that is named is one of those; None if nothing is known of them."""
    right = subjects(named, record)
    if not right:
        return None
    name, nodes = named.get("operation"), set(named.get("nodes") or ())
    return name is not None and any(
        _short(name) == _short(other) and (not nodes or not theirs or not nodes.isdisjoint(theirs))
        for other, theirs in right
    )


def is_node_right(named: Record, record: Record) -> bool | None:
    """Whether a node that is named is one of theirs; None if no such node is known."""
    right = {node for _, nodes in subjects(named, record) for node in nodes}
    return None if not right else not right.isdisjoint(named.get("nodes") or ())


def _short(name: str) -> str:
    """`lpu_isa.vecmat` and `vecmat` are the same to the machine."""
    return name.rpartition(".")[2]
