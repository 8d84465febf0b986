"""
Which instructions of a program exchange, and which make the addresses and the blocks of those.

A block is what stands in a slot before it is sent: the nearest instruction before a `send` that
writes through the same register. The makers of an address are the nearest scalar instructions
before, from which its registers have their values. One that makes other values, too, is shared: a
change of it is one of the whole program, which may well stay one that exchanges rightly.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from runtime.isa import Inst, Operand, Recv, Send
from runtime.isa.instructions.ctrl import Bge, Halt, Jump, Loop
from runtime.isa.spec import CtrlInst, DataInst

Net = Send | Recv
FLOW = Loop | Bge | Jump | Halt


def slot_of(inst: Net) -> Operand:
    """The operand of an instruction that exchanges."""
    return inst.src if isinstance(inst, Send) else inst.dst


@dataclass(frozen=True)
class Places:
    """The instructions of a program that matter for an exchange, by their number in the code."""

    code: Sequence[Inst]

    @cached_property
    def net(self) -> list[int]:
        """Sends and receives."""
        return [at for at, inst in enumerate(self.code) if isinstance(inst, Net)]

    @cached_property
    def blocks(self) -> list[int]:
        """What writes a block that is sent."""
        sends = [at for at in self.net if isinstance(self.code[at], Send)]
        return sorted({at for at in map(self._block, sends) if at is not None})

    def _block(self, send: int) -> int | None:
        inst = self.code[send]
        assert isinstance(inst, Send)
        base = inst.src.base
        for at in range(send - 1, -1, -1):
            before = self.code[at]
            if isinstance(before, FLOW) or base in before.writes():
                return None
            if isinstance(before, DataInst) and base in _written_through(before):
                return None if isinstance(before, Net) else at
        return None

    @cached_property
    def scalars(self) -> list[int]:
        """What makes the addresses and extents of these."""
        found: set[int] = set()
        for at in (*self.net, *self.blocks):
            self._trace(at, _exchanging(self.code[at]), found)
        return sorted(found)

    def _trace(self, at: int, registers: Iterable[int], found: set[int]) -> None:
        for register in {*registers} - {0}:
            maker = self.writer(at, register)
            if maker is None or maker in found or not isinstance(self.code[maker], CtrlInst):
                continue
            if not isinstance(self.code[maker], FLOW):
                found.add(maker)
                self._trace(maker, self.code[maker].reads(), found)

    def writer(self, at: int, register: int) -> int | None:
        """The nearest instruction before one that writes a register."""
        before = range(at - 1, -1, -1)
        return next((k for k in before if register in self.code[k].writes()), None)

    @cached_property
    def shared(self) -> frozenset[int]:
        """Scalar instructions whose results are read by others, too."""
        exchange = {*self.net, *self.blocks, *self.scalars}
        return frozenset(at for at in self.scalars if self._readers(at) - exchange)

    def _readers(self, at: int) -> set[int]:
        """What reads the results of an instruction, up to the next that writes them."""
        found: set[int] = set()
        for register in self.code[at].writes():
            for later in range(at + 1, len(self.code)):
                inst = self.code[later]
                if register in inst.reads():
                    found.add(later)
                if register in inst.writes() and not isinstance(inst, Loop):
                    break
        return found

    @cached_property
    def registers(self) -> list[int]:
        """The registers that these instructions know."""
        chosen = (*self.net, *self.blocks, *self.scalars)
        known = (r for at in chosen for r in (*self.code[at].reads(), *self.code[at].writes()))
        return sorted({0, *known})


def _written_through(inst: DataInst) -> set[int]:
    operands = {name: inst.operand(name) for name in inst.viewed()}
    return {o.base for name, o in operands.items() if inst.direction(name)[1]}


def _exchanging(inst: Inst) -> set[int]:
    """The registers of an instruction that say what is exchanged, and where it lies."""
    assert isinstance(inst, DataInst)
    if isinstance(inst, Net):
        return set(inst.reads())
    extents = getattr(inst, "extents", ())
    operands = [inst.operand(name) for name in inst.viewed() if inst.direction(name)[1]]
    return {*extents, *(r for o in operands for r in (o.base, *o.strides))}
