"""Whether an entry does what it was meant to do, as `runtime.isa.meant` describes it.

    meant    what was computed, put, or sent is something else

The rules for bytes say that all devices have what one of them put into its block. This one says
that it put there what it should: of a wrong value that goes to all alike they know nothing.
"""

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from operator import add, mul, sub
from typing import Any

from runtime.isa.instructions.ctrl import (
    Add,
    Addi,
    Bge,
    Divi,
    Halt,
    Jump,
    Lds,
    Li,
    Loop,
    Max,
    Min,
    Mov,
    Mul,
    Muli,
    Out,
    Sts,
    Sub,
)
from runtime.isa.meant import MASK, digest_of, mixed, told
from runtime.isa.spec import Inst
from runtime.ring.checks.load.forms import Form
from runtime.ring.checks.load.layers.groups import packer
from runtime.ring.checks.load.walk import Walk

EMPTY = mixed("nothing", "known")
"""In a register of which nothing is known; nothing that was meant mentions it."""
Compute = Callable[[Any, list[int]], None]
"""Computes a number of registers."""
Function = Callable[[int, int], int]


def _modulo(function: Function) -> Function:
    return lambda a, b: function(a, b) & MASK


_FUNCTIONS: dict[str, Function] = {
    **{name: _modulo(f) for name, f in (("add", add), ("sub", sub), ("mul", mul))},
    "addi": _modulo(add), "muli": _modulo(mul),
    **{name: partial(mixed, name) for name in ("min", "max", "divi")},
}  # fmt: skip


@dataclass
class Held:
    """Numbers of registers, and of scalars in the LMU by address."""

    registers: list[int]
    scalars: dict[int, int] = field(default_factory=dict[int, int])

    def copy(self) -> "Held":
        """The same, to be changed apart."""
        return Held(self.registers[:], dict(self.scalars))

    def meet(self, other: "Held") -> None:
        """Keep what both know."""
        for register, number in enumerate(other.registers):
            if self.registers[register] != number:
                self.registers[register] = EMPTY
        self.scalars = dict(self.scalars.items() & other.scalars.items())


@dataclass
class Told:
    """A stretch: words and packed numbers of its instructions, which begin at `first`."""

    first: int
    words: list[str] = field(default_factory=list[str])
    numbers: list[bytes] = field(default_factory=list[bytes])
    is_exchange: bool = False


class Meaning:
    """Compares entries with what they were meant to do, behind a walk over them."""

    def __init__(self, walk: Walk) -> None:
        self.walk = walk
        self.code = walk.code
        self.narrator = walk.narrator
        self.held: Held | None = None

    def check(self, start: int, registers: Mapping[int, int], meant: Sequence[str]) -> None:
        """Refuse an entry that does something else; its registers hold numbers."""
        self.meant = list(reversed(meant))
        held = self.held = Held([EMPTY] * 256)
        for register, number in {**registers, 0: 0}.items():
            held.registers[register] = number & MASK
        self.told, self.ways = Told(start), dict[int, tuple[list[int], Held]]()
        self.loops, self.count = dict[int, int](), {"branch": 0, "data": 0}
        at = start
        while self._goes_on:
            at = self._straight(at)
            if at in self.walk.joints:
                self._join(at)
            if self._goes_here:
                self._control(at, self.code[at])
            at += 1
        self._end(at - 1)
        if self.meant:
            name = self.narrator.name(at - 1)
            self.narrator.refuse("meant", f"more was meant to be done than up to {name}", at - 1)

    @property
    def _goes_here(self) -> bool:
        return self.held is not None

    @property
    def _goes_on(self) -> bool:
        return self.held is not None or bool(self.ways)

    def _end(self, at: int) -> Told:
        """A stretch ends before or at an instruction, with which the next one begins."""
        told = self.told
        if not self.meant or self.meant.pop() != digest_of(told.words, b"".join(told.numbers)):
            names = f"{self.narrator.name(told.first)} to {self.narrator.name(at)}"
            what = f"{names} compute, put or send something else than was meant"
            self.narrator.refuse("meant", what, at, told.first)
        self.told = Told(at)
        return self.told

    def _say(self, at: int, word: str, numbers: Sequence[int], is_exchange: bool = False) -> None:
        if self.told.is_exchange and not is_exchange:
            self._end(at)
        told = self.told
        told.words.append(word)
        told.numbers.append(packer(len(numbers))(*numbers))
        told.is_exchange = is_exchange

    def _straight(self, at: int) -> int:
        """Execute up to where ways meet, or an instruction of the control unit is no function."""
        held, end = self.held, self.walk.breaks[bisect_left(self.walk.breaks, at)]
        if held is None or at == end:
            return end
        for first, behind, group in self.walk.groups.within(at, end):
            if at < first:
                self._span(at, first, held.registers)
            if self.told.is_exchange and not group.is_exchange:
                self._end(first)
            told = self.told
            told.words.append(group.words)
            told.numbers.append(group.numbers(held.registers))
            told.is_exchange, at = group.is_exchange, behind
        self._span(at, end, held.registers)
        return end

    def _span(self, at: int, end: int, registers: list[int]) -> None:
        """Execute instructions one by one, none of which is on links."""
        words, numbers = list[str](), list[int]()
        for step in self.walk.steps[at:end]:
            if type(step) is Form:
                words.append(step.kind.what)
                numbers += step.get(registers)
            elif type(step) is Li:
                registers[step.rd] = step.value & MASK
            else:
                _COMPUTE[type(step)](step, registers)
        if not words:
            return
        if self.told.is_exchange:
            self._end(at)
        self.told.words += words
        self.told.numbers.append(packer(len(numbers))(*numbers))

    def _control(self, at: int, inst: Inst) -> None:
        held = self.held
        assert held is not None
        if isinstance(inst, Sts | Lds):
            self._memory(at, inst, held)
        elif isinstance(inst, Loop):
            self._turn(at, inst, held)
        elif isinstance(inst, Bge | Jump):
            self._branch(at, inst, held)
        elif isinstance(inst, Out):
            self._say(at, told(Out, (inst.ra,)), (held.registers[inst.ra],))
        elif isinstance(inst, Halt):
            self._say(at, told(Halt, ()), ())
            self.held = None
        elif isinstance(step := self.walk.steps[at], Form):
            self._say(at, step.kind.what, step.get(held.registers), step.is_exchange)
        else:
            _COMPUTE[type(inst)](inst, held.registers)

    def _memory(self, at: int, inst: Sts | Lds, held: Held) -> None:
        if isinstance(inst, Sts):
            held.scalars[inst.address] = held.registers[inst.ra]
            return
        if inst.address not in held.scalars:
            self._say(at, told(Lds, (inst.rd, inst.address)), ())
            number = mixed("data", inst.address, self.count["data"])
            self.count["data"] += 1
        else:
            number = held.scalars[inst.address]
        held.registers[inst.rd] = number

    def _branch(self, at: int, inst: Bge | Jump, held: Held) -> None:
        number, goal = self.count["branch"], self.walk.goals[at]
        self.count["branch"] += 1
        read = [held.registers[register] for register in inst.reads()]
        self._say(at, f"{inst.MNEMONIC} {number}", read)
        if goal in self.ways:
            branches, known = self.ways[goal]
            branches.append(number)
            known.meet(held)
        else:
            self.ways[goal] = [number], held.copy()
        if isinstance(inst, Jump):
            self.held = None

    def _join(self, at: int) -> None:
        """Branches may lead here, and loops begin."""
        if at in self.ways:
            branches, known = self.ways.pop(at)
            names = [*(["here"] if self.held else []), *map(str, branches)]
            self._say(at, f"from {' '.join(names)}", ())
            if self.held is not None:
                known.meet(self.held)
            self.held = known
        for tail in self.walk.tails.get(at, ()) if self.held else ():
            self._begin(at, tail)

    def _begin(self, head: int, tail: int) -> None:
        held, loop, number = self.held, self.code[tail], len(self.loops)
        assert held is not None and isinstance(loop, Loop)
        self.loops[tail] = number
        self._say(head, f"loop {number}", (held.registers[loop.rd],))
        for register in self.walk.bodies.written(head, tail):
            held.registers[register] = EMPTY
        for address in self.walk.bodies.keeping(head, tail):
            held.scalars.pop(address, None)
        held.registers[loop.rd] = mixed("turn", number)

    def _turn(self, at: int, inst: Loop, held: Held) -> None:
        number = self.loops[at]
        self._say(at, f"end {number} {inst.step}", (held.registers[inst.rb],))
        held.registers[inst.rd] = mixed("after", number)


def _li(inst: Li, registers: list[int]) -> None:
    registers[inst.rd] = inst.value & MASK


def _mov(inst: Mov, registers: list[int]) -> None:
    registers[inst.rd] = registers[inst.ra]


def _immediate(function: Function) -> Compute:
    def compute(inst: Addi | Muli | Divi, registers: list[int]) -> None:
        registers[inst.rd] = function(registers[inst.ra], inst.imm)

    return compute


def _of_two(function: Function) -> Compute:
    def compute(inst: Add | Sub | Mul | Min | Max, registers: list[int]) -> None:
        registers[inst.rd] = function(registers[inst.ra], registers[inst.rb])

    return compute


_COMPUTE: dict[type[object], Compute] = {
    Li: _li,
    Mov: _mov,
    **{cls: _immediate(_FUNCTIONS[cls.MNEMONIC]) for cls in (Addi, Muli, Divi)},
    **{cls: _of_two(_FUNCTIONS[cls.MNEMONIC]) for cls in (Add, Sub, Mul, Min, Max)},
}
"""What computes an instruction that does nothing else."""
