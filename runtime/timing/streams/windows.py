"""The operand FIFO by numpy: windows of beats at once.

What is known makes windows: as far as the FIFO has room for beats, and as far as beats have arrived
for tiles. Subtracting what beats or tiles take by themselves makes each recurrence of `fifo` a
running maximum, so no window is a loop. A product goes on as if its beats found room at once, then
as if they found it when those are drained, and keeps what both agree on: nearly all, where either
the channels or the trees are what takes the time.
"""

import numpy as np

from runtime.target import Target
from runtime.timing.chaining import Ints
from runtime.timing.events import Cause
from runtime.timing.scoreboard import Needs
from runtime.timing.streams.fifo import Fifo
from runtime.timing.streams.panels import Beats, Drain, Panel, Product, shares
from runtime.timing.streams.room import WINDOW, Window

AHEAD = 1 << 4
"""Beats for which room is supposed behind some that did not find it."""


class WindowedFifo(Fifo):
    """The recurrences by windows; `ahead` beats are looked at as if there was room for them."""

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self.ahead = WINDOW

    def _request(self, panel: Panel) -> None:
        window = self._window(panel, 0)
        self.arrivals.append(self._arrived(window))
        self._ask(panel, window, window.room)

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

    def _arrived(self, window: Window) -> Ints:
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

    def _drain(self, panel: Panel, tiles: int, start: int, needs: Needs, delays: Ints) -> Drain:
        held = np.append(start, np.maximum(delays, start))
        product, wanted = Product(tiles, needs.begins, held), needs.ends
        late, begins, low, came = start, list[Ints](), 0, start
        while low < panel.beats:
            if low < panel.asked:
                arrived = self.arrivals.column(0)[: min(WINDOW, panel.asked - low)]
                self.arrivals.drop(arrived.size)
                beats = product.drained(panel, low, late, arrived)
            else:
                beats = self._meanwhile(panel, product, late)
            begins.append(beats.behind)
            self.freed.append(beats.upto, beats.when)
            late, low = int(beats.behind[-1]), low + beats.when.size
            if (most := (beats.lags == late).nonzero()[0]).size:
                came = int(beats.arrived[most[-1]])
        beat_of = -(-wanted * panel.beats // max(1, tiles)) - 1
        begun = held[1:][needs.until]
        if begins:
            begun = np.maximum(begun, np.concatenate(begins)[beat_of])
        return Drain(panel, max(late, int(held[-1])) + tiles, late, came, begun + wanted)

    def _meanwhile(self, panel: Panel, product: Product, late: int) -> Beats:
        """Request beats and drain them: as many of a window as two guesses agree on.

        The first is that they find room at once, the second that they find it when they would be
        drained by the first. A beat depends on earlier ones only, so it is right in the second if
        all before it are the same in both.
        """
        window, low = self._window(panel, self.ahead), panel.asked
        beats = product.drained(panel, low, late, self._arrived(window))
        count, size = beats.when.size, beats.when.size
        if (delayed := window.delayed(beats.upto, beats.when, self.unit)) is not None:
            again = product.drained(panel, low, late, self._arrived(delayed))
            differs = (again.when != beats.when).nonzero()[0]
            count = int(differs[0]) + 1 if differs.size else size
            window, beats = delayed, again.first(count)
        more = count - window.room
        self.ahead = min(WINDOW, 2 * self.ahead) if count == size else 2 * more + AHEAD
        self._ask(panel, window, count)
        return beats
