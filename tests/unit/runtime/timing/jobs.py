"""Executed instructions on their way through the ticking model."""

from collections import defaultdict
from dataclasses import dataclass, field

from runtime.isa import Inst
from tests.unit.runtime.timing.passes import Pass

LATER = 1 << 60
ENGINES = ("STREAM", "TRANSFER", "SXE", "VXE")
Use = tuple["Job", int, bool]


@dataclass(eq=False)
class Job:
    """One executed instruction. `left` has the time at which each granule is read or written."""

    inst: Inst
    work: Pass
    needs: dict[int, list[Use]] = field(default_factory=lambda: defaultdict(list))
    over_reads: dict[int, int] = field(default_factory=dict)
    over_writes: dict[int, int] = field(default_factory=dict)
    behind: list["Job"] = field(default_factory=list)
    latency: int = 0
    bill: int = 0
    bills: list["Job"] = field(default_factory=list)
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


def unit_of(inst: Inst) -> str:
    """The queue that an instruction goes to."""
    if inst.UNIT == "MEM":
        return "STREAM" if inst.MNEMONIC == "stream" else "TRANSFER"
    return str(inst.UNIT)


def share(total: int, index: int, count: int) -> int:
    """What one of so many parts has of a total."""
    return total * (index + 1) // count - total * index // count
