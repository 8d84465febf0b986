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
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from runtime.order.ranges import Range, meet
from runtime.target import Target
from runtime.timing.bills import Bills
from runtime.timing.chaining import Ints
from runtime.timing.events import AT_ONCE, Cause, Reason
from runtime.timing.hbm import rates
from runtime.timing.scoreboard import NEVER, Needs, Wait
from runtime.traps import Trap, TrapKind

WINDOW, AHEAD = 1 << 12, 1 << 4


@lru_cache(1024)
def shares(total: int, beats: int, low: int, high: int) -> Ints:
    """How much of something the first beats have together, for `low` to `high` of them."""
    return total * np.arange(low, high + 1) // max(1, beats)


@dataclass(eq=False)
class Panel:
    """A panel on its way: times are known as far as `asked` beats and `drained` of them.

    `base` are the bytes of all panels before. It begins behind `hazard`, and `border` units behind
    the panel before it and when so many `bills` of transfers are paid; from `ready` on there is
    room. `arrived` holds the arrivals of beats that are not drained.
    """

    number: int
    pc: int
    size: int
    beats: int
    units: int
    range: Range
    issued: int
    base: int
    bills: int
    hazard: Wait
    border: int = 0
    asked: int = 0
    begun: int | None = None
    cause: Cause = Cause.ISSUE
    waited: int = NEVER
    first: Reason = AT_ONCE
    ready: int = 0
    last: int = 0
    arrived: deque[Ints] = field(default_factory=deque["Ints"])

    def bytes_up_to(self, low: int, high: int) -> Ints:
        """Bytes of all panels up to each of this one's beats of a window."""
        return self.base + shares(self.size, self.beats, low, high)[1:]

    @property
    def sent(self) -> bool:
        """Whether its last byte is requested."""
        return self.begun is not None and self.asked == self.beats


class Drain(NamedTuple):
    """A panel with the time at which its last tile is done.

    `late` is by how much arrivals delay the last tile, and `delays` the last tile of each end that
    the product's needs list (`Needs.ends`). `arrived` is when the beat came that delays it most.
    """

    panel: Panel
    over: int
    late: int
    delays: Ints
    arrived: int


class Window(NamedTuple):
    """Beats that come next: for `room` of them there is room, for those behind it is supposed.

    `needed` bytes of all panels are free when a beat begins, and it is `over` when it has taken
    what is between two of `taken`.
    """

    room: int
    needed: Ints
    taken: Ints
    begins: Ints
    over: Ints


class Ledger:
    """When how many bytes of all panels are free again, `known` of them; neither decreases."""

    def __init__(self) -> None:
        self.rows: Ints = np.zeros((2, WINDOW), np.int64)
        self.size = WINDOW
        self.low: int = 0
        self.high: int = 1
        self.known = 0

    @property
    def bytes(self) -> Ints:
        """Bytes that are free from a time on."""
        return self.rows[0, self.low : self.high]

    @property
    def times(self) -> Ints:
        """The cycles of `bytes`."""
        return self.rows[1, self.low : self.high]

    def append(self, upto: Ints, when: Ints) -> None:
        """Note more bytes."""
        count: int = len(upto)
        held = self.high - self.low
        if self.high + count > self.size:
            self.size = 2 * (held + count)
            rows = np.zeros((2, self.size), np.int64)
            rows[:, :held] = self.rows[:, self.low : self.high]
            self.rows = rows
            self.low, self.high = 0, held
        self.rows[0, self.high : self.high + count] = upto
        self.rows[1, self.high : self.high + count] = when
        self.high += count
        self.known = int(upto[-1])

    def drop(self, count: int) -> None:
        """Forget the oldest rows."""
        self.low += count


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
