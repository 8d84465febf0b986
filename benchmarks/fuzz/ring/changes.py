"""
A program with one change in what it exchanges: every change that there is, in one order.

    dropped, duplicated    an instruction that exchanges, or makes an address or a block
    redirected             to the other side
    extent, stride, base, type    one of them is another one
    scalar                 another operand or number where an address is made
    neighbours             the instruction and the one behind it
    swapped                any two that exchange

What says nothing of the exchange has kinds of its own: `source`, what is put into a block, and
`shared`, a scalar that other instructions read, too. No rule about exchanges sees these: they are
judged with what the compiler says that the code was meant to do, all others without that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations
from random import Random
from typing import Any

from benchmarks.fuzz.ring.places import FLOW, Net, Places
from runtime.isa import Copy, Inst, Operand
from runtime.isa.encoding import word_addresses
from runtime.isa.instructions.ctrl import Bge, Jump, Loop
from runtime.isa.instructions.net import SIDES
from runtime.numerics.elements import ElementType
from runtime.program.program import Program
from runtime.program.provenance import Provenance

BARE = (
    "dropped", "duplicated", "redirected", "extent", "stride", "base", "type", "scalar",
    "neighbours", "swapped",
)  # fmt: skip
MEANT = ("source", "shared")
KINDS = (*BARE, *MEANT)
TYPES = (ElementType.I32, ElementType.F16, ElementType.U8, ElementType.I64)
STEPS = (1, -1, 4, -4, 64)
EACH = 4
"""Registers that are tried in the place of one."""


@dataclass(frozen=True)
class Change:
    """What is done: the instructions from `first` to before `end` give way to others."""

    kind: str
    first: int
    end: int
    insts: tuple[Inst, ...]

    def __str__(self) -> str:
        return f"{self.kind} at {self.first}"


class Changes:
    """All changes of a program. Registers that are tried are drawn, the same in every run."""

    def __init__(self, program: Program) -> None:
        self.code = program.code
        self.places = Places(program.code)
        self.random = Random(len(program.code))

    def all(self) -> list[Change]:
        """Each change once."""
        places = self.places
        found = [change for at in self._exchange for change in self._at(at)]
        found += [self._swap("swapped", a, b) for a, b in combinations(places.net, 2)]
        kept = (c for c in found if c.insts != self.code[c.first : c.end])
        return list(dict.fromkeys(kept))

    def _at(self, at: int) -> Iterator[Change]:
        inst = self.code[at]
        shared = "shared" if at in self.places.shared else ""
        yield Change(shared or "dropped", at, at + 1, ())
        yield Change(shared or "duplicated", at, at + 1, (inst, inst))
        for kind, other in self._changed(at):
            yield Change(shared or kind, at, at + 1, (other,))
        if at + 1 < len(self.code) and not isinstance(self.code[at + 1], FLOW):
            yield self._swap(shared or self._beside(at, at + 1), at, at + 1)
        if at and at - 1 not in self._exchange and not isinstance(self.code[at - 1], FLOW):
            yield self._swap(shared or self._beside(at, at - 1), at - 1, at)

    @cached_property
    def _exchange(self) -> list[int]:
        return sorted({*self.places.net, *self.places.blocks, *self.places.scalars})

    def _beside(self, at: int, other: int) -> str:
        """Of an exchange is what moves within it, or what is moved past what it has to do with."""
        if isinstance(self.code[at], Net) or other in self._exchange:
            return "neighbours"
        inst, neighbour = self.code[at], self.code[other]
        touches = {*inst.writes()} & {*neighbour.reads(), *neighbour.writes()}
        return "source" if at in self.places.blocks or touches else "neighbours"

    def _swap(self, kind: str, one: int, other: int) -> Change:
        insts = self.code[one : other + 1]
        return Change(kind, one, other + 1, (insts[-1], *insts[1:-1], insts[0]))

    def _changed(self, at: int) -> Iterator[tuple[str, Inst]]:
        """The instruction with one field changed; what it is that a block has is a `source`."""
        inst = self.code[at]
        for field in inst.LAYOUT:
            value = getattr(inst, field.name)
            for kind, other in self._others(field.name, value):
                try:
                    changed = replace(inst, **{field.name: other})  # pyright: ignore
                except ValueError:
                    continue
                yield kind if self._says_where(inst, field.name) else "source", changed

    def _says_where(self, inst: Inst, field: str) -> bool:
        """Whether a field is about the slot of an exchange, rather than what is put into it."""
        if isinstance(inst, Net) or not hasattr(inst, "extents"):
            return True
        return field == "dst" or (field == "extents" and isinstance(inst, Copy))

    def _others(self, name: str, value: Any) -> Iterator[tuple[str, Any]]:
        if isinstance(value, Operand):
            yield from (("base", replace(value, base=r)) for r in self._drawn(value.base))
            yield from (("type", replace(value, type=t)) for t in TYPES if t is not value.type)
            for four in self._fours(value.strides):
                yield "stride", replace(value, strides=four)
        elif isinstance(value, tuple):
            yield from (("extent", four) for four in self._fours(value))
        elif name == "side":
            yield "redirected", next(side for side in SIDES if side != value)
        elif name in ("imm", "value"):
            yield from (("scalar", value + step) for step in STEPS)
        elif name in ("ra", "rb"):
            yield from (("scalar", other) for other in self._drawn(value))

    def _fours(self, four: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
        for axis, register in enumerate(four):
            for other in self._drawn(register):
                yield (*four[:axis], other, *four[axis + 1 :])

    def _drawn(self, register: int) -> Iterable[int]:
        """Some registers of the exchange besides one."""
        known = [r for r in self.places.registers if r != register]
        return self.random.sample(known, min(EACH, len(known)))


def made(program: Program, change: Change) -> Program:
    """The program with a change; branches and entries lead where they led."""
    code = (*program.code[: change.first], *change.insts, *program.code[change.end :])
    grown = len(change.insts) - (change.end - change.first)
    before, after = word_addresses(program.code), [*word_addresses(code), _words(code)]
    moved = {
        pc: after[at if at <= change.first else max(at + grown, change.first)]
        for at, pc in enumerate(before)
    }
    laid = [
        replace(inst, target=moved[inst.target]) if isinstance(inst, Loop | Bge | Jump) else inst
        for inst in code
    ]
    interface = replace(program.interface, pc=moved[program.interface.pc])
    others = tuple((name, replace(i, pc=moved[i.pc])) for name, i in program.others)
    return replace(
        program, code=tuple(laid), interface=interface, others=others, provenance=Provenance()
    )


def entry_of(program: Program, change: Change) -> Sequence[str]:
    """The entries whose code a change touches; the code of one ends where the next begins."""
    addresses = word_addresses(program.code)
    touched = {addresses[change.first], addresses[change.end - 1]}
    starts = sorted((interface.pc, name) for name, interface in program.entries)
    return sorted({max(s for s in starts if s[0] <= pc)[1] for pc in touched})


def _words(code: Sequence[Inst]) -> int:
    return sum(inst.WORDS for inst in code)
