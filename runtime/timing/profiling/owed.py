"""What the instructions of a run owe, added up apart from the engines that serve them.

owed = Owed(target)
owed.note(inst, work)                      # for each instruction that is executed
owed.compare(sums)                         # of the events: AssertionError where they differ
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple, Self

from runtime.isa.spec import Inst
from runtime.target import Target
from runtime.timing.engines import engine_of
from runtime.timing.events import Engine
from runtime.timing.streams import Panel
from runtime.timing.work import Work

CHANNELS = (Engine.STREAM, Engine.TRANSFER)
"""The engines that move bytes of HBM."""
KEPT = 1 << 14
"""Instructions that are added up at once."""


class Sums(NamedTuple):
    """How many instructions an engine has, how long they keep it busy, and their bytes.

    Of channels that is in their units (`runtime.timing.hbm`), of others in cycles.
    """

    instructions: int = 0
    busy: int = 0
    bytes: int = 0

    def plus(self, other: Self, times: int = 1) -> "Sums":
        """With others, so many times."""
        return Sums(*(a + times * b for a, b in zip(self, other, strict=True)))


WORDS = {"instructions": "instructions", "busy": "busy cycles, or units", "bytes": "bytes"}


class Owed:
    """The sums by engine of what was executed so far."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self._sums = dict.fromkeys(Engine, Sums())
        self._insts: list[Inst] = []
        self._works: list[Work] = []

    def note(self, inst: Inst, work: Work) -> None:
        """An instruction is executed."""
        self._insts.append(inst)
        self._works.append(work)
        if len(self._insts) == KEPT:
            self._add_up()

    def leave(self, panels: Iterable[Panel]) -> None:
        """The run ends before all bytes of some panels are requested, which no product takes."""
        for panel in panels:
            left = Sums(1, panel.units, panel.size)
            self._sums[Engine.STREAM] = self._sums[Engine.STREAM].plus(left, -1)

    def compare(self, sums: Mapping[Engine, Sums]) -> None:
        """AssertionError where events have other sums than what was executed.

        A stream takes less of the channels where it begins while others end
        (`runtime.timing.hbm.borders`), and never more.
        """
        self._add_up()
        for engine, owed in self._sums.items():
            had = sums.get(engine, Sums())
            if engine is Engine.STREAM and had.busy <= owed.busy:
                owed = owed._replace(busy=had.busy)
            for name, due, done in zip(Sums._fields, owed, had, strict=True):
                if due != done:
                    raise AssertionError(
                        f"{engine}: what was executed has {due} {WORDS[name]}, the events of the "
                        f"run {done}"
                    )

    def _add_up(self) -> None:
        """Instructions of the same work are added up at once."""
        keys = list(zip(map(id, self._insts), map(id, self._works), strict=True))
        known = dict(zip(keys, zip(self._insts, self._works, strict=True), strict=True))
        for key, times in Counter(keys).items():
            inst, work = known[key]
            engine = engine_of(inst)
            each = Sums(1, self._busy(engine, work), work.bytes)
            self._sums[engine] = self._sums[engine].plus(each, times)
        self._insts.clear()
        self._works.clear()

    def _busy(self, engine: Engine, work: Work) -> int:
        if engine in CHANNELS:
            return work.units
        return work.steps + (0 if engine is Engine.ICP else self.target.issue_latency)
