"""What a run keeps: work is neither lost nor done twice, and an engine has one at a time.

Of events that are kept there is one for each instruction, and their sums are what was executed
(`owed`). Each engine serves them one behind the other, within their time, and products take all
that was streamed. So what an engine works and what it waits for is the run; accounts and the
critical path are held to that.

What does not add up is a fault of the model of the machine, not of a program: an AssertionError,
with the engine and both figures.
"""

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from operator import attrgetter

import numpy as np
from numpy.typing import NDArray

from runtime.target import Target
from runtime.timing.events import Engine, Event
from runtime.timing.hbm import rates
from runtime.timing.profiling.owed import CHANNELS, Owed, Sums

Ints = NDArray[np.int64]
FIELDS = ("number", "issued", "start", "left", "busy", "bytes")
Table = Mapping[str, Ints]
"""Events in the order of their numbers, a column of each field."""
_fields = attrgetter(*FIELDS)


def worked(
    events: Sequence[Event], words: Ints, owed: Owed, panels: int, target: Target
) -> dict[Engine, int]:
    """The cycles in which engines work, of a run that adds up.

    Instructions take so many `words`, and products so many bytes of `panels`.
    """
    columns = np.array([_fields(event) for event in events], np.int64).reshape(-1, len(FIELDS)).T
    table: Table = dict(zip(FIELDS, columns, strict=True))
    engines = np.array([ENGINES[event.engine] for event in events], np.int64)
    each = {engine: _only(table, engines == at) for engine, at in ENGINES.items()}
    sums = {engine: _sums(rows) for engine, rows in each.items()}
    owed.compare(sums)
    if (wrong := np.flatnonzero(table["number"] != np.arange(len(events)))).size:
        raise AssertionError(f"instruction {wrong[0]} of the run has no event, or several")
    if (streamed := sums[Engine.STREAM].bytes) != panels:
        raise AssertionError(f"{Engine.SXE}: products take {panels} bytes of {streamed} streamed")
    control = _control(table, engines == ENGINES[Engine.ICP], words * target.control_latency)
    units = rates(target).units
    return {e: _work(e, rows, units) for e, rows in each.items()} | {Engine.ICP: control}


ENGINES = {engine: number for number, engine in enumerate(Engine)}


def _only(table: Table, rows: NDArray[np.bool_]) -> Table:
    return {name: column[rows] for name, column in table.items()}


def _sums(table: Table) -> Sums:
    return Sums(table["number"].size, int(table["busy"].sum()), int(table["bytes"].sum()))


def _work(engine: Engine, table: Table, units: int) -> int:
    """Those of an engine: it takes up an instruction once it has left the one before.

    It works no longer than until it leaves that. Cycles of channels are begun ones.
    """
    start, left, busy, number = (table[name] for name in ("start", "left", "busy", "number"))
    units, before = units if engine in CHANNELS else 1, _before(left)
    if (early := np.flatnonzero(start < before)).size:
        at = early[0]
        raise AssertionError(
            f"{engine}: instruction {number[at]} is taken up at {start[at]}, before the one in "
            f"front of it is left at {before[at]}"
        )
    if (over := np.flatnonzero(busy // units > left - start)).size:
        at = over[0]
        raise AssertionError(
            f"{engine}: instruction {number[at]} keeps it busy for {busy[at] // units} cycles "
            f"between {start[at]} and {left[at]}"
        )
    return int(np.minimum(left - before, -(-busy // units)).sum())


def _control(table: Table, is_own: NDArray[np.bool_], issuing: Ints) -> int:
    """Those of the control processor, which issues instructions of others, one after the other."""
    over = np.where(is_own, table["left"], table["issued"])
    work = np.where(is_own, table["busy"], issuing)
    before = _before(over)
    if (early := np.flatnonzero(over - before < work)).size:
        at = early[0]
        raise AssertionError(
            f"{Engine.ICP}: instruction {at} takes {work[at]} cycles between {before[at]} and "
            f"{over[at]}"
        )
    return int(work.sum())


def _before(times: Ints) -> Ints:
    """For each instruction the time of the one in front of it."""
    return np.append(0, times)[:-1]


def check_accounts(
    cycles: int, work: Mapping[Engine, int], found: Iterable[tuple[Engine, bool, Fraction]]
) -> None:
    """Of a run: what engines spend, waiting or not, is what they work, and the run."""
    spent, waited = dict.fromkeys(Engine, Fraction()), dict.fromkeys(Engine, Fraction())
    for engine, waits, amount in found:
        (waited if waits else spent)[engine] += amount
    for engine in Engine:
        if spent[engine] != work[engine]:
            raise AssertionError(
                f"{engine}: accounts have {spent[engine]} cycles of work, events {work[engine]}"
            )
        if spent[engine] + waited[engine] != cycles:
            raise AssertionError(
                f"{engine}: {spent[engine]} cycles of work and {waited[engine]} of waiting are "
                f"not the {cycles} of the run"
            )


def check_path(cycles: int, pieces: Sequence[tuple[Engine, int, int]]) -> None:
    """Of a run: the pieces of its critical path follow each other from the first cycle on."""
    at = 0
    for engine, begin, end in pieces:
        if begin != at or end < begin:
            raise AssertionError(
                f"{engine}: a piece of the critical path goes from {begin} to {end}, the one in "
                f"front of it ends at {at}"
            )
        at = end
    if at != cycles:
        raise AssertionError(f"the critical path has {at} cycles of the {cycles} of the run")
