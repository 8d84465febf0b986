"""Engines of which the library goes through instructions, as far as it can.

It leaves what may end the run to `Engines`. Between the two all that engines know is
handed over (`state`), and whoever wants to know it asks for it (`settle`).
"""

import ctypes
from collections.abc import Iterator, Sequence

import numpy as np

from runtime.isa.spec import Inst
from runtime.native.channels import Ints, address
from runtime.native.engines import WORK, Machine
from runtime.target import Target
from runtime.timing.batches.plain import Batches, Given
from runtime.timing.batches.state import CAUSES, KINDS, State
from runtime.timing.engines import engine_of
from runtime.timing.events import Event, Reason
from runtime.timing.granules import NativeLmuScoreboard
from runtime.timing.hbm import NOTHING, Border, Bordering
from runtime.timing.scoreboard import packed
from runtime.timing.streams import NativeFifo
from runtime.timing.work import Work

REMEMBERED = 1 << 12
"""Works of instructions."""
Known = tuple[Work, bytes, int]


class NativeEngines(Batches):
    """The same engines; `_is_ahead` if the library went further than they know."""

    def __init__(self, target: Target, borders: Bordering, library: ctypes.CDLL) -> None:
        super().__init__(target, borders)
        self.lmu = NativeLmuScoreboard(target.lmu_bytes, target.lmu_granule, library)
        self.fifo = NativeFifo(target, library)
        known, t = self.rates, target
        constant = (
            t.control_latency, t.fetch_cycles, t.issue_latency, t.queue_depth, known.to_write,
            known.to_read, t.link_hop_latency,
        )  # fmt: skip
        parts = self.lmu.board.at, self.fifo.filling.at
        self._machine = Machine(library, constant, parts, t.queue_depth)
        self._state = State(self._machine)
        self._is_ahead = False
        self._known: dict[tuple[int, int], Known] = {}

    def several(self, steps: Sequence[Given], borders: Sequence[Border | None]) -> Iterator[Event]:
        given, at, beats = self._given(steps, borders), 0, 0
        while at < len(steps):
            if not self._is_ahead:
                self._state.give(self, beats, steps[at][2].near.needed.size)
                self._is_ahead = True
            unsent = self._state.unsent
            done, found, beats = self._machine.execute(given[at:], len(steps) - at, unsent)
            yield from _events(found)
            at += done
            if at == len(steps):
                return
            self.settle()
            if not beats:
                yield from super().several(steps[at : at + 1], borders[at : at + 1])
                at += 1

    def execute(
        self, pc: int, inst: Inst, work: Work, base: int = 0, border: Border | None = None
    ) -> list[Event]:
        self.settle()
        return super().execute(pc, inst, work, base, border)

    def settle(self) -> None:
        if self._is_ahead:
            self._state.take(self)
            self._is_ahead = False

    def _given(self, steps: Sequence[Given], borders: Sequence[Border | None]) -> Ints:
        """Instructions as the library takes them."""
        if len(self._known) > REMEMBERED:
            self._known.clear()
        found = list[tuple[int, int, int, int, int]]()
        for (pc, inst, work, base), border in zip(steps, borders, strict=True):
            known = self._known.get((pc, id(work)))
            if known is None:
                known = self._known[pc, id(work)] = self._work(pc, inst, work)
            (low, high, _), (total, banks) = work.far, border or NOTHING
            found.append((known[2], low + base, high + base, total, banks))
        return np.array(found, np.int64)

    def _work(self, pc: int, inst: Inst, work: Work) -> Known:
        near = work.near
        self._machine.need(max(near.needed.size, near.ends.size), work.beats)
        numbers = (
            pc, KINDS.index(engine_of(inst)), inst.WORDS, work.steps, work.latency, work.bytes,
            work.beats, work.units, work.jumps, work.far.writes,
        )  # fmt: skip
        given = WORK.pack(*numbers) + packed(near)
        return work, given, address(np.frombuffer(given, np.int64))


def _events(found: Ints) -> Iterator[Event]:
    """Events that the library found."""
    for row in found.tolist():
        (
            number, pc, engine, issued, start, ready, left, end, busy, size, cause, waited, time,
            why, behind,
        ) = row  # fmt: skip
        yield Event(
            number, pc, KINDS[engine], issued, start, ready, left, end, busy, size, CAUSES[cause],
            waited, Reason(time, CAUSES[why], behind),
        )  # fmt: skip
