"""
Each named value of a model, at the levels that have it, against ONNX Runtime.

A value is an output of an ONNX node. Level `onnx` has all of them. At level `lpu` one survives if
an operation whose last node it is gives an array of its shape; of several, the nearest counts. What
a pass has rewritten, as when it scales a factor in place of the product, is another number by the
same name: where all outputs of that level agree, such a value is `rewritten`, else it `departs`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from xdsl.ir import Operation, SSAValue

from dialects.names import escape
from dialects.observing import OnDevices
from lpuc.diagnosis.judging.traces import layer_names, whole
from lpuc.levels.cases import Case
from lpuc.levels.execution import run_level
from lpuc.levels.onnx_runtime import Arrays, Reference
from lpuc.levels.tolerance import Distance, departure, distance, is_float
from lpuc.verification.subject import Subject

Array = np.ndarray[Any, Any]

VALUE_LEVELS = ("onnx", "lpu", "esl")
"""The levels that have tensors for values."""


@dataclass(frozen=True)
class Value:
    """How far a value of the model is off at a level."""

    name: str
    node: str
    op: str
    """The operator of the node."""
    level: str
    case: str
    distance: Distance
    verdict: str
    """`agrees`, `rewritten` or `departs`."""


@dataclass(frozen=True)
class _Named:
    """A value of the model: an output of a node."""

    name: str
    node: str
    op: str
    result: int


@dataclass
class _Seen:
    """An observer that keeps what may be outputs of nodes, by the node that comes last."""

    ranks: Mapping[str, int]
    """The place of each node in the graph."""
    arrays: dict[str, list[Array]] = field(default_factory=dict[str, list[Array]])
    turns: dict[SSAValue, int] = field(default_factory=dict[SSAValue, int])

    def __call__(
        self, op: Operation, operands: list[OnDevices], results: list[OnDevices]
    ) -> list[OnDevices]:
        del operands
        for value, parts in zip(op.results, results, strict=True):
            turn = self.turns.get(value, 0)
            self.turns[value] = turn + 1
            names = [name for name in layer_names(op, turn) if name in self.ranks]
            if names:
                last = max(names, key=self.ranks.__getitem__)
                self.arrays.setdefault(last, []).append(np.array(whole(value, parts)))
        return results


def _named(reference: Reference) -> list[_Named]:
    """The values of the graph, in the order in which they are computed."""
    return [
        _Named(name, escape(node.name or f"{node.op_type}_{index}"), node.op_type, result)
        for index, node in enumerate(reference.proto.graph.node)
        for result, name in enumerate(node.output)
        if name
    ]


def judge_values(
    subject: Subject, reference: Reference, cases: Iterable[Case], tolerances: Mapping[str, float]
) -> list[Value]:
    """The worst of each value at each level over all cases, in the order of the graph."""
    worst: dict[tuple[str, str], Value] = {}
    named = _named(reference)
    for case in cases:
        expected = reference.values(case.inputs)
        for level in VALUE_LEVELS:
            if level not in subject.modules:
                continue
            for value in _at_level(subject, level, case, named, expected, tolerances[level]):
                before = worst.get((level, value.name))
                if before is None or not value.distance.error <= before.distance.error:
                    worst[level, value.name] = value
    order = {value.name: index for index, value in enumerate(named)}
    levels = {level: index for index, level in enumerate(VALUE_LEVELS)}
    return sorted(worst.values(), key=lambda v: (levels[v.level], order[v.name]))


def _at_level(
    subject: Subject,
    level: str,
    case: Case,
    named: Sequence[_Named],
    expected: Arrays,
    tolerance: float,
) -> list[Value]:
    """The values that one level has; those up to the operation that breaks, if one does."""
    seen = _Seen({value.node: index for index, value in enumerate(named)})
    try:
        got = run_level(level, subject.modules[level], case.inputs, observer=seen)
        outputs = [port.name for port in subject.interface.outputs]
        agrees = all(departure(got[n], expected[n]) <= tolerance for n in outputs if n in expected)
    except Exception:  # the table of outputs has it, with its place
        agrees = False
    bad = "rewritten" if agrees and level != "onnx" else "departs"
    found: list[Value] = []
    for value in named:
        right, arrays = expected[value.name], seen.arrays.get(value.node, [])
        if level == "onnx":
            arrays = arrays[value.result : value.result + 1]
        near = _nearest(arrays, right, tolerance) if hasattr(right, "dtype") else None
        if near is not None:
            verdict = "agrees" if near.error <= tolerance else bad
            found.append(Value(value.name, value.node, value.op, level, case.name, near, verdict))
    return found


def _nearest(arrays: Sequence[Array], right: Array, tolerance: float) -> Distance | None:
    """Of the arrays that may be a value the one that is least off; None if none has its form."""
    fits = [x for x in arrays if x.shape == right.shape and _kind(x) == _kind(right)]
    near = min(fits, key=lambda x: departure(x.astype(right.dtype), right), default=None)
    return None if near is None else distance(near.astype(right.dtype), right, tolerance)


def _kind(array: Array) -> str:
    """Floats of any width are alike, and so are integers."""
    return "f" if is_float(array) else "i" if array.dtype.kind in "iu" else array.dtype.kind
