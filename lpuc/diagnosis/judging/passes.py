"""
Judge one pass by running the IR before it and behind it on one case.

1. Both are run. If what they give is equal bit for bit, and so is every value that they share, the
   pass is right about this case.
2. Otherwise each operation behind the pass is run with the operands that the run before it had,
   where it has them (*forced*), so that an error shows where it is made and not behind it. A value
   that both have may differ by `MARGIN` times the rounding of the operations between it and the
   shared values that it is computed from: the largest change that `RUNS` runs of the IR before the
   pass show when each of them is off by its local bound. Where a pass is exact, only sums round.
3. What leaves the model may differ by as much as whole runs with such errors do, never by more than
   the tolerance of its precision; not at all behind an exact pass on buffers or instructions.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from xdsl.ir import SSAValue

from dialects.observing import OnDevices
from lpuc.diagnosis.judging.runs import (
    MARGIN,
    RUNS,
    TOKENS,
    Runs,
    bound_of,
    by_row,
    distance,
    same_bits,
    with_noise,
)
from lpuc.diagnosis.judging.snapshots import Step
from lpuc.diagnosis.judging.traces import Event, Key, layer_names, parts_of
from lpuc.levels.contracts import is_sum, roundoff

Array = np.ndarray[Any, np.dtype[Any]]
ANYTHING: Array = np.array(np.inf)
"""A spread that bounds nothing: the tolerance alone does."""
Pairs = Mapping[Key, Event]
"""For what one run computed, what computed the same in the run before the pass."""


@dataclass(frozen=True)
class Departure:
    """A number that is further from what it was than it may be."""

    operation: str | None
    """None if it is an output of the model, of whatever operation."""
    names: tuple[str, ...]
    """The ONNX nodes of the operation, or the output."""
    index: tuple[int, ...]
    got: float
    expected: float
    bound: float

    def __str__(self) -> str:
        at = f"[{', '.join(map(str, self.index))}]"
        text = f"{at} is {self.got:.9g}, not {self.expected:.9g}"
        return f"{text}; it may differ by {self.bound:.2g}"


def judge(step: Step, before: Runs, after: Runs, tolerance: float) -> Departure | None:
    """The first number behind a pass that differs by more than the pass may change it."""
    pairs = pairs_of(before, after, step.heirs) if before.is_traced and after.is_traced else {}
    if _all_equal(before, after, pairs):
        return None
    units = _units(after.events, pairs)
    found = _forced(step, before, after, pairs, units) if pairs else None
    return found or _outputs(step, before, after, tolerance, units)


def _outputs(
    step: Step, before: Runs, after: Runs, tolerance: float, units: Mapping[Key, float]
) -> Departure | None:
    """The first output that is off; the more runs show how far it may be, the further."""
    if before.is_traced:
        spreads: Iterable[Mapping[str, Array]] = before.spreads(units)
    else:
        spreads = [{} if step.numbers.change == "exact" else before.spread]
    found = None
    for spread in spreads:
        found = outputs_depart(after.outputs, before.outputs, tolerance, spread)
        if found is None:
            return None
    return found


def pairs_of(before: Runs, after: Runs, heirs: Mapping[SSAValue, SSAValue]) -> dict[Key, Event]:
    """
    What of a run behind a pass has the numbers of what before it, both of one shape.

    Values are the same that the pass kept or put in each other's place; others, if as many of the
    same operator come from the same nodes on both sides.
    """
    found: dict[Key, Event] = {}
    turns = _turns(before), _turns(after)
    for event in after.events:
        old = heirs.get(event.value)
        if old is None or turns[0].get(old) != turns[1][event.value]:
            continue
        pair = before.table.get((old, event.turn))
        if pair is not None and pair.array.shape == event.array.shape:
            found[event.key] = pair
    taken = {pair.key for pair in found.values()}
    named = _named(e for e in before.events if e.key not in taken)
    for key, events in _named(e for e in after.events if e.key not in found).items():
        others = named.get(key, [])
        if [e.array.shape for e in events] == [e.array.shape for e in others]:
            found.update((x.key, y) for x, y in zip(events, others, strict=True))
    return found


def _turns(runs: Runs) -> dict[SSAValue, int]:
    """How often each value was computed."""
    return {event.value: event.turn + 1 for event in runs.events}


def _named(events: Iterable[Event]) -> dict[object, list[Event]]:
    """Results by ONNX nodes, operator and number."""
    found: dict[object, list[Event]] = {}
    for event in events:
        names = layer_names(event.op, event.turn)
        if names:
            number = next(i for i, v in enumerate(event.op.results) if v is event.value)
            found.setdefault((names, event.op.name, number), []).append(event)
    return found


def _all_equal(before: Runs, after: Runs, pairs: Pairs) -> bool:
    ours, theirs = after.outputs, before.outputs
    if any(not same_bits(ours[name], theirs[name]) for name in theirs):
        return False
    return all(same_bits(after.table[key].array, pair.array) for key, pair in pairs.items())


def _units(events: Iterable[Event], pairs: Pairs) -> dict[Key, float]:
    """
    For each shared value before the pass, the coarsest roundoff on the way to it behind the pass.

    The way begins at other shared values, which may be stored in narrower types behind the pass.
    """
    reached, found = dict[SSAValue, float](), dict[Key, float]()
    for event in events:
        own = roundoff(event.array)
        unit = max(own, *(reached.get(v, 0.0) for v in event.op.operands), 0.0)
        pair = pairs.get(event.key)
        if pair is not None:
            found[pair.key] = unit
            unit = own if event.array.dtype != pair.array.dtype else 0.0
        reached[event.value] = unit
    return found


def _forced(
    step: Step, before: Runs, after: Runs, pairs: Pairs, units: Mapping[Key, float]
) -> Departure | None:
    """The first shared value that is off when its operands are those of the run before."""

    def change(event: Event, parts: OnDevices) -> OnDevices:
        pair = pairs.get(event.key)
        return parts if pair is None else parts_of(pair.array, event.value, parts)

    _, events = after.changed(change)
    suspects = [e for e in events if e.key in pairs and not same_bits(e.array, pairs[e.key].array)]
    found = None
    for bounds in regional(before, units, step.numbers.change == "exact") if suspects else ():
        found = _first_off(suspects, pairs, bounds)
        if found is None:
            return None
    return found


def _first_off(
    suspects: Iterable[Event], pairs: Pairs, bounds: Mapping[Key, Array]
) -> Departure | None:
    for event in suspects:
        expected = pairs[event.key]
        found = departure(event.array, expected.array, bounds[expected.key])
        if found is not None:
            return Departure(event.op.name, layer_names(event.op, event.turn), *found)
    return None


def regional(
    before: Runs, shared: Mapping[Key, float], is_exact: bool
) -> Generator[dict[Key, Array]]:
    """
    How far each shared value may be off, by row, when all behind the last shared ones round.

    `shared` has the roundoff of the coarsest type on the way to each. The more of these are asked
    for, the more runs they rest on: `RUNS` in the end.
    """
    bounds: dict[Key, Array] = {}

    def noisy(random: np.random.Generator) -> Callable[[Event, OnDevices], OnDevices]:
        def change(event: Event, parts: OnDevices) -> OnDevices:
            noise = np.zeros(event.array.shape)
            if not is_exact or is_sum(event.op):
                noise = bound_of(event, shared.get(event.key, 0.0))
            if event.key not in shared:
                return with_noise(event, parts, noise, random)
            clean = before.table[event.key].array
            off = MARGIN * by_row(distance(event.array, clean) + noise)
            bounds[event.key] = np.maximum(bounds.get(event.key, 0.0), off)
            return parts_of(clean, event.value, parts)

        return change

    for seed in range(RUNS):
        before.changed(noisy(np.random.default_rng(seed)))
        yield bounds


def departure(
    got: Array, expected: Array, bound: Array | float
) -> tuple[tuple[int, ...], float, float, float] | None:
    """Where an array is further from another than it may be, both numbers, and the bound."""
    if got.shape != expected.shape:
        return (got.shape, float("nan"), float("nan"), 0.0)
    off = distance(got, expected)
    limit = np.broadcast_to(np.asarray(bound), off.shape)
    wrong = ~(off <= limit)
    if not wrong.any():
        return None
    index = tuple(int(i) for i in np.argwhere(wrong)[0])
    return index, float(got[index]), float(expected[index]), float(limit[index])


def outputs_depart(
    got: Mapping[str, Array],
    expected: Mapping[str, Array],
    tolerance: float,
    spread: Mapping[str, Array],
) -> Departure | None:
    """
    The first output that is off, where `spread` has how far each may be, at most the tolerance.

    What it has not must be equal. Tokens are not looked at unless they must.
    """
    for name, right in expected.items():
        if name not in spread or right.dtype.kind in "biu":
            limit = np.zeros(right.shape)
            if name == TOKENS and spread:
                continue
        else:
            size = np.where(np.isfinite(right), np.abs(right.astype(np.float64)), 0.0)
            limit = np.minimum(tolerance * np.maximum(by_row(size), 1.0), spread[name])
        found = departure(got[name], right, limit)
        if found is not None:
            return Departure(None, (name,), *found)
    return None
