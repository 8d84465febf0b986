"""The engines of one device and their clocks, in cycles.

The control processor issues in order, one word a cycle, into a queue per engine. Each engine takes
its queue in order, when the scoreboards permit; engines do not wait for each other otherwise. An
instruction starts once it can run without a gap (see `chaining`), and is set up only then.

    vector and matrix: taken = start + issue_latency + occupancy, end = taken + latency
    load:              taken = start + max(channel time, issue_latency), end = taken + hbm_latency
    store:             the same; the bytes of HBM are there at the end, as a whole
    stream, vecmat:    see `fifo`; the end of the matrix work is that of the drain, and its progress
                       is even from the start of the drain to there

The engine accepts the next instruction at `taken`. Granules are left behind as the pass proceeds,
and those of results are valid `latency` later.
"""

from collections import deque

from runtime.isa.instructions.memory import Stream
from runtime.isa.spec import Inst, Unit
from runtime.target import Target
from runtime.timing.fifo import Fifo
from runtime.timing.hbm import turnaround_cycles
from runtime.timing.scoreboard import HbmScoreboard, LmuScoreboard
from runtime.timing.work import Work


class Engines:
    """Clocks of one device; `execute` returns when an instruction ends."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.lmu = LmuScoreboard(target.lmu_bytes, target.lmu_granule)
        self.hbm = HbmScoreboard()
        self.fifo = Fifo(target)
        self.free = dict.fromkeys(Unit, 0.0)
        self.busy = dict.fromkeys(Unit, 0.0)
        self.hbm_bytes = 0
        self.queues = {unit: deque[float](maxlen=target.queue_depth) for unit in Unit}
        self.writing = False
        self.turnaround = {way: turnaround_cycles(target, way) for way in (False, True)}

    def execute(self, inst: Inst, work: Work, base: int = 0) -> float:
        """Issue the next instruction of the program; the time at which it ends.

        `base` is the address of its operand in HBM.
        """
        if inst.UNIT is Unit.ICP:
            return self._control(work)
        issued = self._issue(inst)
        start = max(issued, self.free[inst.UNIT], self.lmu.ready(work.reads, work.writes))
        if inst.UNIT is Unit.SXE:
            return self._matrix(start, work)
        if inst.UNIT is Unit.VXE:
            return self._vector(start, work)
        if isinstance(inst, Stream):
            return self._stream(start, work, base)
        return self._memory(start, work, base)

    def _control(self, work: Work) -> float:
        start = max(self.free[Unit.ICP], self.lmu.ready(work.reads, work.writes))
        end = start + work.occupancy
        self.lmu.mark(work.reads, work.writes, end, 0.0, 0.0)
        self.free[Unit.ICP] = end
        self.busy[Unit.ICP] += work.occupancy
        return end

    def _issue(self, inst: Inst) -> float:
        """Time at which the instruction is queued; a full queue holds the control processor."""
        words = inst.WORDS * self.target.control_latency
        queue = self.queues[inst.UNIT]
        room = queue[0] if len(queue) == queue.maxlen else 0.0
        issued = max(self.free[Unit.ICP] + words, room)
        self.free[Unit.ICP] = issued
        self.busy[Unit.ICP] += words
        return issued

    def _occupy(self, unit: Unit, start: float, until: float, busy: float) -> None:
        self.queues[unit].append(start)
        self.free[unit] = until
        self.busy[unit] += busy

    def _vector(self, start: float, work: Work) -> float:
        begun = start + self.target.issue_latency
        taken = begun + work.occupancy
        self._occupy(Unit.VXE, start, taken, taken - start)
        self.lmu.mark(work.reads, work.writes, begun, 1.0, work.latency)
        return taken + work.latency

    def _matrix(self, start: float, work: Work) -> float:
        cycles = self.target.issue_latency + work.occupancy
        panel = self.fifo.drain(start, cycles, self.free[Unit.MEM])
        self.free[Unit.MEM] = max(self.free[Unit.MEM], panel.sent_at)
        self._occupy(Unit.SXE, panel.begun, panel.drained, cycles)
        begun = panel.begun + self.target.issue_latency
        pace = (panel.drained - begun) / work.occupancy if work.occupancy else 0.0
        self.lmu.mark(work.reads, work.writes, begun, pace, work.latency)
        return panel.drained + work.latency

    def _channel(self, start: float, work: Work, base: int) -> float:
        """Time from which the channels serve a request."""
        writing = work.hbm_writes and not work.hbm_reads
        if writing is not self.writing:
            start = max(start, self.free[Unit.MEM] + self.turnaround[writing])
        self.writing = work.hbm_writes
        self.hbm_bytes += work.hbm_bytes
        return self.hbm.ready(work.hbm[0] + base, work.hbm[1] + base, start)

    def _memory(self, start: float, work: Work, base: int) -> float:
        if not work.hbm_bytes:
            self._occupy(Unit.MEM, start, start, 0.0)
            return start
        start = self._channel(start, work, base)
        served = start + max(work.channel, self.target.issue_latency)
        end = served + work.latency
        self._occupy(Unit.MEM, start, served, work.channel)
        self.lmu.mark(work.reads, work.writes, served - work.channel, 1.0, work.latency)
        if work.hbm_writes:
            self.hbm.write(work.hbm[0] + base, work.hbm[1] + base, end)
        return end

    def _stream(self, start: float, work: Work, base: int) -> float:
        start = max(start, self.fifo.slot())
        if work.hbm_bytes:
            start = self._channel(start, work, base)
        fill = max(work.channel, self.target.issue_latency) if work.hbm_bytes else 0.0
        panel = self.fifo.push(work.hbm_bytes, fill, start)
        self._occupy(Unit.MEM, start, panel.sent_at, work.channel)
        return start
