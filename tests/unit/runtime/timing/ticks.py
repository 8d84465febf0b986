"""A model of one device that goes from cycle to cycle, and from unit to unit on the channels.

It follows the definitions in `runtime/order/__init__.py` and `runtime/timing/engines.py` by doing
what they say, moment by moment, and knows no time before it has come.
"""

from collections import defaultdict, deque
from collections.abc import Iterator
from math import ceil

from runtime.isa import Inst
from runtime.program.program import Program
from tests.unit.runtime.timing.following import later
from tests.unit.runtime.timing.jobs import (
    ENGINES,
    LATER,
    LINKS,
    Job,
    Links,
    Use,
    share,
    unit_of,
)
from tests.unit.runtime.timing.passes import Channels, pass_of
from tests.unit.runtime.timing.scalars import executed


class Ticks:
    """The device. `run` gives the cycle in which everything is over."""

    def __init__(self, program: Program, symbols: dict[str, int], entry: str = "step") -> None:
        self.target = program.target
        self.channels = Channels(program.target)
        far = (
            access
            for inst, registers, _ in executed(program, symbols, entry)
            for access in inst.accesses(registers)
            if access.hbm and min(access.extents) > 0
        )
        self.borders = deque(later(far, program.target))
        self.jobs = self.prepared(executed(program, symbols, entry))
        self.queues: dict[str, deque[Job]] = {u: deque() for u in ENGINES}
        self.at: dict[str, Job | None] = dict.fromkeys(self.queues)
        self.next = next(self.jobs, None)
        self.icp = self.words()
        self.fetched_from, self.word = 0, 0
        self.panels: deque[Job] = deque()
        self.in_fifo = 0
        self.beat_over = 0
        self.stream_setup = 0
        self.owed: deque[Job] = deque()
        self.bus: tuple[bool, int] | None = None
        self.last_sent: int | None = None
        self.ends: list[int] = [0]
        self.arrived_at: list[int] = []
        self.products: list[Job] = []

    def prepared(self, trace: Iterator[tuple[Inst, list[int], bool]]) -> Iterator[Job]:
        """Jobs in program order, each with what it depends on."""
        writer: dict[int, Use] = {}
        users: dict[int, list[Use]] = defaultdict(list)
        far: list[Job] = []
        bills, links = list[Job](), Links(self.target.link_depth)
        for inst, registers, is_taken in trace:
            job = Job(inst, pass_of(inst, registers, self.target, self.channels), unit_of(inst))
            job.work.steps += self.target.branch_latency if is_taken else 0
            job.jumps = is_taken
            job.latency = inst.latency(self.target) if hasattr(inst, "extents") else 0
            for g, (first, _) in job.work.reads.items():
                job.needs[first] += [writer[g]] if g in writer else []
            for g, (first, _) in job.work.writes.items():
                job.needs[first] += users[g]
            for g in job.work.reads:
                users[g].append((job, g, False))
            for g in job.work.writes:
                writer[g] = (job, g, True)
                users[g] = [writer[g]]
            links.add(job)
            if job.work.far is not None:
                job.behind = [other for other in far if self.conflict(other, job)]
                far.append(job)
                job.border, job.banks = (
                    -(-clocks * self.channels.beat // self.target.hbm_nbl)
                    for clocks in self.borders.popleft()
                )
                if job.unit == "STREAM":
                    job.bills = list(bills)
                else:
                    job.bill = job.border + job.work.units
                    bills.append(job)
            yield job

    def conflict(self, one: Job, other: Job) -> bool:
        """Whether two accesses to HBM may not pass each other."""
        assert one.work.far is not None and other.work.far is not None
        (a, b), (c, d) = one.work.far.bounds(), other.work.far.bounds()
        if one.unit == "TRANSFER" and not one.work.far.writes:
            return False
        return (one.work.far.writes or other.work.far.writes) and a < d and c < b

    def words(self) -> int:
        """Cycles that the next instruction takes to be issued."""
        if self.next is None or self.next.inst.UNIT == "ICP":
            return 0
        return self.next.inst.WORDS * self.target.control_latency

    def run(self, limit: int = 10_000_000) -> int:
        """Cycles until all is over."""
        for now in range(limit):
            if not self.busy():
                return max(self.ends)
            self.free_beats(now)
            self.moment(now)
            self.serve(now)
            self.steps(now)
        raise AssertionError(f"not over after {limit} cycles")

    def serve(self, now: int) -> None:
        """The units of a cycle: a stream asks for beats, and between them transfers are paid."""
        last = (now + 1) * self.channels.units
        unit = max(now * self.channels.units, self.beat_over)
        while unit < last and not self.is_held():
            while self.stream(unit):
                pass
            if unit >= self.beat_over:
                self.pay(unit, unit + 1)
            unit = max(unit + 1, self.beat_over)
        self.pay(unit, last)

    def is_held(self) -> bool:
        """Whether only a later cycle has room for a beat, or has done what a stream is behind."""
        job = self.at["STREAM"]
        if job is None:
            queue = self.queues["STREAM"]
            return not queue or any(before.end == LATER for before in queue[0].behind[:1])
        return job.asked < job.work.beats and not self.has_room(job)

    def has_room(self, job: Job) -> bool:
        """Whether the next beat fits the FIFO."""
        size = share(job.work.bytes, job.asked, job.work.beats)
        return self.in_fifo + size <= self.target.fifo_bytes

    def busy(self) -> bool:
        """Whether something is still to be done."""
        waiting = self.next is not None or any(self.queues.values())
        return waiting or any(job is not None for job in self.at.values())

    def moment(self, now: int) -> None:
        """Whatever can be issued and taken up at this time, one thing after the other."""
        changed = True
        while changed:
            changed = self.stream(now * self.channels.units)
            for unit in ENGINES[1:]:
                changed = self.take(unit, now) or changed
            changed = self.issue(now) or changed

    def issue(self, now: int) -> bool:
        """The control processor issues or executes an instruction whose words have passed."""
        job = self.next
        if job is None or self.icp > now or not self.fetched(job, now):
            return False
        if job.inst.UNIT == "ICP":
            if not job.ready(now):
                return False
            job.advance(now)
            self.icp = now + job.work.steps
            self.ends.append(self.icp)
            if job.jumps:
                self.fetched_from, self.word = self.icp, -job.inst.WORDS
        else:
            queue = self.queues[job.unit]
            if len(queue) >= self.target.queue_depth:
                return False
            job.issued = self.icp = now
            queue.append(job)
            if job.unit == "TRANSFER" and job.work.far is not None:
                self.owed.append(job)
            if job.unit == "STREAM":
                self.panels.append(job)
        self.word += job.inst.WORDS
        self.next = next(self.jobs, None)
        self.icp += self.words()
        return True

    def fetched(self, job: Job, now: int) -> bool:
        """Whether the last word has come, and has passed to the engine that gets it."""
        last = self.fetched_from + (self.word + job.inst.WORDS - 1) * self.target.fetch_cycles
        return last + (0 if job.inst.UNIT == "ICP" else self.target.control_latency) <= now

    def take(self, unit: str, now: int) -> bool:
        """An idle engine takes the oldest instruction of its queue, or one without steps ends."""
        job = self.at[unit]
        if job is None:
            if not self.queues[unit]:
                return False
            job = self.at[unit] = self.queues[unit].popleft()
            job.taken = now
            if unit == "SXE":
                job.panel = self.panels.popleft()
                self.products.append(job)
            return True
        if unit == "TRANSFER" and job.begun == LATER and self.may_begin(job, now):
            job.begun = now
        if not self.complete(job, unit, now):
            return False
        job.end = now + (job.latency if unit != "TRANSFER" or job.work.bytes else 0)
        self.ends.append(job.end)
        if unit == "TRANSFER" and job.work.far is not None:
            self.bus = (job.work.far.writes, now)
        self.at[unit] = None
        return True

    def complete(self, job: Job, unit: str, now: int) -> bool:
        """Whether an instruction has nothing left to do in its engine."""
        if job.step < job.work.steps or self.start(job, unit) > now:
            return False
        if not job.work.steps and unit in LINKS:
            if not self.on_link(job, now):
                return False
            job.passed = [now]
        return unit != "SXE" or job.panel is None or job.panel.freed == job.panel.work.beats

    def start(self, job: Job, unit: str) -> int:
        """When the first step may be done."""
        if unit != "TRANSFER":
            return job.taken + self.target.issue_latency
        if job.work.far is None:
            return job.begun
        rest = self.target.issue_latency - job.work.steps
        return job.begun + max(0, rest) + ceil(job.banks / self.channels.units)

    def setup(self, unit: str) -> int:
        """How long a step follows the granules that it waits for."""
        return 0 if unit == "TRANSFER" else self.target.issue_latency

    def may_begin(self, job: Job, now: int) -> bool:
        """Whether the bus has turned and no access to the same bytes is in the way."""
        if job.work.far is None:
            return True
        if self.bus is not None and self.bus[0] is not job.work.far.writes:
            turn = self.channels.to_write if job.work.far.writes else self.channels.to_read
            if now < self.bus[1] + turn:
                return False
        return self.is_first(job, now * self.channels.units)

    def passed(self, other: Job) -> int:
        """The unit from which another access is out of the way."""
        if other.unit == "STREAM":
            return -(-other.sent // self.channels.units) * self.channels.units
        return other.end * self.channels.units

    def stream(self, unit: int) -> bool:
        """One unit of the stream's engine: take a panel up, request a beat, or finish."""
        job, queue = self.at["STREAM"], self.queues["STREAM"]
        if job is None:
            if not queue or not self.may_stream(queue[0], unit):
                return False
            job = self.at["STREAM"] = queue.popleft()
            job.taken, self.beat_over = unit, unit
            self.overlap(job)
            self.stream_setup = unit + self.target.issue_latency * self.channels.units
        if unit < self.beat_over:
            return False
        beats = job.work.beats
        if job.asked == beats:
            job.sent = self.last_sent = unit
            cycle = -(-unit // self.channels.units)
            self.arrived_at.append(cycle + (self.target.hbm_latency if beats else 0))
            self.ends.append(self.arrived_at[-1])
            self.at["STREAM"] = None
            return True
        if not self.has_room(job):
            return False
        self.in_fifo += share(job.work.bytes, job.asked, beats)
        self.beat_over = unit + share(job.work.units, job.asked, beats)
        arrival = -(-self.beat_over // self.channels.units) + self.target.hbm_latency
        job.arrivals.append(arrival)
        job.asked += 1
        return True

    def pay(self, unit: int, last: int) -> None:
        """Units in which no beat is served, up to the last, pay for the oldest transfers."""
        while unit < last and self.owed:
            paid = min(last - unit, self.owed[0].bill)
            unit += paid
            self.owed[0].bill -= paid
            if not self.owed[0].bill:
                self.owed.popleft().paid = unit

    def may_stream(self, job: Job, unit: int) -> bool:
        """Whether the stream's engine may take a panel up."""
        if unit < self.stream_setup or job.issued * self.channels.units > unit:
            return False
        while job.bills and not job.bills[0].bill:
            job.paid = max(job.paid, job.bills[0].paid)
            del job.bills[0]
        if job.work.beats and job.bills:
            return False
        busy = max(job.paid, self.last_sent or 0)
        if busy and unit < busy + job.border:
            return False
        return self.is_first(job, unit)

    def overlap(self, job: Job) -> None:
        """A panel that only the channels held up takes less where some of them were free."""
        alone = max(job.issued * self.channels.units, self.stream_setup, job.hazard)
        held = max(job.paid, self.last_sent or 0) - alone
        job.work.units -= min(max(0, -job.border), max(0, held))

    def is_first(self, job: Job, unit: int) -> bool:
        """Whether all accesses that a job comes behind are over; those that are, are forgotten."""
        while job.behind and self.passed(job.behind[0]) <= unit:
            job.hazard = max(job.hazard, self.passed(job.behind[0]))
            del job.behind[0]
        return not job.behind

    def free_beats(self, now: int) -> None:
        """Beats whose tiles are done, and that have come, leave the FIFO."""
        job = self.at["SXE"]
        panel = None if job is None else job.panel
        if job is None or panel is None or now < self.start(job, "SXE"):
            return
        beats = panel.work.beats
        while panel.freed < len(panel.arrivals) and panel.arrivals[panel.freed] <= now:
            if job.step < job.work.steps * (panel.freed + 1) // beats:
                return
            self.in_fifo -= share(panel.work.bytes, panel.freed, beats)
            panel.freed += 1

    def steps(self, now: int) -> None:
        """Each engine does the step of this cycle, if nothing holds it."""
        for unit in ENGINES[1:]:
            job = self.at[unit]
            if job is None or job.step >= job.work.steps or now < self.start(job, unit):
                continue
            if not self.on_link(job, now):
                continue
            if job.ready(now - self.setup(unit)) and self.arrived(job, now):
                job.passed.append(now)
                job.advance(now)

    def on_link(self, job: Job, now: int) -> bool:
        """Whether there is room for a message, or its next step is there."""
        if job.before is not None and job.before.end > now:
            return False
        if job.message is None:
            return True
        passed = job.message.passed[job.step : job.step + 1]
        return bool(passed) and passed[0] + self.target.link_hop_latency <= now

    def arrived(self, job: Job, now: int) -> bool:
        """Whether the beats of a product's next tile are there."""
        panel = job.panel
        if panel is None or not panel.work.beats:
            return True
        beats = panel.work.beats
        beat = next(
            i for i in range(panel.freed, beats) if job.work.steps * (i + 1) // beats > job.step
        )
        return beat < len(panel.arrivals) and max(panel.arrivals[: beat + 1]) <= now
