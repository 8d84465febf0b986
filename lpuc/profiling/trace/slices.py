"""What a run shows: slices on tracks, and arrows from what is waited for.

An engine has an instruction on its track from when it takes it up until it is free again. Where it
first waits, a slice before says for what. All devices do the same thing at the same time, so each
has the slices of the one that was walked; a message comes from the neighbour's track.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from runtime.program.program import Program
from runtime.timing.events import Cause, Engine, Event
from runtime.timing.profiling.causes import WORK, waited_for
from runtime.timing.profiling.record import Record
from runtime.timing.scoreboard import NEVER

NEIGHBOUR = {Engine.RECV_LEFT: -1, Engine.RECV_RIGHT: 1, Engine.SEND_LEFT: -1, Engine.SEND_RIGHT: 1}


@dataclass(frozen=True)
class Slice:
    """
    An instruction on the track of an engine, from `begin` to `end` in nanoseconds.

    `number` is that of its event; of a slice that waits it is None. `source` is the device and the
    number of what it waited for last.
    """

    device: int
    engine: Engine
    number: int | None
    name: str
    category: str
    begin: int
    end: int
    nodes: tuple[str, ...]
    bytes: int
    source: tuple[int, int] | None


def tracks(run: Record) -> tuple[Engine, ...]:
    """The engines that do something."""
    seen = {event.engine for event in run.events}
    return tuple(engine for engine in Engine if engine in seen)


def slices(run: Record, program: Program) -> Iterator[Slice]:
    """All slices of all devices, those of an engine in order and beside each other."""
    names = {pc: inst.MNEMONIC for pc, inst in run.code.items()}
    for device in range(program.devices):
        free = dict.fromkeys(Engine, 0)
        for event in run.events:
            yield from _of(run, event, names[event.pc], device, program.devices, free)
            free[event.engine] = max(free[event.engine], event.left)


def _of(
    run: Record, event: Event, name: str, device: int, devices: int, free: dict[Engine, int]
) -> Iterator[Slice]:
    engine, number = event.engine, event.number
    taken = min(event.left, max(free[engine], event.start))
    begin = min(event.left, max(taken, event.first.time))
    nodes = run.nodes[number]
    if begin > taken:
        _, cause, waited = event.first
        spent = waited_for(cause, None if waited == NEVER else run.events[waited].engine)
        yield Slice(device, engine, None, f"waits for {spent}", "wait", _ns(run, taken),
                    _ns(run, begin), nodes, 0, None)  # fmt: skip
    source = None if event.waited == NEVER else (_source(event, device, devices), event.waited)
    yield Slice(device, engine, number, name, str(WORK[engine]), _ns(run, begin),
                _ns(run, event.left), nodes, event.bytes, source)  # fmt: skip


def _source(event: Event, device: int, devices: int) -> int:
    """The device on which that lies for which an event waited."""
    if event.cause is not Cause.LINK:
        return device
    return (device + NEIGHBOUR[event.engine]) % devices


def _ns(run: Record, cycles: int) -> int:
    """Nanoseconds of cycles, by a rule that keeps their order."""
    return round(cycles * 1e9 / run.target.clock_hz)
