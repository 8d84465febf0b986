"""Which values a pass rounds more than they were rounded before it, and by how much."""

from __future__ import annotations

from collections.abc import Container
from itertools import chain

from xdsl.ir import SSAValue

from dialects.lpu.control import ReadOp
from dialects.lpu.elementwise import CastOp
from dialects.lpu.tensors import tensor_of
from lpuc.diagnosis.judging.pairing import Pairs
from lpuc.diagnosis.judging.runs import Runs
from lpuc.diagnosis.judging.traces import Event, Key
from lpuc.levels.contracts import FINE, MOVES, ROUNDOFF, Coarser, roundoff
from lpuc.levels.execution import entries_of


def coarser_of(before: Runs, after: Runs, pairs: Pairs) -> dict[Key, Coarser]:
    """
    For each shared value before the pass that is rounded more behind it, by how much.

    What lies between the last shared values and it may be stored in narrower types behind the
    pass: what moves or stores numbers hands that on, all else computes with it. Inputs and
    constants are as coarse as they were, unless there were none of their type.
    """
    known = {Coarser(), *_inputs(before).values()}
    known |= {Coarser(0.0, roundoff(e.array)) for e in before.events if _is_source(e)}
    reached = {v: here for v, here in _inputs(after).items() if here not in known}
    found: dict[Key, Coarser] = {}
    for event in after.events:
        given = [reached[v] for v in event.op.operands if v in reached]
        here = _passed(event, Coarser(*map(max, zip(FINE, *given, strict=True))), known)
        pair = pairs.get(event.key)
        if pair is None:
            reached[event.value] = here
        elif here.computed or here.stored > roundoff(pair.array):
            found[pair.key] = here
    return found


def _inputs(runs: Runs) -> dict[SSAValue, Coarser]:
    """The rounding of what functions are given, to the types that their arguments have."""
    entries = entries_of(runs.snapshot.module)
    called = (entries[call.entry] for call in runs.case.calls if call.entry in entries)
    arguments = chain.from_iterable(function.body.block.args for function in called)
    return {v: Coarser(0.0, ROUNDOFF.get(tensor_of(v).dtype, 0.0)) for v in arguments}


def _is_source(event: Event) -> bool:
    """Whether an operation has numbers of its own: of the model, or of a state."""
    return not event.op.operands or event.op.name == ReadOp.name


def _passed(event: Event, given: Coarser, known: Container[Coarser]) -> Coarser:
    """How coarse a result is by what its operation is given, and by its own type."""
    own = Coarser(0.0, roundoff(event.array))
    if event.op.name == CastOp.name:
        return Coarser(given.computed, max(given.stored, own.stored))
    if event.op.name not in MOVES:
        return Coarser(max(given), own.stored)
    return own if _is_source(event) and own not in known else given
