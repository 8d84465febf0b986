"""
Judge one pass by running the IR before it and behind it on one case.

1. Values that the pass put in each other's place were equal bit for bit before it.
2. Both are run. If what they give is equal bit for bit, and so is every value that they share, the
   pass is right about this case.
3. Otherwise each operation behind the pass is run with the operands that the run before it had,
   where it has them (*forced*), so that an error shows where it is made and not behind it. A value
   that both have may differ by `MARGIN` times the rounding of the operations between it and the
   shared values that it is computed from: the largest change that `RUNS` runs of the IR before the
   pass show when each of them is off by its local bound. Where a pass is exact, only sums round.
4. A product is also held to what its own operands give, within its own local bound: where a pass
   rounds them, rule 3 allows far more.
5. What leaves the model may differ by as much as whole runs with such errors do, never by more than
   the tolerance of its precision; not at all behind an exact pass on buffers or instructions.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, cast

import numpy as np
from ml_dtypes import finfo
from xdsl.ir import SSAValue

from dialects.lpu.control import ReadOp
from dialects.lpu.elementwise import CastOp
from dialects.lpu.tensors import tensor_of
from dialects.observing import OnDevices
from lpuc.diagnosis.judging.departures import Departure, departure, outputs_depart
from lpuc.diagnosis.judging.isa.judging import judge_instructions
from lpuc.diagnosis.judging.mem.forcing import judge_buffers
from lpuc.diagnosis.judging.pairing import Pairs, live_values, pairs_of
from lpuc.diagnosis.judging.products import product_departs
from lpuc.diagnosis.judging.runs import (
    BOTH,
    MARGIN,
    RUNS,
    Runs,
    bound_of,
    by_row,
    distance,
    same_bits,
    with_noise,
)
from lpuc.diagnosis.judging.snapshots import Step
from lpuc.diagnosis.judging.traces import Event, Key, layer_names, parts_of
from lpuc.levels.contracts import FINE, MOVES, ROUNDOFF, Coarser, is_sum, roundoff
from lpuc.levels.execution import entries_of
from runtime.numerics.elements import ElementType

Array = np.ndarray[Any, np.dtype[Any]]


def judge(step: Step, before: Runs, after: Runs, tolerance: float) -> Departure | None:
    """The first number behind a pass that differs by more than the pass may change it."""
    merged = _merged(step, before)
    if merged is not None:
        return merged
    if after.is_on_buffers:
        found = judge_buffers(step, before, after)
        return found or _outputs(step, before, after, tolerance, {})
    if not after.is_traced:
        found = judge_instructions(step.numbers.change == "exact", before, after)
        return found or _outputs(step, before, after, tolerance, {})
    pairs = pairs_of(before, after, step.heirs) if before.is_traced and after.is_traced else {}
    if _all_equal(before, after, pairs):
        return None
    pairs = pairs_of(before, after, step.heirs, live_values(step.after.module)) if pairs else {}
    coarser = _coarser(before, after, pairs) if pairs else {}
    found = _forced(step, before, after, pairs, coarser) if pairs else None
    found = found or product_departs(after, pairs)
    return found or _outputs(step, before, after, tolerance, coarser)


def _merged(step: Step, before: Runs) -> Departure | None:
    """The first value that the pass took for another one, which had other numbers."""
    for value, first in step.merged if before.is_traced else ():
        turn = 0
        while (event := before.table.get((value, turn))) is not None:
            taken = before.table.get((first, turn))
            if taken is not None and not same_bits(taken.array, event.array):
                found = departure(taken.array, event.array, 0.0)
                assert found is not None, "they are not equal"
                return Departure(event.op.name, layer_names(event.op, turn), *found)
            turn += 1
    return None


def _outputs(
    step: Step, before: Runs, after: Runs, tolerance: float, coarser: Mapping[Key, Coarser]
) -> Departure | None:
    """The first output that is off; the more runs show how far it may be, the further."""
    is_exact = not before.is_traced and step.numbers.change == "exact"
    if all(same_bits(after.outputs[name], right) for name, right in before.outputs.items()):
        return None
    spreads: Iterable[Mapping[str, Array]] = [{}] if is_exact else before.spreads(coarser)
    found = None
    for spread in spreads:
        found = outputs_depart(after.outputs, before.outputs, tolerance, spread)
        if found is None:
            return None
    return found


def _all_equal(before: Runs, after: Runs, pairs: Pairs) -> bool:
    ours, theirs = after.outputs, before.outputs
    if any(not same_bits(ours[name], theirs[name]) for name in theirs):
        return False
    return all(same_bits(after.table[key].array, pair.array) for key, pair in pairs.items())


def _coarser(before: Runs, after: Runs, pairs: Pairs) -> dict[Key, Coarser]:
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


def _forced(
    step: Step, before: Runs, after: Runs, pairs: Pairs, coarser: Mapping[Key, Coarser]
) -> Departure | None:
    """The first shared value that is off when its operands are those of the run before."""

    is_exact = step.numbers.change == "exact"
    shared = _shared(before, after, pairs, coarser)

    def change(event: Event, parts: OnDevices) -> OnDevices:
        pair = pairs.get(event.key)
        return parts if pair is None else parts_of(shared.given[pair.key], event.value, parts)

    def is_near(event: Event) -> bool:
        pair = pairs[event.key]
        right = _right_of(event, pair, shared)
        if same_bits(event.array, right):
            return True
        bound = BOTH * _noise(pair, coarser, is_exact)
        return departure(event.array, right, bound) is None

    _, events = after.changed(change, after.memo)
    suspects = [event for event in events if event.key in pairs and not is_near(event)]
    found = None
    for bounds in regional(before, shared, is_exact) if suspects else ():
        found = _first_off(suspects, pairs, shared, bounds)
        if found is None:
            return None
    return found


@dataclass(frozen=True)
class Shared:
    """The values that runs before and behind a pass have in common, by those before."""

    coarser: Mapping[Key, Coarser]
    """Those that are rounded more behind the pass."""
    given: Mapping[Key, Array]
    """What all behind it is computed of, in the type that it has behind the pass."""
    right: Mapping[Key, Array]
    """What the IR before the pass computes of these."""


def _shared(before: Runs, after: Runs, pairs: Pairs, coarser: Mapping[Key, Coarser]) -> Shared:
    right = {pair.key: pair.array for pair in pairs.values()}
    types = {pair.key: after.table[key].array.dtype for key, pair in pairs.items()}
    given = {key: array.astype(types[key], copy=False) for key, array in right.items()}
    if any(types[key] != array.dtype for key, array in right.items()):

        def change(event: Event, parts: OnDevices) -> OnDevices:
            array = given.get(event.key)
            return parts if array is None else parts_of(array, event.value, parts)

        _, events = before.changed(change, before.memo)
        right = {event.key: event.array for event in events if event.key in right}
    return Shared(coarser, given, right)


def _right_of(event: Event, pair: Event, shared: Shared) -> Array:
    """What is right of a value; the least number of a short type may become the least f32."""
    behind, before, right = event.array, pair.array, shared.right[pair.key]
    if behind.dtype != np.float32 or roundoff(before) <= ROUNDOFF[ElementType.F32]:
        return right
    info = cast("Any", finfo)
    short, long = (float(info(array.dtype).min) for array in (before, behind))
    return np.where((before == short) & (behind == long), long, right.astype(behind.dtype))


def _first_off(
    suspects: Iterable[Event], pairs: Pairs, shared: Shared, bounds: Mapping[Key, Array]
) -> Departure | None:
    for event in suspects:
        pair = pairs[event.key]
        found = departure(event.array, _right_of(event, pair, shared), bounds[pair.key])
        if found is not None:
            return Departure(event.op.name, layer_names(event.op, event.turn), *found)
    return None


def regional(before: Runs, shared: Shared, is_exact: bool) -> Generator[dict[Key, Array]]:
    """
    How far each shared value may be off when all behind the last shared ones round.

    The more of these are asked for, the more runs they rest on: `RUNS` in the end.
    """
    bounds: dict[Key, Array] = {}
    coarser = _inner(before.events, shared)

    def noisy(random: np.random.Generator) -> Callable[[Event, OnDevices], OnDevices]:
        def change(event: Event, parts: OnDevices) -> OnDevices:
            noise = _noise(event, coarser, is_exact)
            if event.key not in shared.right:
                return with_noise(event, parts, noise, random)
            moved = by_row(distance(event.array, shared.right[event.key]))
            with np.errstate(over="ignore"):
                off = MARGIN * moved + BOTH * noise
            bounds[event.key] = np.maximum(bounds.get(event.key, 0.0), off)
            return parts_of(shared.given[event.key], event.value, parts)

        return change

    for seed in range(RUNS):
        before.changed(noisy(np.random.default_rng(seed)))
        yield bounds


def _inner(events: Sequence[Event], shared: Shared) -> dict[Key, Coarser]:
    """The rounding of all values: what leads to a shared one may be as coarse as it is."""
    wanted, found = dict[SSAValue, float](), dict[Key, Coarser]()
    for event in reversed(events):
        if event.key in shared.right:
            here = shared.coarser.get(event.key, FINE)
        else:
            here = Coarser(wanted.get(event.value, 0.0), wanted.get(event.value, 0.0))
        found[event.key] = here
        for operand in event.op.operands:
            wanted[operand] = max(*here, wanted.get(operand, 0.0))
    return found


def _noise(event: Event, coarser: Mapping[Key, Coarser], is_exact: bool) -> Array:
    """By how much an operation may round; where a pass is exact, only sums may."""
    if is_exact and not is_sum(event.op):
        return np.zeros(event.array.shape)
    return bound_of(event, coarser.get(event.key, FINE))
