"""The operand FIFO between `stream`, which fills it, and `vecmat`, which drains it.

Both flow like fluids. A panel of B bytes takes F cycles on the channels and G in the MAC trees. It
may fill the FIFO of D bytes up to what earlier panels leave free, and the rest R follows as the
trees make room:

    filled  = start of the fill + F                          if B bytes find room
    filled  = start of the drain + R/B * max(F, G)           otherwise
    drained = max(start of the drain + G, filled + latency + 1)

A FIFO below bandwidth times latency limits the rate: F >= B * latency / D.
"""

from collections import deque
from dataclasses import dataclass

from runtime.target import Target
from runtime.traps import Trap, TrapKind


@dataclass
class Panel:
    """A panel on its way. Times are known up to where the simulation has come.

    `sent` bytes are in the FIFO at `sent_at`; the drain runs from `begun` to `drained`.
    """

    size: int
    fill: float
    start: float = 0.0
    sent: float = 0.0
    sent_at: float = 0.0
    begun: float = 0.0
    drained: float = 0.0


class Fifo:
    """Panels not yet drained and, for room, those whose drain is known."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.waiting: deque[Panel] = deque()
        self.draining: deque[Panel] = deque(maxlen=target.fifo_depth)

    def slot(self) -> float:
        """When there is room for one more panel; traps when no drain in sight makes it."""
        depth, waiting = self.target.fifo_depth, len(self.waiting)
        if waiting >= depth:
            raise Trap(TrapKind.FIFO, f"the operand FIFO already holds {depth} panels")
        known = list(self.draining)
        return known[waiting - depth].drained if len(known) >= depth - waiting else 0.0

    def push(self, size: int, fill: float, start: float) -> Panel:
        """Begin to fill at a time; the panel with what fits for now."""
        depth = self.target.fifo_bytes
        slowest = size * self.target.hbm_latency / depth
        panel = Panel(size, max(fill, slowest), start)
        room = max(0.0, depth - sum(p.sent for p in self.waiting))
        panel.sent = min(float(size), room)
        share = panel.sent / size if size else 0.0
        panel.sent_at = max(start + panel.fill * share, self._room_at(room - panel.sent))
        self.waiting.append(panel)
        return panel

    def _room_at(self, allowed: float) -> float:
        """When the panels being drained occupy no more than some bytes."""
        for panel in reversed(self.draining):
            if panel.size > allowed:
                share = allowed / panel.size
                return panel.drained - share * (panel.drained - panel.begun)
            allowed -= panel.size
        return 0.0

    def drain(self, start: float, work: float, channel_free: float) -> Panel:
        """Drain the oldest panel from a time on with `work` cycles of the trees."""
        if not self.waiting:
            raise Trap(TrapKind.FIFO, "the operand FIFO is empty")
        panel = self.waiting.popleft()
        rest = panel.size - panel.sent
        panel.begun = max(start, panel.start + (self.target.hbm_latency if panel.size else 0))
        filled = panel.sent_at
        if rest > 0:
            share = rest / panel.size
            filled = max(panel.begun, channel_free, filled) + share * max(panel.fill, work)
            panel.sent_at = filled
        arrived = filled + self.target.hbm_latency + 1 if panel.size else 0.0
        panel.drained = max(panel.begun + work, arrived)
        self.draining.append(panel)
        return panel
