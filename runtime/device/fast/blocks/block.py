"""Straight-line code: where it begins and ends, and what its instructions depend on.

A `Block` is a run of data instructions and scalar arithmetic that is entered at its start and left
at its end. Blocks also begin at `send` and `recv`, behind which a run that had to wait goes on.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

from runtime.device.fast.binding import Bound, Step, bind_data
from runtime.device.fast.control import SCALARS, bind_control
from runtime.isa.instructions.ctrl import Bge, Jump, Loop
from runtime.isa.instructions.net import Recv, Send
from runtime.isa.spec import CtrlInst, DataInst, Inst

LEAST = 3
"""Instructions below which a block is not worth remembering."""


class Line(NamedTuple):
    """An instruction of a block.

    `step` executes it; a data instruction is `bound`, and `needs` are the registers at the start of
    the block on whose values it depends.
    """

    pc: int
    inst: Inst
    step: Step
    bound: Bound | None
    needs: frozenset[int]


class Block:
    """The instructions from `start` up to `end`, by `slots` of what a device remembers."""

    def __init__(self, code: Mapping[int, Inst], slots: Mapping[int, int], pcs: Sequence[int]):
        self._code = {pc: code[pc] for pc in pcs}
        self._slots = slots
        self.start = pcs[0]
        self.end = pcs[-1] + code[pcs[-1]].WORDS

    @cached_property
    def lines(self) -> tuple[Line, ...]:
        """The instructions in order."""
        origins: dict[int, frozenset[int]] = {0: frozenset()}
        found: list[Line] = []
        for pc, inst in self._code.items():
            sources = (origins.get(register, frozenset({register})) for register in inst.reads())
            needs = frozenset[int]().union(*sources)
            origins |= dict.fromkeys(inst.writes(), needs)
            following = pc + inst.WORDS
            if isinstance(inst, CtrlInst):
                found.append(Line(pc, inst, bind_control(inst, following), None, needs))
                continue
            assert isinstance(inst, DataInst)
            bound = bind_data(inst, self._slots[pc], following)
            found.append(Line(pc, inst, bound.step, bound, needs))
        return tuple(found)

    @cached_property
    def entered(self) -> tuple[int, ...]:
        """Registers whose values at the start are read, even if nothing depends on them."""
        written, found = {0}, set[int]()
        for line in self.lines:
            found |= {*line.inst.reads()} - written
            written |= {*line.inst.writes()}
        return tuple(sorted(found))

    @cached_property
    def tail(self) -> tuple[Step, ...]:
        """The scalar instructions on which the registers at the end depend, in order."""
        wanted = {register for line in self.lines for register in line.inst.writes()}
        found: list[Step] = []
        for line in reversed(self.lines):
            if line.bound is None and wanted & {*line.inst.writes()}:
                wanted = (wanted - {*line.inst.writes()}) | {*line.inst.reads()}
                found.append(line.step)
        return tuple(reversed(found))


def cut(code: Mapping[int, Inst]) -> Iterator[Block]:
    """The blocks of a program, whose instructions are given by their pc in order."""
    slots = {pc: slot for slot, pc in enumerate(code)}
    targets = {inst.target for inst in code.values() if isinstance(inst, Loop | Bge | Jump)}
    pcs: list[int] = []
    for pc, inst in (*code.items(), (-1, None)):
        fits = isinstance(inst, DataInst) or type(inst) in SCALARS
        if pcs and (not fits or pc in targets or isinstance(inst, Send | Recv)):
            if len(pcs) >= LEAST:
                yield Block(code, slots, pcs)
            pcs = []
        if fits:
            pcs.append(pc)
