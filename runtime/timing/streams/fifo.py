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
found room at once, then as if they found it when those are drained, and keeps what both agree on:
nearly all, where either the channels or the trees are what takes the time.
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
from runtime.timing.streams.panels import Beats, Drain, Panel, Product, shares
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
        busy = max(paid, self.before.time)
        met = busy + max(0, panel.border) if busy else 0
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
        alone = max(panel.issued * self.unit, self.earliest, panel.hazard.time * self.unit)
        panel.units -= min(max(0, -panel.border), max(0, busy - alone))
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
        room = int(needed.searchsorted(self.freed.known, "right"))
        needed = needed[: room + ahead]
        taken = shares(panel.units, panel.beats, low, high)[: needed.size + 1]
        where = self.freed.bytes.searchsorted(needed[:room])
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
            panel.ready = int(window.begins[lags.searchsorted(lags[-1])])
        self.bills.serve(window.begins[:count], over)
        panel.last, panel.asked = int(over[-1]), panel.asked + count

    def oldest(self) -> Panel:
        """The panel that the next product drains."""
        if not self.undrained:
            raise Trap(TrapKind.FIFO, "the operand FIFO is empty")
        return self.undrained[0]

    def drain(self, number: int, tiles: int, start: int, needs: Needs, delays: Ints) -> Drain:
        """Drain the oldest panel with the tiles of a product, from a time on.

        Tiles also wait for their granules, as `delays` says (`LmuScoreboard.delays`).
        """
        panel, self.drainer = self.oldest(), number
        held = np.append(start, np.maximum(delays, start))
        product, wanted = Product(tiles, needs.begins, held), needs.ends
        beat_of = -(-wanted * panel.beats // max(1, tiles)) - 1
        late, begins, low, came = start, list[Ints](), 0, start
        while low < panel.beats:
            if panel.arrived:
                beats = product.drained(panel, low, late, panel.arrived.popleft())
            else:
                beats = self._meanwhile(panel, product, late)
            begins.append(beats.behind)
            self.freed.append(beats.upto, beats.when)
            late, low = int(beats.behind[-1]), low + beats.when.size
            if (most := (beats.lags == late).nonzero()[0]).size:
                came = int(beats.arrived[most[-1]])
        self.undrained.popleft()
        self.fill()
        starts = np.concatenate(begins)[beat_of] if begins else np.full(wanted.size, start)
        return Drain(panel, max(late, int(held[-1])) + tiles, late, starts, came)

    def _meanwhile(self, panel: Panel, product: Product, late: int) -> Beats:
        """Request beats and drain them: as many of a window as two guesses agree on.

        The first is that they find room at once, the second that they find it when they would be
        drained by the first. A beat depends on earlier ones only, so it is right in the second if
        all before it are the same in both.
        """
        window, low = self._window(panel, self.ahead), panel.asked
        beats = product.drained(panel, low, late, self._arrivals(window))
        count, size = beats.when.size, beats.when.size
        if (delayed := window.delayed(beats.upto, beats.when, self.unit)) is not None:
            again = product.drained(panel, low, late, self._arrivals(delayed))
            differs = (again.when != beats.when).nonzero()[0]
            count = int(differs[0]) + 1 if differs.size else size
            window, beats = delayed, again.first(count)
        more = count - window.room
        self.ahead = min(WINDOW, 2 * self.ahead) if count == size else 2 * more + AHEAD
        self._ask(panel, window, count)
        return beats

    def take_done(self) -> list[Panel]:
        """Panels that were sent since the last call."""
        found, self.done = self.done, []
        return found

    def unsent_panel(self, of: Range) -> Panel | None:
        """A panel that reads some bytes of a range and is not sent."""
        return next((panel for panel in self.unsent if meet(panel.range, of)), None)
