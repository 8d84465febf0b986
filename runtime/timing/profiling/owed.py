"""What the instructions of a run owe, added up apart from the engines that serve them.

owed = Owed(target)
owed.note(inst, work)                      # for each instruction that is executed
owed.request(number, inst, work, border)   # for each request of HBM, before its event
owed.watched(events)                       # the same events: AssertionError for what cannot be
owed.compare(sums)                         # of the events: AssertionError where they differ

A stream takes as long as the law says, less what the border saves, as far as it could have begun
earlier: when it was issued, the stream before had begun, and writes of its bytes were over. Events
say that in cycles, so what a stream owes is known to the unit where it saves nothing, or all that
its border has, and else lies between two bounds.
"""

from bisect import bisect_right, insort
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple, Self

from runtime.isa.instructions.memory import Stream
from runtime.isa.spec import Inst
from runtime.target import Target
from runtime.timing.engines import engine_of
from runtime.timing.events import Cause, Engine, Event
from runtime.timing.hbm import Border, rates
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
        self._streams: dict[int, tuple[int, int]] = {}
        self._writers: set[int] = set()
        self._written: list[int] = []
        self._begun = -target.issue_latency
        self._saving = 0

    def note(self, inst: Inst, work: Work) -> None:
        """An instruction is executed."""
        self._insts.append(inst)
        self._works.append(work)
        if len(self._insts) == KEPT:
            self._add_up()

    def leave(self, panels: Iterable[Panel]) -> None:
        """The run ends before all bytes of some panels are requested, which no product takes."""
        for panel in panels:
            units, _ = self._streams.pop(panel.number)
            left = Sums(1, units, panel.size)
            self._sums[Engine.STREAM] = self._sums[Engine.STREAM].plus(left, -1)

    def request(self, number: int, inst: Inst, work: Work, border: Border) -> None:
        """A request of HBM is to be served, with a border."""
        if isinstance(inst, Stream):
            self._streams[number] = work.units, border.total
        elif work.far.writes:
            self._writers.add(number)

    def watched(self, events: Iterable[Event]) -> Iterator[Event]:
        """Events of a run, each of which may be."""
        for event in events:
            if event.engine is Engine.STREAM:
                self._stream(event)
            elif event.engine is Engine.TRANSFER and event.number in self._writers:
                insort(self._written, event.end)
            yield event

    def _stream(self, event: Event) -> None:
        if (due := self._streams.pop(event.number, None)) is None:
            raise AssertionError(f"{event.engine}: instruction {event.number} has 2 events, owes 1")
        units, border = due
        least, most = self._saved(event, max(0, -border))
        self._saving += units - event.busy
        if not least <= units - event.busy <= most:
            raise AssertionError(
                f"{event.engine}: instruction {event.number} takes {event.busy} units of the "
                f"channels, it owes {units - most} to {units - least}"
            )
        self._begun = event.start

    def _saved(self, event: Event, border: int) -> tuple[int, int]:
        """The units that a stream saves, at least and at most, of those that its border has."""
        if not border or event.first.cause in (Cause.ISSUE, Cause.HBM):
            return 0, 0
        unit, writes = rates(self.target).units, bisect_right(self._written, event.start)
        alone = max(
            event.issued, self._begun + self.target.issue_latency, *self._written[:writes][-1:]
        )
        least = (event.start - 1 - alone) * unit + 1
        most = (event.start - event.issued) * unit
        return max(0, min(border, least)), min(border, most)

    def compare(self, sums: Mapping[Engine, Sums]) -> None:
        """AssertionError where events have other sums than what was executed, less what borders
        save streams.
        """
        self._add_up()
        for engine, owed in self._sums.items():
            had = sums.get(engine, Sums())
            if engine is Engine.STREAM:
                owed = owed._replace(busy=owed.busy - self._saving)
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
