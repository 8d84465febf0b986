"""A run with what happened in it, for those who ask why."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import prod

import numpy as np

from runtime.isa.instructions.matrix import Vecmat
from runtime.isa.spec import Inst, values
from runtime.program.program import Program
from runtime.target import Target
from runtime.timing.events import Engine, Event
from runtime.timing.model import FUEL
from runtime.timing.profiling.conserving import worked
from runtime.timing.profiling.owed import CHANNELS, Owed
from runtime.timing.profiling.turns import Layers, Nodes, Turns
from runtime.timing.steady import Steady, Step, happening
from runtime.timing.walk import Walk


@dataclass(frozen=True)
class Record:
    """The events of a run by their number, and what each is for; `cycles` is when it is over.

    `nodes` are those of the layer that it computes, `roles` those of the first layer, and `macs`
    the multiplications of a product. `code` has the instructions by their pc. `work` are the cycles
    in which each engine works.
    """

    target: Target
    symbols: Mapping[str, int]
    events: tuple[Event, ...]
    nodes: tuple[Nodes, ...]
    roles: tuple[Nodes, ...]
    macs: tuple[int, ...]
    code: Mapping[int, Inst]
    cycles: int
    work: Mapping[Engine, int]

    @property
    def seconds(self) -> float:
        """The time of the run."""
        return self.cycles / self.target.clock_hz

    @property
    def hbm_bytes(self) -> int:
        """Bytes that pass the channels."""
        return sum(event.bytes for event in self.events if event.engine in CHANNELS)

    @property
    def utilisation(self) -> float:
        """The share of the bandwidth that is used."""
        most = self.seconds * self.target.hbm_bandwidth
        return self.hbm_bytes / most if most else 0.0

    def issuing(self, event: Event) -> int:
        """The cycles in which the control processor issues the instruction of an event."""
        return self.code[event.pc].WORDS * self.target.control_latency


def record(
    program: Program, symbols: Mapping[str, int], entry: str = "step",
    target: Target | None = None, fuel: int = FUEL,
) -> Record:  # fmt: skip
    """What happens in a run of an entry, for given values of its symbols.

    `target` is another machine of the same sizes. Trap when the program cannot run there, or not
    with `fuel` instructions.
    """
    program = program if target is None else replace(program, target=target)
    walk, turns, owed = Walk(program, symbols, entry), Turns(program), Owed(program.target)
    machine, panels = Steady(program.target, owed.request), list[int]()
    where, macs, code = list[tuple[int, tuple[int, ...]]](), list[int](), dict[int, Inst]()

    def note(step: Step) -> None:
        inst = code[step.pc] = step.inst
        where.append((step.pc, turns.at(step.pc)))
        owed.note(inst, step.work)
        if isinstance(inst, Vecmat):
            batch, rows, *panel = values(walk.registers, inst.extents)
            panels.append(batch * prod(panel) * inst.x.type.itemsize)
            macs.append(batch * rows * prod(panel))
        else:
            macs.append(0)

    found = list(owed.watched(happening(walk, machine, note, fuel)))
    panels.extend(panel.size for panel in machine.engines.fifo.undrained)
    layers, events = Layers(program, turns), tuple(sorted(found))
    words = np.array([code[pc].WORDS for pc, _ in where], np.int64)
    return Record(
        program.target, dict(symbols), events,
        tuple(layers.nodes(pc, at) for pc, at in where),
        tuple(layers.nodes(pc, (0,) * len(at)) for pc, at in where), tuple(macs), code,
        max((event.end for event in found), default=0),
        worked(events, words, owed, sum(panels), program.target),
    )  # fmt: skip
