"""The queue of streams and the operand FIFO: `stream` fills it and `vecmat` drains it.

A panel of B bytes passes the channels in n beats and the MAC trees in G tiles. Beat i carries its
share of the bytes, takes its share of the units, and holds the tiles from G i // n up to
G (i + 1) // n. With D bytes of FIFO and `latency` cycles to HBM:

    requested[i] = max(requested[i - 1] + units of beat i - 1, all but D bytes up to i are free)
    arrived[i]   = requested[i] + units of beat i, in whole cycles, + latency
    drained[i]   = max(drained[i - 1], arrived[i]) + tiles of beat i, which also wait for granules

A beat frees its bytes when it is drained.

The recurrences run over all panels together: as far as the FIFO has room for beats, and as far as
beats have arrived for tiles: by numpy in `windows`, beat by beat by the library in `native`.
"""

from abc import ABC, abstractmethod
from collections import deque

from runtime.order.ranges import Range, meet
from runtime.target import Target
from runtime.timing.chaining import Ints
from runtime.timing.events import Cause, Reason
from runtime.timing.hbm import rates
from runtime.timing.scoreboard import NEVER, Needs, Wait
from runtime.timing.streams.bills import Bills
from runtime.timing.streams.panels import Drain, Panel
from runtime.timing.streams.room import Ledger, Rows
from runtime.traps import Trap, TrapKind


class Fifo(ABC):
    """The streams of a device in order, and room in the FIFO as far as products have made it.

    `arrivals` are the cycles of beats that are requested and not drained, of all panels.
    """

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
        self.arrivals = Rows(1)
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
                upto = panel.base + panel.size * (panel.asked + 1) // panel.beats
                if upto - self.depth > self.freed.known:
                    return
                self._request(panel)
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

    @abstractmethod
    def _request(self, panel: Panel) -> None:
        """Request the next beats of a panel for which there is room, or some of them."""

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
        drain = self._drain(panel, tiles, start, needs, delays)
        self.undrained.popleft()
        self.fill()
        return drain

    @abstractmethod
    def _drain(self, panel: Panel, tiles: int, start: int, needs: Needs, delays: Ints) -> Drain:
        """The same, of a panel whose beats may not all be requested."""

    def take_done(self) -> list[Panel]:
        """Panels that were sent since the last call."""
        found, self.done = self.done, []
        return found

    def unsent_panel(self, of: Range) -> Panel | None:
        """A panel that reads some bytes of a range and is not sent."""
        return next((panel for panel in self.unsent if meet(panel.range, of)), None)
