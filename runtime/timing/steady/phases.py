"""The phase of a machine: all that matters of what it did so far, counted from now."""

from typing import NamedTuple

from runtime.order.ranges import Range
from runtime.target import Target
from runtime.timing.batches import Batches, engines_of
from runtime.timing.engines import Engines
from runtime.timing.events import Engine
from runtime.timing.hbm import Bordering
from runtime.timing.steady.clocks import Clocks, Far, Near, Sides
from runtime.timing.steady.filling import Ended, Filling
from runtime.timing.steady.since import Now


class Phase(NamedTuple):
    """Two machines with equal phases do the same, if the same comes next."""

    clocks: Clocks
    near: Near
    writes: Far
    streams: Far
    filling: Filling
    sides: Sides

    def accesses(self, now: Now) -> set[int]:
        """The instructions of whose bytes in HBM somebody may ask."""
        far = {wait.number for part in (self.writes, self.streams) for wait in part.pending}
        return {now.number_of(n) for n in far | {held.number for held in self.filling.held}}


def now_of(engines: Engines) -> Now:
    """Where a machine stands."""
    time, fifo = engines.free[Engine.ICP].time, engines.fifo
    return Now(time, engines.number, fifo.total, fifo.bills.count)


def phase_of(engines: Engines) -> Phase:
    """The phase of a machine behind an instruction."""
    now = now_of(engines)
    return Phase(
        Clocks.of(engines, now), Near.of(engines.lmu, now), Far.of(engines.writes, now),
        Far.of(engines.streams, now), Filling.of(engines.fifo, list(engines.pushed), now),
        Sides.of(engines.links, now),
    )  # fmt: skip


def ranges_of(engines: Engines) -> dict[int, Range]:
    """The bytes in HBM of all accesses that a phase has, by their instructions."""
    pending = (*engines.writes.pending, *engines.streams.pending)
    held = {panel.number: panel.range for panel in engines.fifo.undrained}
    return {wait.waited: of for of, wait in pending} | held


def resumed(
    target: Target, phase: Phase, now: Now, ranges: dict[int, Range], before: Ended,
    borders: Bordering,
) -> Batches:  # fmt: skip
    """A machine that stands somewhere in a phase; `ranges` are those of `phase.accesses`. What is
    no part of the phase, since it was long ago, was `before`.
    """
    engines = engines_of(target, borders)
    engines.number = now.number
    phase.clocks.resume(engines, now)
    phase.near.resume(engines.lmu, now)
    phase.writes.resume(engines.writes, now, ranges)
    phase.streams.resume(engines.streams, now, ranges)
    engines.pushed.extend(phase.filling.resume(engines.fifo, now, ranges, before))
    phase.sides.resume(engines.links, now)
    return engines
