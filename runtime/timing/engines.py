"""The engines of one device and their clocks, in whole cycles.

The control processor issues in order, one word a cycle, into the queue of an engine. An engine
takes an instruction up when the one before it has left, and goes through its steps, which wait for
their granules (`chaining`); it is set up, `issue_latency`, behind what it waits for.

    vector    left = last step, end = left + latency
    matrix    the same; its steps are tiles and also wait for the panel (`streams`)
    transfer  its steps are the cycles on the channels, the last of a set-up that goes on while it
              waits for granules; before, it waits for the bus to turn and for the ranges of
              `runtime.order`; end = left + latency
    send      its steps are the cycles on the link, the first of which waits for room there, too
    receive   the same, where each waits for its step of the message (`links`); end = left
    stream    taken up behind the stream before it, whose last beat is requested, and what transfers
              took of the channels (`runtime.order`); end = arrival of its last byte

Granules are left behind step by step, and those of results are valid `latency` later.
"""

from collections import deque

import numpy as np

from runtime.isa.instructions.memory import Stream
from runtime.isa.instructions.net import Recv, Send
from runtime.isa.spec import Inst, Unit
from runtime.order.ranges import Range
from runtime.target import Target
from runtime.timing.chaining import Ints
from runtime.timing.events import AT_ONCE, Cause, Engine, Event, Reason
from runtime.timing.fetch import Fetch
from runtime.timing.granules import lmu_of
from runtime.timing.hbm import Border, Bordering, borders_of, rates
from runtime.timing.links import Links
from runtime.timing.scoreboard import NEVER, NOW, HbmScoreboard, Wait
from runtime.timing.streams import Panel, fifo_of
from runtime.timing.work import Work
from runtime.traps import Trap, TrapKind

NET = {
    Send: {"left": Engine.SEND_LEFT, "right": Engine.SEND_RIGHT},
    Recv: {"left": Engine.RECV_LEFT, "right": Engine.RECV_RIGHT},
}
ENGINES = {Unit.SXE: Engine.SXE, Unit.VXE: Engine.VXE, Unit.ICP: Engine.ICP}


class Engines:
    """Clocks of one device; `execute` gives the events that its instruction completes."""

    def __init__(self, target: Target, borders: Bordering | None = None) -> None:
        self.target, self.rates = target, rates(target)
        self.lmu = lmu_of(target)
        self.writes, self.streams = HbmScoreboard(), HbmScoreboard()
        self.fifo = fifo_of(target)
        self.borders = borders or borders_of(target)
        self.links = Links(target)
        self.free = dict.fromkeys(Engine, Wait(0))
        self.queues = {engine: deque[Wait](maxlen=target.queue_depth) for engine in Engine}
        self.pushed = deque[Panel](maxlen=target.queue_depth)
        self.number = NEVER
        self.bus = Wait(0)
        self.fetch = Fetch(target)
        self.wrote = False

    def execute(
        self, pc: int, inst: Inst, work: Work, base: int = 0, border: Border | None = None
    ) -> list[Event]:
        """Issue the next instruction of the program, `base` is the address of its HBM operand.

        Gives its event, or nothing for a stream whose bytes wait for products to come, and then
        those of streams that could end. The border of a request is asked for if it is not known.
        """
        self.number += 1
        engine = engine_of(inst)
        if engine is Engine.ICP:
            return [self._control(pc, inst, work)]
        issued, found = self._issue(inst, engine), list[Event]()
        if engine is Engine.VXE:
            found.append(self._vector(pc, issued, work))
        elif engine is Engine.SXE:
            found.append(self._matrix(pc, issued, work))
        elif engine is Engine.STREAM:
            far = _moved(work.far, base)
            self._stream(pc, issued[0], work, far, border or self._border(work, far))
        elif engine is Engine.TRANSFER:
            far = _moved(work.far, base)
            border = border or self._border(work, far)
            found.append(self._transfer(pc, issued, work, far, border))
        elif isinstance(inst, Send):
            found.append(self._send(pc, issued, work, inst.side))
        elif isinstance(inst, Recv):
            found.append(self._recv(pc, issued, work, inst.side))
        if self.fifo.done:
            found += [self._sent(panel) for panel in self.fifo.take_done()]
        return found

    def _control(self, pc: int, inst: Inst, work: Work) -> Event:
        free = max(self.free[Engine.ICP].time, self.fetch.there(inst.WORDS))
        reason = self._passed(work, Reason(free, Cause.ISSUE, NEVER), free)
        start, cause, waited = reason
        end = start + work.steps
        if work.jumps:
            self.fetch.jump(end)
        self.free[Engine.ICP] = Wait(end, self.number)
        return Event(
            self.number, pc, Engine.ICP, free, start, start, end, end, work.steps, 0, cause, waited,
            reason,
        )  # fmt: skip

    def _granules(self, work: Work, delays: Ints, reason: Reason) -> Reason:
        """What delays the last step most, of something and the granules."""
        if delays.size and (latest := int(delays[-1])) > reason[0]:
            return Reason(latest, Cause.LMU, self.lmu.behind(work.near, delays))
        return reason

    def _passed(self, work: Work, reason: Reason, start: int, shift: int = 0) -> Reason:
        """The same of a pass that nothing else delays from a time on; it is noted in the LMU."""
        late = self.lmu.passed(work.near, self.number, start, work.latency, shift)
        return reason if late is None else Reason(late[0], Cause.LMU, late[1])

    def _issue(self, inst: Inst, engine: Engine) -> Reason:
        """When the instruction is queued; a full queue holds the control processor."""
        word, there = self.target.control_latency, self.fetch.there(inst.WORDS)
        free = max(self.free[Engine.ICP].time + inst.WORDS * word, there + word)
        room = self._room(engine)
        now = max(free, room.time)
        self.free[Engine.ICP] = Wait(now, self.number)
        self.writes.forget(now)
        self.streams.forget(now)
        if room.time < free:
            return Reason(free, Cause.ISSUE, NEVER)
        return Reason(room.time, Cause.QUEUE, room.waited)

    def _room(self, engine: Engine) -> Wait:
        """When the queue has room: when the instruction that is `queue_depth` older has left it."""
        if engine is Engine.STREAM:
            if len(self.pushed) < self.target.queue_depth:
                return NOW
            oldest = self.pushed[0]
            if oldest.begun is None:
                raise Trap(TrapKind.FIFO, "no product makes room for a panel")
            return Wait(-(-oldest.begun // self.rates.units), oldest.number)
        queue = self.queues[engine]
        return queue[0] if len(queue) == queue.maxlen else NOW

    def _occupy(self, engine: Engine, start: int, left: int) -> None:
        self.queues[engine].append(Wait(start, self.number))
        self.free[engine] = Wait(left, self.number)

    def _taken(self, engine: Engine, issued: Reason) -> Reason:
        """When an engine takes an instruction up."""
        free = self.free[engine]
        if free.time <= issued.time:
            return issued
        return Reason(free.time, Cause.ENGINE, free.waited)

    def _vector(self, pc: int, issued: Reason, work: Work) -> Event:
        taken, setup = self._taken(Engine.VXE, issued), self.target.issue_latency
        late, cause, waited = first = self._passed(work, taken, taken[0], setup)
        left = late + setup + work.steps
        self._occupy(Engine.VXE, taken[0], left)
        return Event(
            self.number, pc, Engine.VXE, issued[0], taken[0], late, left, left + work.latency,
            setup + work.steps, 0, cause, waited, first,
        )  # fmt: skip

    def _matrix(self, pc: int, issued: Reason, work: Work) -> Event:
        taken, delays = self._taken(Engine.SXE, issued), self.lmu.delays(work.near)
        late, cause, waited = first = self._granules(work, delays, taken)
        near, setup = work.near, self.target.issue_latency
        begin, delays = taken[0] + setup, delays + setup
        drain = self.fifo.drain(self.number, work.steps, begin, near, delays)
        if drain.late > late + setup:
            late, cause, waited = drain.arrived, Cause.PANEL, drain.panel.number
        self.lmu.mark(near, self.number, drain.left, work.latency)
        self._occupy(Engine.SXE, taken[0], drain.over)
        return Event(
            self.number, pc, Engine.SXE, issued[0], taken[0], late, drain.over,
            drain.over + work.latency, setup + work.steps, 0, cause, waited, first,
        )  # fmt: skip

    def _send(self, pc: int, issued: Reason, work: Work, side: str) -> Event:
        engine, setup, room = NET[Send][side], self.target.issue_latency, self.links.ready(side)
        taken, delays = self._taken(engine, issued), self.lmu.delays(work.near)
        late, cause, waited = self._granules(work, delays, taken)
        begin, near = max(taken[0] + setup, room[0]), work.near
        if room[0] > late + setup:
            late, cause, waited = room._replace(time=room.time - setup)
        left = late + setup + work.steps
        lags = np.append(begin, np.maximum(delays + setup, begin))
        self.lmu.mark(near, self.number, lags[1:][near.until] + near.ends, work.latency)
        self._occupy(engine, taken[0], left)
        self.links.send(side, self.number, near, lags)
        return Event(
            self.number, pc, engine, issued[0], taken[0], late, left, left + work.latency,
            setup + work.steps, work.bytes, cause, waited, Reason(late, cause, waited),
        )  # fmt: skip

    def _recv(self, pc: int, issued: Reason, work: Work, side: str) -> Event:
        engine, setup, sent = NET[Recv][side], self.target.issue_latency, self.links.oldest(side)
        taken, delays, near = self._taken(engine, issued), self.lmu.delays(work.near), work.near
        late, cause, waited = self._granules(work, delays, taken)
        if (there := sent.lag(max(0, work.steps - 1))) > late + setup:
            late, cause, waited = there - setup, Cause.LINK, sent.number
        left = late + setup + work.steps
        if near.ends.size:
            held = np.maximum(delays, taken[0])[near.until] + setup
            over = np.maximum(held, sent.lags_of(near.ends - 1)) + near.ends
            self.lmu.mark(near, self.number, over, work.latency)
        self._occupy(engine, taken[0], left)
        self.links.note(side, Wait(left, self.number))
        return Event(
            self.number, pc, engine, issued[0], taken[0], late, left, left + work.latency,
            setup + work.steps, work.bytes, cause, waited, Reason(late, cause, waited),
        )  # fmt: skip

    def _transfer(self, pc: int, issued: Reason, work: Work, far: Range, border: Border) -> Event:
        taken = self._taken(Engine.TRANSFER, issued)
        begun = max(taken, self._turned(work), self._hazard(far))
        setup = max(0, self.target.issue_latency - work.steps) if work.bytes else 0
        setup += -(-border.banks // self.rates.units)
        begun = Reason(begun.time + setup, begun.cause, begun.waited)
        late, cause, waited = first = self._passed(work, begun, begun.time)
        left = late + work.steps
        self._occupy(Engine.TRANSFER, taken[0], left)
        end = left + work.latency if work.bytes else left
        if work.bytes:
            self._pay(work, issued[0], left, border.total)
            if far.writes:
                self.writes.note(far, Wait(end, self.number))
        return Event(
            self.number, pc, Engine.TRANSFER, issued[0], taken[0], late, left, end, work.units,
            work.bytes, cause, waited, first,
        )  # fmt: skip

    def _turned(self, work: Work) -> Reason:
        """When the bus has turned behind the transfer before."""
        if not work.bytes or work.far.writes is self.wrote or self.bus.waited == NEVER:
            return AT_ONCE
        turn = self.rates.to_write if work.far.writes else self.rates.to_read
        return Reason(self.bus.time + turn, Cause.CHANNEL, self.bus.waited)

    def _hazard(self, far: Range) -> Reason:
        """When the accesses are over that a transfer may not pass."""
        over = self.writes.ready(far)
        if far.writes:
            if (panel := self.fifo.unsent_panel(far)) is not None:
                raise Trap(
                    TrapKind.FIFO, f"waits for the stream at pc {panel.pc}, whose panel "
                    "waits for a product behind both",
                )  # fmt: skip
            over = max(over, self.streams.ready(far))
        return Reason(over.time, Cause.HBM, over.waited)

    def _border(self, work: Work, far: Range) -> Border:
        return self.borders.in_units(work.pattern, far.low, work.clocks)

    def _pay(self, work: Work, issued: int, left: int, border: int) -> None:
        """What streams owe the channels for a transfer."""
        self.fifo.bills.owe(issued * self.rates.units, work.units + border)
        self.wrote, self.bus = work.far.writes, Wait(left, self.number)

    def _stream(self, pc: int, issued: int, work: Work, far: Range, border: Border) -> None:
        panel = Panel(
            self.number, pc, work.bytes, work.beats, work.units, far, issued, self.fifo.total,
            self.fifo.bills.count, self.writes.ready(far), border.total,
        )  # fmt: skip
        self.pushed.append(panel)
        self.fifo.push(panel)

    def _sent(self, panel: Panel) -> Event:
        """The event of a stream whose last byte is requested."""
        units, begun = self.rates.units, panel.begun
        assert begun is not None
        sent = -(-panel.last // units)
        self.streams.note(panel.range, Wait(sent, panel.number))
        end = sent + self.target.hbm_latency if panel.size else sent
        return Event(
            panel.number, panel.pc, Engine.STREAM, panel.issued, -(-begun // units),
            -(-panel.ready // units), sent, end, panel.units, panel.size, panel.cause,
            panel.waited, panel.first,
        )  # fmt: skip


def _moved(far: Range, base: int) -> Range:
    return Range(far.low + base, far.high + base, far.writes)


def engine_of(inst: Inst) -> Engine:
    """The engine that serves an instruction."""
    known = ENGINES.get(inst.UNIT)
    if known is not None:
        return known
    if isinstance(inst, (Send, Recv)):
        return NET[type(inst)][inst.side]
    return Engine.STREAM if isinstance(inst, Stream) else Engine.TRANSFER
