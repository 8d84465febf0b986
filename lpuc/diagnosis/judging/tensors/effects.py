"""
What a pass hands on without a value that it could be judged by: to a state, and to the host.

Where a state holds something else, it is read wrongly further down, and where other tokens are
handed out, the loop turns otherwise: what departs first is not what was changed.
"""

from __future__ import annotations

from collections import Counter

from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp

from dialects.errors import node_names
from dialects.lpu.control import EmitOp, ReadOp, StateOp, WriteOp
from dialects.reading import all_within
from lpuc.diagnosis.judging.departures import Departure
from lpuc.diagnosis.judging.runs import TOKENS, Runs, same_bits
from lpuc.diagnosis.judging.snapshots import Step
from passes.analysis.functions import functions

Place = tuple[str, tuple[str, ...]]
"""An operation by its name, and the ONNX nodes that it comes from."""


def handed_over(step: Step, before: Runs, after: Runs, found: Departure) -> Place | None:
    """The operation without results that a departure behind a pass comes from, if one does."""
    if not (before.is_traced and after.is_traced):
        return None
    if found.operation is None and found.names == (TOKENS,):
        return _emitted(step, before, after)
    if found.operation in (None, ReadOp.name):
        return _lost_write(before.snapshot.module, after.snapshot.module)
    return None


def _lost_write(before: ModuleOp, after: ModuleOp) -> Place | None:
    """The first write to a state that is not there behind a pass, though the state is."""
    old, new = _writes(before), _writes(after)
    states = {op.state.data for op in all_within(after) if isinstance(op, StateOp)}
    for (function, state), writes in old.items():
        left = new.get((function, state), [])
        if state in states and len(left) < len(writes):
            gone = Counter(writes) - Counter(left)
            return WriteOp.name, next(iter(gone))
    return None


def _writes(module: ModuleOp) -> dict[tuple[str, str], list[tuple[str, ...]]]:
    """The nodes of all writes, by the function and the state."""
    found: dict[tuple[str, str], list[tuple[str, ...]]] = {}
    for function in functions(module):
        for op in all_within(function):
            if isinstance(op, WriteOp) and isinstance(op.state.owner, StateOp):
                key = function.sym_name.data, op.state.owner.state.data
                found.setdefault(key, []).append(node_names(op))
    return found


def _emitted(step: Step, before: Runs, after: Runs) -> Place | None:
    """
    What hands out tokens, where all that both runs know is the same the first time it is computed,
    but not what is handed out.
    """
    emits = [_emit(runs) for runs in (before, after)]
    if None in emits:
        return None
    old, new = (emit for emit in emits if emit is not None)
    pairs = list(zip(old.operands, new.operands, strict=True))
    given = [(before.table.get((a, 0)), after.table.get((b, 0))) for a, b in pairs]
    if not any(a and b and not same_bits(a.array, b.array) for a, b in given):
        return None
    for event in after.events:
        pair = before.table.get((step.heirs.get(event.value, event.value), 0))
        if event.turn == 0 and pair is not None and not same_bits(pair.array, event.array):
            return None
    return EmitOp.name, node_names(new)


def _emit(runs: Runs) -> EmitOp | None:
    entry = runs.case.entry
    called: list[FuncOp] = [f for f in functions(runs.snapshot.module) if f.sym_name.data == entry]
    within = (op for function in called for op in all_within(function))
    return next((op for op in within if isinstance(op, EmitOp)), None)
