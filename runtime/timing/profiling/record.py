"""A run with what happened in it, for those who ask why."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import prod

from runtime.isa.instructions.matrix import Vecmat
from runtime.isa.spec import values
from runtime.program.program import Program
from runtime.target import Target
from runtime.timing.engines import Engines
from runtime.timing.events import Event
from runtime.timing.model import FUEL
from runtime.timing.profiling.turns import Layers, Nodes, Turns
from runtime.timing.walk import Walk
from runtime.traps import Trap


@dataclass(frozen=True)
class Record:
    """The events of a run by their number, and what each is for; `cycles` is when it is over.

    `nodes` are those of the layer that it computes, `roles` those of the first layer. `words` are
    the cycles that the control processor takes, and `macs` the multiplications of a product.
    """

    target: Target
    symbols: Mapping[str, int]
    events: tuple[Event, ...]
    nodes: tuple[Nodes, ...]
    roles: tuple[Nodes, ...]
    words: tuple[int, ...]
    macs: tuple[int, ...]
    mnemonics: tuple[str, ...]
    cycles: int

    @property
    def seconds(self) -> float:
        """The time of the run."""
        return self.cycles / self.target.clock_hz


def record(
    program: Program, symbols: Mapping[str, int], entry: str = "step",
    target: Target | None = None, fuel: int = FUEL,
) -> Record:  # fmt: skip
    """What happens in a run of an entry, for given values of its symbols.

    `target` is another machine of the same sizes. Trap when the program cannot run there, or not
    with `fuel` instructions.
    """
    program = program if target is None else replace(program, target=target)
    walk, engines, turns = Walk(program, symbols, entry), Engines(program.target), Turns(program)
    found, where = list[Event](), list[tuple[int, tuple[int, ...]]]()
    words, macs, mnemonics = list[int](), list[int](), list[str]()
    for pc, inst, work, base in walk.run(fuel):
        where.append((pc, turns.at(pc)))
        words.append(inst.WORDS * program.target.control_latency)
        mnemonics.append(inst.MNEMONIC)
        is_product = isinstance(inst, Vecmat)
        macs.append(prod(values(walk.registers, inst.extents)) if is_product else 0)
        try:
            found += engines.execute(pc, inst, work, base)
        except Trap as trap:
            raise walk.located(trap, pc) from None
    layers = Layers(program, turns)
    return Record(
        program.target, dict(symbols), tuple(sorted(found)),
        tuple(layers.nodes(pc, at) for pc, at in where),
        tuple(layers.nodes(pc, (0,) * len(at)) for pc, at in where), tuple(words), tuple(macs),
        tuple(mnemonics), max((event.end for event in found), default=0),
    )  # fmt: skip
