"""Executed instructions on their way through the ticking model."""

from collections import defaultdict
from dataclasses import dataclass, field

from runtime.isa import Inst, Recv, Send
from tests.unit.runtime.timing.passes import Pass

LATER = 1 << 60
LINKS = ("send.left", "send.right", "recv.left", "recv.right")
ENGINES = ("STREAM", "TRANSFER", "SXE", "VXE", *LINKS)
Use = tuple["Job", int, bool]


@dataclass(eq=False)
class Job:
    """One executed instruction, and when it has touched each granule.

    What is received is a `message`, of which each step has `passed` in a cycle; what is sent needs
    the room of the message `before`, once that is received. Of the channels it takes `border` units
    more or less behind what came before; of the bills before a stream the last is `paid` at a unit,
    and the last access that it comes behind is over at `hazard`; a transfer waits for `banks`.
    """

    inst: Inst
    work: Pass
    unit: str
    needs: dict[int, list[Use]] = field(default_factory=lambda: defaultdict(list))
    over_reads: dict[int, int] = field(default_factory=dict)
    over_writes: dict[int, int] = field(default_factory=dict)
    behind: list["Job"] = field(default_factory=list)
    latency: int = 0
    jumps: bool = False
    bill: int = 0
    bills: list["Job"] = field(default_factory=list)
    border: int = 0
    banks: int = 0
    hazard: int = 0
    paid: int = 0
    issued: int = LATER
    taken: int = LATER
    begun: int = LATER
    step: int = 0
    end: int = LATER
    sent: int = LATER
    asked: int = 0
    arrivals: list[int] = field(default_factory=list)
    freed: int = 0
    panel: "Job | None" = None
    message: "Job | None" = None
    before: "Job | None" = None
    passed: list[int] = field(default_factory=list)

    def ready(self, now: int) -> bool:
        """Whether the granules of the next step are free at a time."""
        return all(
            (job.over_writes if wrote else job.over_reads).get(g, LATER) <= now
            for job, g, wrote in self.needs.get(self.step, ())
        )

    def advance(self, now: int) -> None:
        """Do the next step."""
        for touched, over, more in (
            (self.work.reads, self.over_reads, 0),
            (self.work.writes, self.over_writes, self.latency),
        ):  # fmt: skip
            for g, (_, last) in touched.items():
                if last == self.step:
                    over[g] = now + 1 + more
        self.step += 1


class Links:
    """Which message is received as which: all devices do the same thing at the same time."""

    def __init__(self, depth: int) -> None:
        self.depth = depth
        self.sent: dict[str, list[Job]] = {"left": [], "right": []}
        self.received: dict[str, list[Job]] = {"left": [], "right": []}

    def add(self, job: Job) -> None:
        """An instruction comes next in the program."""
        if isinstance(job.inst, Send):
            sent, received = self.sent[job.inst.side], self.received[other(job.inst.side)]
            if len(sent) >= self.depth:
                job.before = received[len(sent) - self.depth]
            sent.append(job)
        elif isinstance(job.inst, Recv):
            received = self.received[job.inst.side]
            job.message = self.sent[other(job.inst.side)][len(received)]
            received.append(job)


def other(side: str) -> str:
    """The other side."""
    return "right" if side == "left" else "left"


def unit_of(inst: Inst) -> str:
    """The queue that an instruction goes to."""
    if inst.UNIT == "MEM":
        return "STREAM" if inst.MNEMONIC == "stream" else "TRANSFER"
    if isinstance(inst, Send | Recv):
        return f"{inst.MNEMONIC}.{inst.side}"
    return str(inst.UNIT)


def share(total: int, index: int, count: int) -> int:
    """What one of so many parts has of a total."""
    return total * (index + 1) // count - total * index // count
