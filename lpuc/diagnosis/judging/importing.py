"""Judge a model as it was imported, by what ONNX Runtime makes of the file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from xdsl.dialects.builtin import ModuleOp

from dialects.errors import node_names
from dialects.names import unescape
from lpuc.diagnosis.failure import IMPORTER, Failure, failure_of
from lpuc.diagnosis.judging import structure
from lpuc.diagnosis.judging.departures import departure, outputs_depart
from lpuc.diagnosis.judging.runs import ANYTHING, Runs
from lpuc.diagnosis.judging.traces import Event
from lpuc.levels.cases import Case
from lpuc.levels.initializers import misread
from lpuc.levels.onnx_runtime import Reference, Refusal

Array = np.ndarray[Any, np.dtype[Any]]
Arrays = Mapping[str, Array]

SEMANTICS = "semantics of onnx"


def judge_weights(module: ModuleOp) -> Failure | None:
    """The first weight of which the importer has noted something else than the file holds."""
    for op, what in misread(module):
        return Failure("numbers", IMPORTER, op.name, node_names(op), what)
    return None


def judge_import(
    runs: Runs,
    reference: Reference,
    expected: Arrays,
    tolerance: float,
    program: Callable[[Case], Arrays],
) -> Failure | None:
    """
    How level `onnx` departs from ONNX Runtime on a case, if it does.

    Where the `program` has the right numbers, the model was read as it is, and what this level
    computes is wrong. Where there is none, that is so of a node that is known to be that of the
    file (`judging.structure`).
    """
    try:
        found = outputs_depart(runs.outputs, expected, tolerance, runs.spread)
    except Exception as error:  # whatever the level raises is what is wrong with it
        return failure_of(error, SEMANTICS)
    if found is None:
        return None
    unbounded: dict[str, Array] = dict.fromkeys(expected, ANYTHING)
    try:
        rest = outputs_depart(program(runs.case), expected, tolerance, unbounded)
        where = SEMANTICS if rest is None else IMPORTER
    except Exception:  # it agrees with nothing
        where = None
    place = _place(runs, reference, tolerance)
    if place is None:
        message = f"output '{found.names[0]}': {found}"
        return Failure("numbers", where or IMPORTER, None, (), message)
    event, message = place
    if where is None:
        is_read = unescape(node_names(event.op)[0]) in structure.judged(runs.snapshot.module)
        where = SEMANTICS if is_read else IMPORTER
    return Failure("numbers", where, event.op.name, node_names(event.op), message)


def _place(runs: Runs, reference: Reference, tolerance: float) -> tuple[Event, str] | None:
    """The first value of a node that is off."""
    try:
        values = reference.values(runs.case.inputs)
    except Refusal:
        return None
    results = {node.name: list(node.output) for node in reference.proto.graph.node if node.name}
    for event in runs.events:
        names = node_names(event.op)
        number = next(i for i, v in enumerate(event.op.results) if v is event.value)
        outputs = results.get(unescape(names[0]), []) if names else []
        right = values.get(outputs[number]) if number < len(outputs) else None
        if right is None or right.dtype.kind not in "fiub":
            continue
        size = np.max(np.abs(right), initial=1.0, where=np.isfinite(right))
        found = departure(event.array, right, tolerance * float(size))
        if found is not None:
            index, got, expected, _ = found
            at = ", ".join(map(str, index))
            return event, f"[{at}] is {got:.9g}, ONNX Runtime has {expected:.9g}"
    return None
