"""Whether code does what it was meant to do before registers were allocated.

`runtime.isa.meant` says what is described. Here it is read off the instructions, from the top
to the bottom of an entry, with the numbers that registers hold for the symbols' own.
"""

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any, NamedTuple

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
    Sts,
    Sub,
)
from runtime.isa.meant import MASK, digest_of, mixed, told
from runtime.isa.spec import Inst
from runtime.program.interface import Interface
from runtime.ring.checks.compile.proof import Report, Rule
from runtime.ring.checks.compile.walk import SETTING, Flow
from runtime.ring.checks.compile.words import Word, Words

NOTHING = mixed("nothing")
"""What a register holds that holds nothing; no compiler describes it."""
REGISTERS = 256
Registers = list[int]
Kept = dict[int, int]


def check_meant(
    flow: Flow, interface: Interface, meant: Sequence[str], report: Report, words: Words
) -> None:
    """Refuse an entry that does something else."""
    held = [NOTHING] * REGISTERS
    held[0] = 0
    for symbol in interface.symbols:
        held[symbol.register] = mixed("symbol", symbol.name)
    for register, value in interface.registers:
        held[register] = value & MASK
    found = Telling(flow, held, words).run(flow.index[interface.pc])
    for number, stretch in enumerate(found):
        if number >= len(meant) or stretch.digest != meant[number]:
            told = "from {1} on the code up to {0} does something else than was meant"
            report.refuse(Rule.MEANT, told, stretch.last, stretch.first)
    if len(found) < len(meant):
        report.refuse(Rule.MEANT, "more was meant to be done than up to {0}", found[-1].last)


_result: Callable[[Inst], int] = attrgetter("rd")


class Stretch(NamedTuple):
    """A stretch of code by its first and last instruction."""

    digest: str
    first: int
    last: int


class Way(NamedTuple):
    """What is known where a branch leads, by the number of the branch."""

    branch: str
    registers: Registers
    kept: Kept


class Telling:
    """Tells what an entry does; `registers` are None where no way leads."""

    def __init__(self, flow: Flow, registers: Registers, words: Words) -> None:
        self.flow = flow
        self.registers: Registers | None = registers
        self.kept: Kept = {}
        self.words_of = words
        self.words: list[str] = []
        self.numbers: list[int] = []
        self.found: list[Stretch] = []
        self.waiting: dict[int, list[Way]] = {}
        self.turns: dict[int, int] = {}
        self.branches = self.loaded = self.first = 0
        self.is_exchange = False

    def run(self, at: int) -> list[Stretch]:
        """The stretches of the entry that begins at an instruction."""
        code, loops, words = self.flow.code, self.flow.loops, self.words_of
        self.first = at
        while self.registers is not None or self.waiting:
            if at in self.waiting:
                self._arrive(at)
            registers, inst = self.registers, code[at]
            if registers is None:
                at += 1
                continue
            if at in loops:
                self._enter(at, loops[at], registers)
            compute = _COMPUTE.get(type(inst))
            if compute is not None:
                compute(inst, registers)
            elif (word := words.known.get(id(inst)) or words.of(inst)).size > 1 and word.text:
                if self.is_exchange is not word.is_exchange:
                    self._tells(at, word.is_exchange)
                self.words.append(word.text)
                self.numbers += word.read(registers)
            else:
                self._describe(at, inst, word, registers)
            at += 1
        self._close(at)
        return self.found

    def _describe(self, at: int, inst: Inst, word: Word, registers: Registers) -> None:
        """What is no instruction on data."""
        if word.text:
            self._tell(at, word.text)
            self.numbers += [word.read(registers)] * word.size
            if type(inst) is Halt:
                self.registers = None
            return
        match inst:
            case Sts():
                self.kept[inst.address] = registers[inst.ra]
            case Lds():
                self._load(at, inst, registers)
            case Loop():
                number = self.turns[at]
                self._tell(at, f"end {number} {inst.step}")
                self.numbers.append(registers[inst.rb])
                registers[inst.rd] = mixed("after", number)
            case _:
                assert isinstance(inst, Bge | Jump)
                self._branch(at, inst, registers)

    def _tell(self, at: int, text: str) -> None:
        if self.is_exchange:
            self._tells(at, is_exchange=False)
        self.words.append(text)

    def _tells(self, at: int, is_exchange: bool) -> None:
        """An exchange begins, or ends before an instruction."""
        if self.is_exchange:
            self._close(at)
        self.is_exchange = is_exchange

    def _close(self, at: int) -> None:
        """A stretch ends before an instruction."""
        self.found.append(Stretch(digest_of(self.words, self.numbers), self.first, at - 1))
        self.words, self.numbers, self.first = [], [], at

    def _load(self, at: int, inst: Lds, registers: Registers) -> None:
        value = self.kept.get(inst.address)
        if value is None:
            self._tell(at, told(Lds, (inst.rd, inst.address)))
            value = mixed("data", inst.address, self.loaded)
            self.loaded += 1
        registers[inst.rd] = value

    def _branch(self, at: int, inst: Bge | Jump, registers: Registers) -> None:
        self._tell(at, f"{inst.MNEMONIC} {self.branches}")
        self.numbers += [registers[register] for register in inst.reads()]
        way = Way(str(self.branches), registers[:], dict(self.kept))
        self.waiting.setdefault(self.flow.index[inst.target], []).append(way)
        self.branches += 1
        if isinstance(inst, Jump):
            self.registers = None

    def _arrive(self, at: int) -> None:
        ways = self.waiting.pop(at)
        if self.registers is not None:
            ways.insert(0, Way("here", self.registers, self.kept))
        self._tell(at, f"from {' '.join(way.branch for way in ways)}")
        columns = zip(*(way.registers for way in ways), strict=True)
        self.registers = [held[0] if len({*held}) == 1 else NOTHING for held in columns]
        first, *others = (way.kept.items() for way in ways)
        self.kept = {k: v for k, v in first if all((k, v) in other for other in others)}

    def _enter(self, head: int, tails: Sequence[int], registers: Registers) -> None:
        code = self.flow.code
        for tail in tails:
            loop, number = code[tail], len(self.turns)
            assert isinstance(loop, Loop)
            self.turns[tail] = number
            self._tell(head, f"loop {number}")
            self.numbers.append(registers[loop.rd])
            for inst in code[head:tail]:
                if type(inst) in SETTING:
                    registers[_result(inst)] = NOTHING
                elif isinstance(inst, Sts):
                    self.kept.pop(inst.address, None)
            registers[loop.rd] = mixed("turn", number)


def _li(inst: Li, registers: Registers) -> None:
    registers[inst.rd] = inst.value & MASK


def _mov(inst: Mov, registers: Registers) -> None:
    registers[inst.rd] = registers[inst.ra]


def _add(inst: Add, registers: Registers) -> None:
    registers[inst.rd] = registers[inst.ra] + registers[inst.rb] & MASK


def _sub(inst: Sub, registers: Registers) -> None:
    registers[inst.rd] = registers[inst.ra] - registers[inst.rb] & MASK


def _mul(inst: Mul, registers: Registers) -> None:
    registers[inst.rd] = registers[inst.ra] * registers[inst.rb] & MASK


def _addi(inst: Addi, registers: Registers) -> None:
    registers[inst.rd] = registers[inst.ra] + inst.imm & MASK


def _muli(inst: Muli, registers: Registers) -> None:
    registers[inst.rd] = registers[inst.ra] * inst.imm & MASK


def _either(inst: Min | Max, registers: Registers) -> None:
    registers[inst.rd] = mixed(inst.MNEMONIC, registers[inst.ra], registers[inst.rb])


def _divi(inst: Divi, registers: Registers) -> None:
    registers[inst.rd] = mixed("divi", registers[inst.ra], inst.imm)


_COMPUTE: dict[type[Inst], Callable[[Any, Registers], None]] = {
    Li: _li, Mov: _mov, Add: _add, Sub: _sub, Mul: _mul, Addi: _addi, Muli: _muli, Min: _either,
    Max: _either, Divi: _divi,
}  # fmt: skip
