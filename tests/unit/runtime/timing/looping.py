"""Random programs with loops in loops, whose requests go on by odd strides, and machines for them.

    prologue  turn: [ first  inner: [ second ] x m  third ] x n  epilogue

A panel may be pushed in one turn and drained in the next; addresses in HBM go on in some turns.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random

from runtime.isa import Inst, Recv, Stream, Vecmat
from runtime.isa.instructions.ctrl import Addi, Loop
from runtime.program.program import Program
from runtime.timing.links import OTHER
from tests.unit.runtime.timing.random_programs import FAR, Maker, with_links

TURN, INNER = 250, 251
"""Registers that count."""
NEAR = 1024
"""No stride and no extent is so large."""
MOST = 170
"""Registers that hold constants, or some more."""
STRIDES = (64, 256, 2048, 4096, 1 << 15, 12, 4100)
"""Of HBM; some go round all channels and banks of the small machine, some do not."""


class Looping:
    """The parts of a program, each of which drains what it pushes."""

    def __init__(self, seed: int, exchanges: bool) -> None:
        self.maker, self.random = Maker(seed), Random(seed + 1)
        target = self.maker.made.target
        if exchanges:
            target = with_links(target, self.maker.random)
        skew = self.random.choice(("none", "none", "fold"))
        self.maker.made.target = replace(target, hbm_skew=skew)
        self.exchanges = exchanges

    def part(self, length: int) -> list[Inst]:
        """So many instructions, or some more."""
        maker = self.maker
        begun = len(maker.code)
        steps: Sequence[Callable[[], None]] = [
            maker.vector, maker.vector, maker.stream, maker.stream, maker.product, maker.scalar,
            *([maker.message] * 3 if self.exchanges else []),
        ]  # fmt: skip
        while len(maker.code) < begun + length and len(maker.made.registers) < MOST:
            if maker.transfers and maker.settled() and maker.random.random() < 0.3:
                maker.transfer()
            maker.random.choice(steps)()
        while maker.flight:
            maker.product()
        for side, other in OTHER.items():
            for shape in maker.sent[side]:
                maker.code.append(Recv(other, maker.four(shape), maker.operand(shape)))
            maker.sent[side].clear()
        return maker.code[begun:]

    def moves(self) -> Sequence[Inst]:
        """Some addresses in HBM go on, and now and then one in the LMU."""
        known = self.maker.constants.items()
        far = [register for value, register in known if value >= FAR]
        near = [register for value, register in known if NEAR <= value < FAR]
        chosen = [register for register in far if self.random.random() < 0.4]
        moves = [Addi(r, r, self.random.choice(STRIDES)) for r in chosen]
        if near and self.random.random() < 0.2:
            register = self.random.choice(near)
            moves.append(Addi(register, register, self.random.choice((4, 64))))
        return moves

    def program(self, turns: int) -> Program:
        """The program, with so many turns of the outer loop."""
        first, second, third = self.part(12), self.part(8), self.part(4)
        pushed = [inst for inst in first if isinstance(inst, Stream)][:1]
        if self.random.random() < 0.5 or not pushed:
            before, turn = list[Inst](), first
        else:
            before, turn = pushed, [inst for inst in first if inst is not pushed[0]]
        moves: Sequence[Inst] = self.moves() if self.random.random() < 0.6 else []
        register = self.maker.register
        most, inner = register(turns), register(self.random.choice((2, 3, 7)))
        head: list[Inst] = [*before, Addi(TURN, 0, 0)]
        outer: list[Inst] = [*turn, Addi(INNER, 0, 0)]
        at = _words(head) + _words(outer)
        body = [*outer, *second, Loop(INNER, inner, 1, at), *third, *moves]
        body += pushed if before else []
        products = [inst for inst in turn if isinstance(inst, Vecmat)]
        after = products[: len(before)]
        return self.maker.made.program([*head, *body, Loop(TURN, most, 1, _words(head)), *after])


def _words(code: Sequence[Inst]) -> int:
    return sum(inst.WORDS for inst in code)


def random_loops(seed: int, turns: int = 8) -> Program:
    """A program with loops; every other one exchanges messages."""
    return Looping(seed, bool(seed % 2)).program(turns)
