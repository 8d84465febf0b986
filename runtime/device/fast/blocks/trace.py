"""Blocks whose calls are remembered together, so that nothing is looked up for each instruction.

    step = tracing(block, first)        # `first` executes the first instruction alone
    pc = step(device)                   # the whole block; the pc behind it

A `Trace` is what a device has learned of a block. Of the registers that the block reads, those that
held the same values whenever it came by are its constants; the others vary. It has segments, each
of instructions that depend on the same varying registers. The values of these find the segment's
calls, and where none are found its instructions are prepared one by one, behind the scalar
arithmetic that they depend on. Of all other arithmetic what the registers at the end depend on is
done there.

Registers that count, as the length of a cache does from token to token, hardly ever find calls.
What is missing for the visits that a `Series` foresees is prepared together: several times in a row
that takes a third of what it takes behind the weights of a layer, which drive all of it out of the
processor's caches. Nothing is executed ahead, and what cannot be prepared is left to its visit.

If an instruction stops the run, the registers become those in front of it and the device's `place`
its pc, as if all had been executed one by one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

from runtime.device.device import Device
from runtime.device.fast.binding import Find, Step
from runtime.device.fast.blocks.block import Block, Line
from runtime.device.fast.blocks.series import Series, Values
from runtime.device.fast.making import Run
from runtime.errors import Error
from runtime.native.passes import joined, length

NO_CALLS: tuple[Run, ...] = ()
FEW = 4
"""Instructions that depend on nothing, below which they are no segment of their own."""


@dataclass
class Segment:
    """Lines `first` to `end` of a block, which depend on `needs`, the registers that vary.

    `pick` takes the values of these from those of all that vary, and `calls` has what was prepared
    for them. `places` are the numbers of the data instructions; what the lines read is computed by
    the steps `before` them.
    """

    first: int
    end: int
    needs: frozenset[int]
    places: tuple[int, ...] = ()
    before: tuple[Step, ...] = ()
    pick: Any = None
    calls: dict[Any, tuple[Run, ...]] = field(default_factory=dict[Any, tuple[Run, ...]])


def tracing(block: Block, first: Step) -> Step:
    """A step that executes a block; when it comes by for the first time only one instruction."""
    start = block.start

    def step(device: Device) -> int:
        trace = device.traces.get(start)
        if trace is None:
            device.traces[start] = Trace(block)
            return first(device)
        if not trace.fits(device.registers):
            return first(device)
        return trace.run(device)

    return step


def _reader(registers: Sequence[int]) -> Any:
    """The values of registers as a tuple, which ends in zeros of r0."""
    return itemgetter(*registers, 0, 0)


class Trace:
    """What a device has learned of a block."""

    def __init__(self, block: Block) -> None:
        self.block = block
        self.vary: frozenset[int] = frozenset()
        self.held: dict[int, Any] = {}
        self.constants_of, self.constants = _reader(()), ()
        self.varying_of = _reader(())
        self.varying: list[int] = []
        self.segments: list[Segment] = []
        self.series = Series()

    def forget(self) -> None:
        """Drop all calls."""
        for segment in self.segments:
            segment.calls.clear()

    def fits(self, registers: Sequence[Any]) -> bool:
        """Whether all registers hold something; what has changed varies from now on."""
        if self.constants_of(registers) == self.constants:
            return None not in self.varying_of(registers)
        now = {register: registers[register] for register in self.block.entered}
        if None in now.values():
            return False
        self.vary |= {register for register, value in self.held.items() if now[register] != value}
        self.held = {register: now[register] for register in now if register not in self.vary}
        self._learn(registers)
        return True

    def _learn(self, registers: Sequence[Any]) -> None:
        """Cut the block anew by the registers that vary; the others have the values of now."""
        vary = self.varying = sorted(self.vary)
        self.constants_of, self.varying_of = _reader([*self.held]), _reader(vary)
        self.constants = self.constants_of(registers)
        self.segments, self.series = segments_of(self.block.lines, self.vary), Series()
        for segment in self.segments:
            places = [vary.index(register) for register in sorted(segment.needs)]
            segment.pick = itemgetter(*places, *[len(vary)] * (2 - len(places)))

    def run(self, device: Device) -> int:
        """Execute the block; the pc behind it."""
        values = self.varying_of(device.registers)
        self.series.note(values)
        segment, at = self.segments[0], iter(NO_CALLS)
        try:
            for segment in self.segments:
                calls = segment.calls.get(segment.pick(values))
                if calls is None:
                    break
                at = iter(calls)
                for call in at:
                    call()
            else:
                for step in self.block.tail:
                    step(device)
                return self.block.end
        except BaseException:
            self._stop(device, segment, at)
            raise
        return self._go_on(device, self.segments.index(segment), values)

    def _go_on(self, device: Device, number: int, values: Any) -> int:
        """Execute the block from a segment on; some have to be prepared."""
        for segment in self.segments[number:]:
            key = segment.pick(values)
            calls = segment.calls.get(key)
            if calls is None:
                self._prepare(device, segment)
                calls = self._one_by_one(device, segment)
                device.count(1)
                segment.calls[key] = calls
                continue
            at = iter(calls)
            try:
                for call in at:
                    call()
            except BaseException:
                self._stop(device, segment, at)
                raise
        for step in self.block.tail:
            step(device)
        return self.block.end

    def _one_by_one(self, device: Device, segment: Segment) -> tuple[Run, ...]:
        """Prepare and execute a segment; its calls. Registers stay those at the block's start."""
        found: list[Run] = []
        number, start = segment.first, device.registers.copy()
        try:
            for number, find in self._reached(device, segment):  # noqa: B007
                call = find(device)
                call()
                found.append(call)
        except BaseException:
            device.registers[:] = start
            self._be_at(device, number)
            raise
        device.registers[:] = start
        return joined(found)

    def _prepare(self, device: Device, segment: Segment) -> None:
        """Find the calls of a segment for what comes next, up to where one cannot be prepared."""
        try:
            for values in self.series.coming():
                key = segment.pick(values)
                if key not in segment.calls:
                    segment.calls[key] = self._prepared(device, segment, values)
                    device.count(1)
        except Error:
            return
        except BaseException:
            self._be_at(device, segment.first)
            raise

    def _prepared(self, device: Device, segment: Segment, values: Values) -> tuple[Run, ...]:
        """The calls of a segment for values of the registers that vary; all stay as they are."""
        start = device.registers.copy()
        for register, value in zip(self.varying, values, strict=False):
            device.registers[register] = value
        try:
            return joined([find(device) for _, find in self._reached(device, segment)])
        finally:
            device.registers[:] = start

    def _reached(self, device: Device, segment: Segment) -> Iterator[tuple[int, Find]]:
        """The numbers of a segment's data instructions, each behind the arithmetic before it."""
        for step in segment.before:
            step(device)
        for number in range(segment.first, segment.end):
            line = self.block.lines[number]
            if line.bound is None:
                line.step(device)
            else:
                yield number, line.bound.find

    def _stop(self, device: Device, segment: Segment, at: Iterator[Run]) -> None:
        """Be where a call of a segment stopped; `at` goes over the calls that come next."""
        left = sum(map(length, at))
        self._be_at(device, segment.places[len(segment.places) - left - 1])

    def _be_at(self, device: Device, number: int) -> None:
        """Have registers as in front of a line, from those at the block's start."""
        for line in self.block.lines[:number]:
            if line.bound is None:
                line.step(device)
        device.place = self.block.lines[number].pc


def segments_of(lines: Sequence[Line], vary: frozenset[int]) -> list[Segment]:
    """The segments of a block by the registers that vary."""
    found: list[Segment] = []
    runs = _runs(lines, vary)
    for run, following in zip(runs, [*runs[1:], None], strict=True):
        if found and _joins(run, found[-1], following):
            found[-1].end = run.end
        else:
            found.append(run)
    for segment in found:
        numbers = range(segment.first, segment.end)
        segment.places = tuple(n for n in numbers if lines[n].bound is not None)
        segment.before = _before(lines, segment)
    return found


def _before(lines: Sequence[Line], segment: Segment) -> tuple[Step, ...]:
    """The scalar instructions in front of a segment on which it depends, in order."""
    wanted, found = set[int](), list[Step]()
    for line in reversed(lines[segment.first : segment.end]):
        wanted = (wanted - {*line.inst.writes()}) | {*line.inst.reads()}
    for line in reversed(lines[: segment.first]):
        if line.bound is None and wanted & {*line.inst.writes()}:
            wanted = (wanted - {*line.inst.writes()}) | {*line.inst.reads()}
            found.append(line.step)
    return tuple(reversed(found))


def _runs(lines: Sequence[Line], vary: frozenset[int]) -> list[Segment]:
    """Longest runs of data instructions that depend on the same registers of those that vary."""
    found: list[Segment] = []
    for number, line in enumerate(lines):
        needs = line.needs & vary
        if found and (line.bound is None or needs == found[-1].needs):
            found[-1].end = number + 1
        else:
            found.append(Segment(number, number + 1, needs))
    return found


def _joins(run: Segment, before: Segment, following: Segment | None) -> bool:
    """Whether a run belongs to the segment before it: that has the same needs, or it has none."""
    if run.needs == before.needs:
        return True
    is_within = following is not None and following.needs == before.needs
    return not run.needs and (is_within or run.end - run.first < FEW)
