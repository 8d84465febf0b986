"""What engines know, as they have it and as the library has it (`struct engines`)."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from runtime.native.channels import Ints, address
from runtime.native.engines import HELD, Machine
from runtime.order.ranges import Range
from runtime.timing.engines import Engines
from runtime.timing.events import Cause, Engine, Reason
from runtime.timing.links import OTHER, Links, Sent
from runtime.timing.scoreboard import Wait
from runtime.timing.streams import NativeFifo, Panel
from runtime.timing.streams.room import Rows

KINDS = tuple(Engine)
CAUSES = tuple(sorted(Cause))
"""Those of engines.h; causes in the order of their names, as reasons are compared."""
NUMBERS = {cause: number for number, cause in enumerate(CAUSES)}
MORE = 1 << 6
"""Rows for which there is room beside those that are there."""


class Read(NamedTuple):
    """The numbers of `struct engines` from `number` on, apart."""

    clocks: Sequence[int]
    queues: Sequence[int]
    rows: Sequence[int]
    sides: Sequence[int]
    panels: Sequence[int]
    more: Sequence[int]

    @staticmethod
    def of(numbers: Sequence[int]) -> Read:
        """Those that the library has."""
        ends = (24, 24 + 3 * len(KINDS), 63, 81, 87, len(numbers))
        begins = (0, *ends[:-1])
        return Read(*(numbers[low:high] for low, high in zip(begins, ends, strict=True)))


class State:
    """Hands it over; the library has rows and panels in arrays that stay here."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self._bills, self._writes, self._streams = Rows(2, MORE), Rows(4, MORE), Rows(4, MORE)
        self._sent = {side: (Rows(2, MORE), Rows(2, MORE)) for side in OTHER}
        self._panels: Ints = np.zeros((MORE, HELD), np.int64)

    @property
    def unsent(self) -> int:
        """Panels that are not sent."""
        _, unsent, high, *_ = Read.of(self.machine.take()).panels
        return high - unsent

    def give(self, engines: Engines, beats: int, granules: int) -> None:
        """Tell the library what engines know.

        The next instruction may have so many beats and granules.
        """
        fifo, bills, more = engines.fifo, engines.fifo.bills, granules + MORE
        assert isinstance(fifo, NativeFifo)
        fifo.filling.give(bills.served, beats + MORE)
        clocks = [
            engines.number, engines.wrote, engines.fetch.begun, engines.fetch.words, *engines.bus,
            *(number for engine in KINDS for number in engines.free[engine]),
        ]  # fmt: skip
        rows = [
            *_given(self._bills, bills.open, more),
            *_given(self._writes, map(_access, engines.writes.pending), more),
            *_given(self._streams, map(_access, engines.streams.pending), more),
        ]
        counts = [len(engines.queues[engine]) for engine in KINDS]
        for engine, waits in zip(KINDS, self.machine.queues, strict=True):
            if queue := engines.queues[engine]:
                waits[: len(queue)] = queue
        ended = [
            *fifo.before, fifo.earliest, fifo.total, fifo.drainer, bills.count, bills.settled,
            bills.idle,
        ]  # fmt: skip
        known = [*rows, *self._sides(engines.links, more), *self._held(engines, more), *ended]
        self.machine.give(clocks, counts, known)

    def _sides(self, links: Links, more: int) -> list[int]:
        """Messages on their way, when others were received, and room for more."""
        found = list[int]()
        for side, (sent, received) in self._sent.items():
            rows = (row for message in links.sent[side] for row in _message(message))
            found += [*_given(sent, rows, more), *_given(received, links.received[side], more)]
            found.append(links.room[side])
        return found

    def _held(self, engines: Engines, more: int) -> list[int]:
        """Panels that are not drained or may be in the queue, oldest first, and what they are."""
        fifo, pushed = engines.fifo, list(engines.pushed)
        held = list(fifo.undrained)
        older = pushed[: max(0, len(pushed) - len(held))]
        every = [*older, *held]
        self.machine.need(0, max((panel.beats for panel in held), default=0))
        if len(every) + more > len(self._panels):
            self._panels = np.zeros((2 * (len(every) + more), HELD), np.int64)
        if every:
            self._panels[: len(every)] = [_numbers(panel) for panel in every]
        return [
            len(older), len(every) - len(fifo.unsent), len(every), len(pushed), len(self._panels),
            address(self._panels),
        ]  # fmt: skip

    def take(self, engines: Engines) -> None:
        """Let engines know what the library does."""
        read, fifo, bills = Read.of(self.machine.take()), engines.fifo, engines.fifo.bills
        assert isinstance(fifo, NativeFifo)
        bills.served = fifo.filling.take()
        engines.number, wrote, engines.fetch.begun, engines.fetch.words, *clocks = read.clocks
        engines.wrote = wrote > 0
        engines.bus, *free = _waits(clocks)
        for engine, wait in zip(KINDS, free, strict=True):
            engines.free[engine] = wait
        queues = zip(KINDS, self.machine.queues, read.queues[::3], read.queues[1::3], strict=True)
        for engine, waits, first, count in queues:
            queue: list[list[int]] = waits.tolist() if count else []
            queue = (queue[first:] + queue[:first])[:count]
            depth = engines.target.queue_depth
            engines.queues[engine] = deque((Wait(*wait) for wait in queue), depth)
        owed = _taken(self._bills, read.rows[:4])
        bills.open = deque((issued, units) for issued, units in owed)
        engines.writes.pending = _pending(_taken(self._writes, read.rows[4:8]), True)
        engines.streams.pending = _pending(_taken(self._streams, read.rows[8:]), False)
        self._take_sides(engines.links, read.sides)
        self._take_panels(engines, read.panels)
        time, number, fifo.earliest, fifo.total, fifo.drainer, *more = read.more[:8]
        fifo.before = Wait(time, number)
        bills.count, bills.settled, bills.idle = more

    def _take_sides(self, links: Links, numbers: Sequence[int]) -> None:
        for at, (side, (sent, received)) in zip((0, 9), self._sent.items(), strict=True):
            links.sent[side] = _messages(_taken(sent, numbers[at : at + 4]))
            waits = _taken(received, numbers[at + 4 : at + 8])
            links.received[side] = deque(Wait(*wait) for wait in waits)
            links.room[side] = numbers[at + 8]

    def _take_panels(self, engines: Engines, numbers: Sequence[int]) -> None:
        undrained, unsent, high, pushed, *_ = numbers
        first = min(undrained, high - pushed)
        panels = [_panel(row) for row in self._panels[first:high].tolist()]
        engines.fifo.undrained = deque(panels[undrained - first :])
        engines.fifo.unsent = deque(panels[unsent - first :])
        engines.pushed = deque(panels[high - pushed - first :], engines.target.queue_depth)


def _given(rows: Rows, values: Iterable[Sequence[int]], more: int) -> list[int]:
    """Rows as the library takes them."""
    several = list(values)
    rows.drop(rows.high - rows.low)
    rows.reserve(len(several) + more)
    if several:
        rows.append(*np.array(several, np.int64).T)
    return [rows.low, rows.high, rows.size, address(rows.values)]


def _taken(rows: Rows, numbers: Sequence[int]) -> list[list[int]]:
    """Rows as the library left them."""
    rows.low, rows.high, *_ = numbers
    return rows.values[:, rows.low : rows.high].T.tolist()


def _access(access: tuple[Range, Wait]) -> tuple[int, ...]:
    (low, high, _), wait = access
    return low, high, *wait


def _pending(rows: Iterable[Sequence[int]], writes: bool) -> deque[tuple[Range, Wait]]:
    return deque((Range(low, high, writes), Wait(*wait)) for low, high, *wait in rows)


def _message(of: Sent) -> Iterator[tuple[int, int]]:
    """The rows of a message."""
    lags = of.lags.tolist()
    yield of.number, len(lags) - 1
    yield from zip((0, *of.begins.tolist()), lags, strict=True)


def _messages(rows: Sequence[Sequence[int]]) -> deque[Sent]:
    """What they were made of."""
    found, at = deque[Sent](), 0
    while at < len(rows):
        number, more = rows[at]
        begins, lags = np.array(rows[at + 1 : at + more + 2], np.int64).T
        found.append(Sent(number, begins[1:].copy(), lags.copy()))
        at += more + 2
    return found


def _waits(numbers: Sequence[int]) -> list[Wait]:
    return [Wait(*pair) for pair in zip(numbers[::2], numbers[1::2], strict=True)]


def _numbers(panel: Panel) -> tuple[int, ...]:
    """A panel as `struct held`."""
    p, (time, cause, waited) = panel, panel.first
    return (
        p.base, p.size, p.beats, p.units, p.asked, p.last, p.ready, 0, p.number, p.pc,
        p.range.low, p.range.high, p.issued, p.bills, *p.hazard, p.border, p.begun is not None,
        p.begun or 0, 0, NUMBERS[p.cause], p.waited, time, NUMBERS[cause], waited,
    )  # fmt: skip


def _panel(row: Sequence[int]) -> Panel:
    """What it was made of."""
    (
        base, size, beats, units, asked, last, ready, _, number, pc, low, high, issued, bills,
        hazard, behind, border, is_begun, begun, _, cause, waited, time, why, first,
    ) = row  # fmt: skip
    return Panel(
        number, pc, size, beats, units, Range(low, high, False), issued, base, bills,
        Wait(hazard, behind), border, asked, begun if is_begun else None, CAUSES[cause], waited,
        Reason(time, CAUSES[why], first), ready, last,
    )  # fmt: skip
