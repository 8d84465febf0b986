"""The operand FIFO, whose beats the library requests and drains one by one."""

import ctypes

from runtime.native.streams import Filling
from runtime.target import Target
from runtime.timing.chaining import Ints
from runtime.timing.events import Cause
from runtime.timing.scoreboard import Needs, packed
from runtime.timing.streams.fifo import Fifo
from runtime.timing.streams.panels import Drain, Panel


class NativeFifo(Fifo):
    """The recurrences as they stand."""

    def __init__(self, target: Target, library: ctypes.CDLL) -> None:
        super().__init__(target)
        constant, rows = (self.unit, self.depth, self.latency), (self.arrivals, self.freed)
        self.filling = Filling(library, constant, (*rows, self.bills.runs))

    def _request(self, panel: Panel) -> None:
        self.bills.served, waits = self.filling.request(self.bills.served, panel)
        self._waits(panel, waits)

    def _drain(self, panel: Panel, tiles: int, start: int, needs: Needs, delays: Ints) -> Drain:
        product, ends = (tiles, start), needs.ends.size
        self.bills.served, waits, late, came, left = self.filling.drain(
            self.bills.served, panel, product, packed(needs), delays, ends
        )
        self._waits(panel, waits)
        over = max(late, int(delays[-1])) if delays.size else late
        return Drain(panel, over + tiles, late, came, left)

    def _waits(self, panel: Panel, waits: bool) -> None:
        """Beats of a panel waited for room."""
        if waits:
            panel.cause, panel.waited = Cause.ROOM, self.drainer
