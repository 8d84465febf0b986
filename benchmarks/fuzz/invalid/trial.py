"""
What becomes of a model that may be invalid.

| ONNX Runtime | the compiler | verdict |
|---|---|---|
| runs it | the same numbers | `right` |
| runs it | other numbers | `wrong` |
| refuses it | runs it | `wrong`: accepted though it is invalid |
| either | a sentence that names the node | `refused` |
| either | anything else, or a sentence without the node | `crash` |

Where ONNX Runtime is no judge (`laxities`), the reference of the standard takes its place; what
neither runs and the compiler does is `uncounted`.
"""

from __future__ import annotations

import resource
from collections.abc import Mapping
from dataclasses import replace

from benchmarks.fuzz.invalid.cases import valid
from benchmarks.fuzz.invalid.laxities import laxity_of, standard
from benchmarks.fuzz.invalid.mutations import Mutant, mutants
from benchmarks.fuzz.invalid.node import NAME, Array, Node
from benchmarks.fuzz.judging import Call, Settings, judge_calls, reference
from benchmarks.fuzz.outcome import Outcome
from benchmarks.fuzz.pool import Result

TOLERANCE = 1e-4
MEMORY = 8 << 30
"""Bytes of address space: a model that asks for more is refused by both at once."""
Key = tuple[int, int]
"""The number of the valid model and of its mutant; -1 is the model itself."""
ACCEPTED = "accepted, but ONNX Runtime says: "


def keys() -> list[Key]:
    """All of them, valid ones first."""
    numbers = range(len(valid()))
    made = [(i, k) for i in numbers for k in range(len(mutants(valid()[i])))]
    return [*((i, -1) for i in numbers), *made]


def mutant(key: Key) -> Mutant:
    """The model of a key and what was done to it."""
    case, number = key
    node = valid()[case]
    return Mutant(node, "valid", "") if number < 0 else mutants(node)[number]


def run_key(key: Key) -> Result:
    """The verdict on a model, with ONNX Runtime as the judge."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, resource.RLIM_INFINITY))
    made = mutant(key)
    expected, why_not = reference(made.node.model(), made.node.inputs())
    return _result(key, made, _verdict(made, expected, why_not), expected is not None)


def run_alone(key: Key) -> Result:
    """The verdict where ONNX Runtime dies of the model: it does not run it."""
    made = mutant(key)
    return _result(key, made, _verdict(made, None, "it dies"), False)


def _result(key: Key, made: Mutant, outcome: Outcome, runs: bool) -> Result:
    labels = (made.node.operator, "run by ONNX Runtime" if runs else "invalid")
    return Result(outcome, f"{made.node.operator}/{key[0]}.{key[1]} {made.label}", labels)


def _verdict(made: Mutant, expected: Mapping[str, Array] | None, why_not: str) -> Outcome:
    outcome = judged(made.node, expected, why_not)
    entry = laxity_of(made, why_not) if outcome.verdict == "wrong" else None
    if entry is None:
        return outcome
    instead = standard(made.node)
    if instead is None:
        return Outcome("uncounted", entry.reason, "laxity")
    return judged(made.node, instead, "")


def judged(node: Node, expected: Mapping[str, Array] | None, why_not: str) -> Outcome:
    """What the compiler makes of a node; `expected` is None where the judge refuses it."""
    call = Call(node.inputs(), expected or {})
    outcome = judge_calls(node.model(), [call], Settings(tolerance=TOLERANCE))
    if outcome.detail.startswith("MemoryError"):
        return Outcome("uncounted", "it needs more memory than a process has here", outcome.stage)
    if outcome.verdict == "refused" and not is_named(node, outcome.detail):
        return replace(outcome, verdict="crash", detail=f"names no node: {outcome.detail}")
    if expected is None and outcome.verdict in ("right", "wrong"):
        return Outcome("wrong", f"{ACCEPTED}{why_not}", outcome.stage)
    return outcome


def is_named(node: Node, message: str) -> bool:
    """Whether a message says which node it is about, or which operand of it."""
    return NAME in message or any(name in message for name in node.names() if name)
