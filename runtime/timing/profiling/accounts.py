"""Accounts: on what each cycle of each engine goes, and who pays for it.

An engine takes instructions in order. Between leaving the one before and leaving this one it works
for as long as the instruction says, and else it waits: until the instruction is issued for the
control processor, and from then on for what the event names. The end of the run closes each
account. So the accounts of an engine add up to the cycles of the run.

    left[k] - left[k - 1] = work[k] + waiting for its issue, for `first`, and for the last cause

Refresh is not an event of the model: it makes every beat longer (`runtime.timing.hbm`). Of the work
of the channels it has the share that it takes of all time.
"""

from collections import defaultdict
from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple

from runtime.timing.events import Cause, Engine, Event, Reason
from runtime.timing.hbm import rates
from runtime.timing.profiling.causes import WORK, Spent, waited_for
from runtime.timing.profiling.conserving import check_accounts
from runtime.timing.profiling.issuing import issuable
from runtime.timing.profiling.owed import CHANNELS
from runtime.timing.profiling.record import Record
from runtime.timing.profiling.turns import Nodes
from runtime.timing.scoreboard import NEVER


class Entry(NamedTuple):
    """Cycles of an engine that go on something, for some nodes; `on` are those that it waits for.

    `waits` says whether the engine stands still meanwhile.
    """

    engine: Engine
    spent: Spent
    waits: bool
    nodes: Nodes
    on: Nodes


Accounts = dict[Entry, Fraction]
"""Cycles by entry; whole ones, but for what refresh takes of the work of the channels."""


def accounts(run: Record) -> Accounts:
    """All cycles of all engines."""
    found: Accounts = defaultdict(Fraction)
    free = dict.fromkeys(Engine, 0)
    refresh = 1 - run.target.refresh_leaves
    for event, nodes, could in zip(run.events, run.nodes, issuable(run), strict=True):
        for entry, cycles in _control(run, event, nodes, free, could):
            found[entry] += cycles
        if event.engine is Engine.ICP:
            continue
        for entry, cycles in _engine(run, event, nodes, free[event.engine]):
            if entry.waits or event.engine not in CHANNELS:
                found[entry] += cycles
            else:
                found[entry] += cycles * (1 - refresh)
                found[entry._replace(spent=Spent.REFRESH)] += cycles * refresh
        free[event.engine] = event.left
    for engine, over in free.items():
        if run.cycles > over:
            found[Entry(engine, Spent.IDLE, True, (), ())] += run.cycles - over
    spent = ((entry.engine, entry.waits, cycles) for entry, cycles in found.items())
    check_accounts(run.cycles, run.work, spent)
    return dict(found)


def work_of(run: Record, event: Event) -> int:
    """The cycles in which its engine works for an event."""
    if event.engine in CHANNELS:
        return -(-event.busy // rates(run.target).units)
    return event.busy


Cycles = Iterator[tuple[Entry, int]]


def _engine(run: Record, event: Event, nodes: Nodes, before: int) -> Cycles:
    """What an engine did from when it was free up to when it has left an event behind."""
    taken, engine = event.left - before, event.engine
    work = min(taken, work_of(run, event))
    unissued = min(taken - work, max(0, event.issued - before))
    if work:
        yield Entry(engine, WORK[engine], False, nodes, ()), work
    if unissued:
        yield Entry(engine, Spent.CONTROL, True, nodes, ()), unissued
    rest, first = taken - work - unissued, event.first
    if sooner := min(rest, max(0, first.time - before - unissued)):
        yield _wait(run, engine, nodes, first), sooner
    if rest > sooner:
        yield _wait(run, engine, nodes, Reason(0, event.cause, event.waited)), rest - sooner


def _wait(run: Record, engine: Engine, nodes: Nodes, reason: Reason) -> Entry:
    """An engine that waits for something."""
    _, cause, waited = reason
    if waited == NEVER:
        return Entry(engine, waited_for(cause, None), True, nodes, ())
    spent = waited_for(cause, run.events[waited].engine)
    return Entry(engine, spent, True, nodes, run.nodes[waited])


def _control(
    run: Record, event: Event, nodes: Nodes, free: dict[Engine, int], could: int
) -> Cycles:
    """What the control processor did since it was free: it issues, and waits for words, scalars and
    queues. It `could` go on at a time, if it waited for words alone.
    """
    before, is_own = free[Engine.ICP], event.engine is Engine.ICP
    work = event.busy if is_own else run.issuing(event)
    over = free[Engine.ICP] = event.left if is_own else event.issued
    if work:
        yield Entry(Engine.ICP, Spent.CONTROL, False, nodes, ()), work
    words = could - before - (0 if is_own else work)
    if words:
        yield Entry(Engine.ICP, Spent.CONTROL, True, nodes, ()), words
    if wait := over - before - work - words:
        if is_own:
            yield _wait(run, Engine.ICP, nodes, event.first), wait
        else:
            spent = waited_for(Cause.QUEUE, event.engine)
            yield Entry(Engine.ICP, spent, True, nodes, ()), wait
