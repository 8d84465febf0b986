"""The queue of streams and the operand FIFO: `stream` fills it and `vecmat` drains it.

A panel of B bytes passes the channels in n beats and the MAC trees in G tiles. Beat i carries its
share of the bytes, takes its share of the units, and holds the tiles from G i // n up to
G (i + 1) // n. With D bytes of FIFO and `latency` cycles to HBM:

    requested[i] = max(requested[i - 1] + units of beat i - 1, all but D bytes up to i are free)
    arrived[i]   = requested[i] + units of beat i, in whole cycles, + latency
    drained[i]   = max(drained[i - 1], arrived[i]) + tiles of beat i, which also wait for granules

A beat frees its bytes when it is drained.

The recurrences run over all panels together, by windows of what is known: as far as the FIFO has
room for beats, and as far as beats have arrived for tiles. Subtracting what beats or tiles take by
themselves makes each a running maximum, so no window is a loop. A product goes on as if its beats
found room at once, and keeps what follows from that up to the first beat that does not.
"""

from collections import deque

import numpy as np

from runtime.order.ranges import Range, meet
from runtime.target import Target
from runtime.timing.chaining import Ints
from runtime.timing.events import Cause, Reason
from runtime.timing.hbm import rates
from runtime.timing.scoreboard import NEVER, Needs, Wait
from runtime.timing.streams.bills import Bills
from runtime.timing.streams.panels import Drain, Panel, shares
from runtime.timing.streams.room import WINDOW, Ledger, Window
from runtime.traps import Trap, TrapKind

AHEAD = 1 << 4
"""Beats for which room is supposed behind some that did not find it."""


class Fifo:
    """The streams of a device in order, and room in the FIFO as far as products have made it."""

    def __init__(self, target: Target) -> None:
        known = rates(target)
        self.unit, self.setup = known.units, target.issue_latency * known.units
        self.depth, self.latency = target.fifo_bytes, target.hbm_latency
        self.unsent: deque[Panel] = deque()
        self.undrained: deque[Panel] = deque()
        self.done: list[Panel] = []
        self.total = 0
        self.before = Wait(0)
        self.earliest = 0
        self.bills = Bills()
        self.drainer = NEVER
        self.ahead = WINDOW
        self.freed = Ledger()

    def push(self, panel: Panel) -> None:
        """Queue a panel and request what there is room for."""
        self.total += panel.size
        self.unsent.append(panel)
        self.undrained.append(panel)
        self.fill()

    def fill(self) -> None:
        """Request beats as far as there is room; what is sent goes to `done`."""
        while self.unsent:
            panel = self.unsent[0]
            if panel.begun is None:
                self._begin(panel)
            while panel.asked < panel.beats:
                if not self._request(panel):
                    return
            self.before = Wait(panel.last, panel.number)
            self.done.append(self.unsent.popleft())

    def _begin(self, panel: Panel) -> None:
        """Take a panel up, behind the one before it and what it waits for."""
        paid = self.bills.paid(panel.bills) if panel.beats else 0
        met = max(paid, self.before.time) + panel.border if self.before.waited != NEVER else 0
        reasons = (
            (panel.issued * self.unit, Cause.ISSUE, NEVER),
            (self.earliest, Cause.ENGINE, self.before.waited),
            (self.before.time, Cause.ENGINE, self.before.waited),
            (paid, Cause.CHANNEL, NEVER),
            (met, Cause.CHANNEL, self.before.waited),
            (panel.hazard.time * self.unit, Cause.HBM, panel.hazard.waited),
        )
        panel.begun, panel.cause, panel.waited = max(reasons, key=lambda reason: reason[0])
        panel.first = Reason(-(-panel.begun // self.unit), panel.cause, panel.waited)
        panel.last = panel.ready = panel.begun
        self.earliest = panel.begun + self.setup

    def _request(self, panel: Panel) -> bool:
        """Request the beats of a window; whether there was room for any."""
        upto = panel.base + panel.size * (panel.asked + 1) // panel.beats
        if upto - self.depth > self.freed.known:
            return False
        window = self._window(panel, 0)
        panel.arrived.append(self._arrivals(window))
        self._ask(panel, window, window.room)
        return True

    def _window(self, panel: Panel, ahead: int) -> Window:
        """The next beats for which there is room, and some ahead as if there was."""
        low = panel.asked
        high = min(panel.beats, low + WINDOW)
        needed = panel.bytes_up_to(low, high) - self.depth
        room = int(np.searchsorted(needed, self.freed.known, "right"))
        needed = needed[: room + ahead]
        taken = shares(panel.units, panel.beats, low, high)[: needed.size + 1]
        where = np.searchsorted(self.freed.bytes, needed[:room])
        ready = np.full(needed.size, panel.last - taken[0])
        free = self.freed.times[where] * self.unit - taken[:room]
        ready[:room] = np.maximum(ready[:room], free)
        ready = np.maximum.accumulate(ready)
        self.freed.drop(int(where[-1]) if room else 0)
        return Window(room, needed, taken, ready + taken[:-1], ready + taken[1:])

    def _arrivals(self, window: Window) -> Ints:
        return -(-window.over // self.unit) + self.latency

    def _ask(self, panel: Panel, window: Window, count: int) -> None:
        """Request the first beats of a window."""
        taken, over = window.taken[: count + 1], window.over[:count]
        if over[-1] - panel.last > taken[-1] - taken[0]:
            panel.cause, panel.waited = Cause.ROOM, self.drainer
            lags = window.begins[:count] - taken[:-1]
            panel.ready = int(window.begins[np.searchsorted(lags, lags[-1])])
        self.bills.serve(window.begins[:count], over)
        panel.last, panel.asked = int(over[-1]), panel.asked + count

    def _found(self, window: Window, upto: Ints, when: Ints) -> int:
        """How many beats of a window find room, if bytes up to these are free at these times."""
        room = window.room
        free = when[np.searchsorted(upto, window.needed[room:])] * self.unit
        late = np.flatnonzero(free > window.begins[room:])
        found = room + int(late[0]) if late.size else when.size
        self.ahead = min(WINDOW, 2 * self.ahead) if not late.size else 2 * (found - room) + AHEAD
        return found

    def oldest(self) -> Panel:
        """The panel that the next product drains."""
        if not self.undrained:
            raise Trap(TrapKind.FIFO, "the operand FIFO is empty")
        return self.undrained[0]

    def drain(self, number: int, tiles: int, start: int, needs: Needs, delays: Ints) -> "Drain":
        """Drain the oldest panel with the tiles of a product, from a time on.

        Tiles also wait for their granules, as `delays` says (`LmuScoreboard.delays`).
        """
        panel, self.drainer = self.oldest(), number
        held = np.append(start, np.maximum(delays, start))
        wanted = needs.ends
        beat_of = -(-wanted * panel.beats // max(1, tiles)) - 1
        late, begins, low, came = start, list[Ints](), 0, start
        while low < panel.beats:
            window = None if panel.arrived else self._window(panel, self.ahead)
            arrived = panel.arrived.popleft() if window is None else self._arrivals(window)
            high = low + arrived.size
            tile, upto = shares(tiles, panel.beats, low, high), panel.bytes_up_to(low, high)
            lags = arrived - tile[:-1]
            behind = np.maximum.accumulate(np.maximum(lags, late))
            full = behind
            if behind[0] < held[-1]:
                full = np.maximum(behind, held[np.searchsorted(needs.begins, tile[1:])])
            when, count = full + tile[1:], arrived.size
            if window is not None:
                count = self._found(window, upto, when)
                self._ask(panel, window, count)
            begins.append(behind[:count])
            self.freed.append(upto[:count], when[:count])
            if (delay := int(behind[count - 1])) > late:
                came = int(arrived[np.flatnonzero(lags[:count] == delay)[-1]])
            late, low = delay, low + count
        self.undrained.popleft()
        self.fill()
        starts = np.concatenate(begins)[beat_of] if begins else np.full(wanted.size, start)
        return Drain(panel, max(late, int(held[-1])) + tiles, late, starts, came)

    def take_done(self) -> list[Panel]:
        """Panels that were sent since the last call."""
        found, self.done = self.done, []
        return found

    def unsent_panel(self, of: Range) -> Panel | None:
        """A panel that reads some bytes of a range and is not sent."""
        return next((panel for panel in self.unsent if meet(panel.range, of)), None)
