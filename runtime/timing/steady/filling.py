"""The part of a phase that the operand FIFO has: panels, room, and the bills of transfers."""

from itertools import accumulate, repeat
from typing import NamedTuple, Self

import numpy as np

from runtime.order.ranges import Range
from runtime.timing.chaining import Ints
from runtime.timing.events import Cause, Reason
from runtime.timing.scoreboard import NONE, Wait
from runtime.timing.steady.since import NOBODY, Now, Since
from runtime.timing.streams import Fifo, Panel
from runtime.timing.streams.bills import Bills
from runtime.timing.streams.room import Ledger

LONG_AGO = -(1 << 60)
"""A time at which nobody looks."""
REST = 256
"""Cycles that a border takes at most, of turns that are remembered (`runtime.timing.hbm.borders`):
who comes so long behind what keeps the channels busy does not wait for it."""


class Ended(NamedTuple):
    """When the last stream ended and the last bills were paid, in units, however long ago."""

    last: int
    paid: int

    @classmethod
    def of(cls, fifo: Fifo) -> Self:
        """Those of a machine."""
        return cls(fifo.before.time, fifo.bills.idle + fifo.bills.served)


class Begun(NamedTuple):
    """What is known of a panel that is taken up and not sent: when that was, since when there was
    room, and up to when its bytes are requested; and what it waited for.
    """

    begun: int
    ready: int
    last: int
    cause: Cause
    waited: int
    first: tuple[int, Cause, int]

    @classmethod
    def of(cls, panel: Panel, now: Now, unit: int) -> Self | None:
        """That of a panel."""
        if panel.begun is None:
            return None
        fine, first = now.time * unit, panel.first
        return cls(
            panel.begun - fine, panel.ready - fine, panel.last - fine, panel.cause,
            now.named(panel.waited), (first.time - now.time, first.cause, now.named(first.waited)),
        )  # fmt: skip

    def resume(self, panel: Panel, now: Now, unit: int) -> None:
        """Give it to a panel."""
        fine = now.time * unit
        panel.begun, panel.ready, panel.last = (part + fine for part in self[:3])
        panel.cause, panel.waited = self.cause, now.number_of(self.waited)
        time, cause, waited = self.first
        panel.first = Reason(time + now.time, cause, now.number_of(waited))


class Unsent(NamedTuple):
    """A panel of which not all bytes are requested."""

    pc: int
    units: int
    issued: int
    bills: int
    hazard: Since | None
    border: int
    begun: Begun | None

    @classmethod
    def of(cls, panel: Panel, now: Now, unit: int) -> Self | None:
        """That of a panel, None of one that is sent."""
        if panel.sent:
            return None
        is_late = panel.hazard.time > panel.issued
        hazard = now.since(panel.hazard) if is_late else None
        return cls(
            panel.pc, panel.units, panel.issued - now.time, panel.bills - now.bills, hazard,
            panel.border, Begun.of(panel, now, unit),
        )  # fmt: skip


class Held(NamedTuple):
    """A panel that is not drained; what arrived before now is there."""

    number: int
    size: int
    beats: int
    base: int
    asked: int
    arrived: bytes
    unsent: Unsent | None

    @classmethod
    def of(cls, panel: Panel, came: Ints, now: Now, unit: int) -> Self:
        """That of a panel, whose beats `came` in some cycles."""
        arrived = np.where(came >= now.time, came - now.time, LONG_AGO)
        return cls(
            now.named(panel.number), panel.size, panel.beats, panel.base - now.total, panel.asked,
            arrived.tobytes(), Unsent.of(panel, now, unit),
        )  # fmt: skip

    def panel(self, now: Now, unit: int, ranges: dict[int, Range]) -> Panel:
        """What it was made of."""
        unsent, number = self.unsent or SENT, now.number_of(self.number)
        found = Panel(
            number, unsent.pc, self.size, self.beats, unsent.units, ranges[number],
            unsent.issued + now.time, self.base + now.total, unsent.bills + now.bills,
            now.waits(unsent.hazard), unsent.border, self.asked,
        )  # fmt: skip
        if unsent.begun is not None:
            unsent.begun.resume(found, now, unit)
        return found

    def came(self, now: Now) -> Ints:
        """In which cycles its beats came."""
        return np.frombuffer(self.arrived, np.int64) + now.time


NOWHERE = Range(0, 0, False)
SENT = Unsent(0, 0, 0, 0, None, 0, Begun(0, 0, 0, Cause.ISSUE, NOBODY, (0, Cause.ISSUE, NOBODY)))
"""What nobody asks of a panel that is sent."""


class Room(NamedTuple):
    """Bytes that are free again, counted from all that were streamed.

    Up to `long` they are free for so long that nobody waits.
    """

    long: int | None
    upto: bytes
    times: bytes

    @classmethod
    def of(cls, freed: Ledger, lowest: int, now: Now) -> Self:
        """That of a machine in which nobody asks for less than some bytes."""
        begin = min(int(np.searchsorted(freed.bytes, lowest)), freed.bytes.size - 1)
        upto, times = freed.bytes[begin:], freed.times[begin:]
        old = int(np.searchsorted(times, now.time))
        return cls(
            int(upto[old - 1]) - now.total if old else None,
            (upto[old:] - now.total).tobytes(), (times[old:] - now.time).tobytes(),
        )  # fmt: skip

    def resume(self, freed: Ledger, now: Now) -> None:
        """Give it to a machine."""
        upto = np.frombuffer(self.upto, np.int64) + now.total
        times = np.frombuffer(self.times, np.int64) + now.time
        if self.long is not None:
            upto, times = np.append(self.long + now.total, upto), np.append(0, times)
        freed.drop(1)
        freed.append(upto, times)


class Owing(NamedTuple):
    """Bills that are not paid and when streams are served, in units, behind the oldest of them or
    from now on. `paid` is when others are, if that is not long ago.
    """

    open: tuple[tuple[int, int], ...]
    lows: bytes
    highs: bytes
    paid: int | None

    @classmethod
    def of(cls, bills: Bills, now: Now, unit: int) -> Self:
        """Those of a machine."""
        fine = now.time * unit
        low = min([fine, *(issued for issued, _ in bills.open)])
        lows, highs = _merged(bills, low)
        paid, recent = bills.idle + bills.served, min(low, fine - REST * unit)
        return cls(
            tuple((issued - fine, units) for issued, units in bills.open),
            (np.maximum(lows, low) - fine).tobytes(), (highs - fine).tobytes(),
            paid - fine if paid >= recent else None,
        )  # fmt: skip

    def resume(self, bills: Bills, now: Now, unit: int, paid: int) -> None:
        """Give them to a machine: nothing was served before the first of these times."""
        fine = now.time * unit
        bills.open.extend((issued + fine, units) for issued, units in self.open)
        bills.count, bills.settled = now.bills, now.bills - len(self.open)
        lows, highs = (np.frombuffer(part, np.int64) + fine for part in (self.lows, self.highs))
        if lows.size:
            bills.serve(lows, highs)
        bills.idle = (paid if self.paid is None else self.paid + fine) - bills.served


def _merged(bills: Bills, low: int) -> tuple[Ints, Ints]:
    """When streams are served without a rest, behind a time."""
    lows, highs = bills.runs.column(0), bills.runs.column(1)
    first = int(np.searchsorted(highs, low, "right"))
    lows, highs = lows[first:], highs[first:]
    rests = np.flatnonzero(lows[1:] > highs[:-1])
    return lows[np.append(0, rests + 1)[: lows.size]], highs[np.append(rests, -1)[: lows.size]]


class Filling(NamedTuple):
    """All of it. `pushed` are the panels that may be in the queue, and when they left it; `last` is
    the stream that ended last, and when, if that is not long ago.
    """

    held: tuple[Held, ...]
    pushed: tuple[tuple[int, int | None], ...]
    last: tuple[int | None, int]
    earliest: int | None
    drainer: int
    room: Room
    owing: Owing

    @classmethod
    def of(cls, fifo: Fifo, pushed: list[Panel], now: Now) -> Self:
        """That of a machine."""
        unit, before, fine = fifo.unit, fifo.before, now.time * fifo.unit
        ago = fine - REST * unit
        queued = [panel for panel in pushed if panel.begun is None or panel.begun > fine - unit]
        waiting = [panel.issued * unit for panel in fifo.unsent if panel.begun is None]
        asked = [p.base + p.size * p.asked // max(1, p.beats) for p in fifo.unsent]
        ends = accumulate(panel.asked for panel in fifo.undrained)
        came = np.split(fifo.arrivals.column(0), list(ends))
        return cls(
            tuple(map(Held.of, fifo.undrained, came, repeat(now), repeat(unit))),
            tuple((now.named(p.number), _since(p.begun, fine)) for p in queued),
            (before.time - fine if before.time >= ago else None, now.named(before.waited)),
            fifo.earliest - fine if fifo.earliest >= min([fine, *waiting]) else None,
            now.named(fifo.drainer),
            Room.of(fifo.freed, min([now.total, *asked]) - fifo.depth, now),
            Owing.of(fifo.bills, now, unit),
        )  # fmt: skip

    def resume(self, fifo: Fifo, now: Now, ranges: dict[int, Range], before: Ended) -> list[Panel]:
        """Give it to a machine; the panels that are pushed. What is long ago was `before`."""
        unit, fine = fifo.unit, now.time * fifo.unit
        panels = [held.panel(now, unit, ranges) for held in self.held]
        fifo.undrained.extend(panels)
        fifo.unsent.extend(panel for panel in panels if not panel.sent)
        ended, number = self.last
        last = before.last if ended is None else ended + fine
        fifo.before = Wait(last, now.number_of(number))
        fifo.earliest = 0 if self.earliest is None else self.earliest + fine
        fifo.total, fifo.drainer = now.total, now.number_of(self.drainer)
        fifo.arrivals.append(np.concatenate((NONE, *(held.came(now) for held in self.held))))
        self.room.resume(fifo.freed, now)
        self.owing.resume(fifo.bills, now, unit, before.paid)
        known = {panel.number: panel for panel in panels}
        found = list[Panel]()
        for named, begun in self.pushed:
            number = now.number_of(named)
            panel = known.get(number) or Panel(number, 0, 0, 0, 0, NOWHERE, 0, 0, 0, Wait(0))
            panel.begun = None if begun is None else begun + fine
            found.append(panel)
        return found


def _since(begun: int | None, fine: int) -> int | None:
    return None if begun is None else begun - fine
