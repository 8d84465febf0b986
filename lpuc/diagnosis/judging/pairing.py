"""Which values of a run behind a pass have the numbers of which before it."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping

from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue

from lpuc.diagnosis.judging.runs import Runs
from lpuc.diagnosis.judging.traces import Event, Key, layer_names

Pairs = Mapping[Key, Event]
"""For what one run computed, what computed the same in the run before the pass."""


def pairs_of(
    before: Runs,
    after: Runs,
    heirs: Mapping[SSAValue, SSAValue],
    live: Container[SSAValue] | None = None,
) -> dict[Key, Event]:
    """
    What of a run behind a pass has the numbers of what before it, both of one shape.

    Values are the same that the pass kept or put in each other's place; others, if as many of the
    same operator come from the same nodes on both sides. Of those behind the pass only what is
    `live` counts, if that is told: what a pass has left unused stands for nothing.
    """
    found: dict[Key, Event] = {}
    turns = _turns(before), _turns(after)
    events = [e for e in after.events if live is None or e.value in live]
    for event in events:
        old = heirs.get(event.value)
        if old is None or turns[0].get(old) != turns[1][event.value]:
            continue
        pair = before.table.get((old, event.turn))
        if pair is not None and pair.array.shape == event.array.shape:
            found[event.key] = pair
    taken = {pair.key for pair in found.values()}
    named = _named(e for e in before.events if e.key not in taken)
    for key, ours in _named(e for e in events if e.key not in found).items():
        others = named.get(key, [])
        if [e.array.shape for e in ours] == [e.array.shape for e in others]:
            found.update((x.key, y) for x, y in zip(ours, others, strict=True))
    if live is not None:
        _settle(found, events, before, after)
    return found


def _settle(found: dict[Key, Event], events: Iterable[Event], before: Runs, after: Runs) -> None:
    """Where a pass has left two versions of a value, in two types, none of them stands for it."""
    theirs = _named(before.events)
    takers = {pair.key: key for key, pair in found.items()}
    for key, ours in _named(e for e in events if e.key not in found).items():
        others = theirs.get(key, [])
        if [e.array.shape for e in ours] != [e.array.shape for e in others]:
            continue
        for one, other in zip(ours, others, strict=True):
            taker = takers.get(other.key)
            if taker is not None and after.table[taker].array.dtype != one.array.dtype:
                del found[taker]


def live_values(module: ModuleOp) -> set[SSAValue]:
    """What leads to what leaves the functions of a module, or to a state."""
    found: set[SSAValue] = set()
    for op in module.walk(reverse=True):
        if op.regions or not op.results or not found.isdisjoint(op.results):
            found.update(op.operands)
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
