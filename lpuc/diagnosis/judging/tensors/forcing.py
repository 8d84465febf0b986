"""
Judge each operation behind a pass with the operands that the run before it had (rule 3 of
`lpuc.diagnosis.judging.passes`).
"""

from __future__ import annotations

from collections.abc import Callable, Container, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from ml_dtypes import finfo
from xdsl.ir import SSAValue

from dialects.observing import OnDevices
from lpuc.diagnosis.judging.departures import Departure, departure
from lpuc.diagnosis.judging.pairing import Pairs
from lpuc.diagnosis.judging.runs import (
    BOTH,
    MARGIN,
    RUNS,
    Runs,
    bound_of,
    distance,
    same_bits,
    with_noise,
)
from lpuc.diagnosis.judging.snapshots import Step
from lpuc.diagnosis.judging.traces import Event, Key, layer_names, parts_of
from lpuc.levels.contracts import FINE, ROUNDOFF, Coarser, is_sum, roundoff
from lpuc.levels.tolerance import by_row
from runtime.numerics.elements import ElementType

Array = np.ndarray[Any, np.dtype[Any]]


def judge_forced(
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
    wanted = {pairs[event.key].key for event in suspects}
    for bounds in regional(before, shared, is_exact, wanted) if suspects else ():
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


def regional(
    before: Runs, shared: Shared, is_exact: bool, wanted: Container[Key]
) -> Generator[dict[Key, Array]]:
    """
    How far the wanted shared values may be off when all behind the last shared ones round.

    The more of these are asked for, the more runs they rest on: `RUNS` in the end.
    """
    bounds: dict[Key, Array] = {}
    coarser = _inner(before.events, shared, wanted)

    def noisy(random: np.random.Generator) -> Callable[[Event, OnDevices], OnDevices]:
        def change(event: Event, parts: OnDevices) -> OnDevices:
            is_shared = event.key in shared.right
            if event.key in coarser:
                noise = _noise(event, coarser, is_exact)
                if not is_shared:
                    return with_noise(event, parts, noise, random)
                moved = by_row(distance(event.array, shared.right[event.key]))
                with np.errstate(over="ignore"):
                    off = MARGIN * moved + BOTH * noise
                bounds[event.key] = np.maximum(bounds.get(event.key, 0.0), off)
            return parts_of(shared.given[event.key], event.value, parts) if is_shared else parts

        return change

    for seed in range(RUNS):
        before.changed(noisy(np.random.default_rng(seed)))
        yield bounds


def _inner(events: Sequence[Event], shared: Shared, wanted: Container[Key]) -> dict[Key, Coarser]:
    """The rounding of wanted values and of what leads to them, which may be as coarse."""
    leading, found = dict[SSAValue, float](), dict[Key, Coarser]()
    for event in reversed(events):
        is_shared = event.key in shared.right
        if is_shared and event.key in wanted:
            here = shared.coarser.get(event.key, FINE)
        elif not is_shared and (event.value in leading or _goes_on(event.value)):
            unit = leading.get(event.value, 0.0)
            here = Coarser(unit, unit)
        else:
            continue
        found[event.key] = here
        for operand in event.op.operands:
            leading[operand] = max(*here, leading.get(operand, 0.0))
    return found


def _goes_on(value: SSAValue) -> bool:
    """Whether a value is read elsewhere than where it stands: in the next turn, by a state."""
    readers = (use.operation for use in value.uses)
    return any(reader.regions or not reader.results for reader in readers)


def _noise(event: Event, coarser: Mapping[Key, Coarser], is_exact: bool) -> Array:
    """By how much an operation may round; where a pass is exact, only sums may."""
    if is_exact and not is_sum(event.op):
        return np.zeros(event.array.shape)
    return bound_of(event, coarser.get(event.key, FINE))
