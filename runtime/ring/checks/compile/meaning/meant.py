"""Whether code does what it was meant to do before registers were allocated.

`runtime.isa.meant` says what is described. Here it is read off the instructions, from the top
to the bottom of an entry, with the numbers that registers hold for the symbols' own.
"""

from bisect import bisect_left
from collections.abc import Sequence
from typing import NamedTuple

from runtime.isa.instructions.ctrl import Bge, Halt, Jump, Lds, Loop, Sts
from runtime.isa.meant import MASK, digest_of, mixed, packed, told
from runtime.isa.spec import Inst
from runtime.program.interface import Interface
from runtime.ring.checks.compile.meaning.exchanges import Exchanges
from runtime.ring.checks.compile.meaning.numbers import Registers
from runtime.ring.checks.compile.proof import Report, Rule
from runtime.ring.checks.compile.words import Word

NOTHING = mixed("nothing")
"""What a register holds that holds nothing; no compiler describes it."""
Kept = dict[int, int]


def check_meant(
    exchanges: Exchanges, interface: Interface, meant: Sequence[str], report: Report, registers: int
) -> None:
    """Refuse an entry that does something else."""
    held = [NOTHING] * registers
    held[0] = 0
    for symbol in interface.symbols:
        held[symbol.register] = mixed("symbol", symbol.name)
    for register, value in interface.registers:
        held[register] = value & MASK
    found = Telling(exchanges, held).run(exchanges.flow.index[interface.pc])
    for number, stretch in enumerate(found):
        if number >= len(meant) or stretch.digest != meant[number]:
            told = "from {1} on the code up to {0} does something else than was meant"
            report.refuse(Rule.MEANT, told, stretch.last, stretch.first)
    if len(found) < len(meant):
        report.refuse(Rule.MEANT, "more was meant to be done than up to {0}", found[-1].last)


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

    def __init__(self, exchanges: Exchanges, registers: Registers) -> None:
        self.flow = exchanges.flow
        self.exchanges = exchanges
        self.registers: Registers | None = registers
        self.kept: Kept = {}
        self.words: list[str] = []
        self.numbers: list[int] = []
        self.packed: list[bytes] = []
        self.found: list[Stretch] = []
        self.waiting: dict[int, list[Way]] = {}
        self.turns: dict[int, int] = {}
        self.branches = self.loaded = self.first = 0
        self.is_exchange = False

    def run(self, at: int) -> list[Stretch]:
        """The stretches of the entry that begins at an instruction."""
        loops, stops = self.flow.loops, self.flow.stops
        self.first, stop = at, bisect_left(stops, at)
        while self.registers is not None or self.waiting:
            if self.registers is not None:
                self._straight(at, stops[stop], self.registers)
            at = stops[stop]
            stop += 1
            if at in self.waiting:
                self._arrive(at)
            if self.registers is not None:
                if at in loops:
                    self._enter(at, loops[at], self.registers)
                self._stop(at, self.flow.words[at], self.registers)
            at += 1
        self._close(at)
        return self.found

    def _straight(self, low: int, high: int, registers: Registers) -> None:
        """Tell instructions that compute, or are on data."""
        for first, end in self.exchanges.within(low, high):
            self._each(low, first, registers)
            block, low, self.is_exchange = self.exchanges.block(first, end), end, True
            self.words.append(block.text)
            self.packed += packed(self.numbers), block.numbers(registers)
            self.numbers = []
        self._each(low, high, registers)

    def _each(self, low: int, high: int, registers: Registers) -> None:
        """Tell them one by one."""
        words, numbers, is_exchange = self.words, self.numbers, self.is_exchange
        code = self.flow.code
        for at, word in enumerate(self.flow.words[low:high], low):
            if word.tell is not None:
                word.tell(code[at], registers)
                continue
            if word.is_exchange is not is_exchange:
                if is_exchange:
                    self._close(at)
                    words, numbers = self.words, self.numbers
                is_exchange = not is_exchange
            words.append(word.text)
            numbers += word.read(registers)
        self.is_exchange = is_exchange

    def _stop(self, at: int, word: Word, registers: Registers) -> None:
        """Tell what stands where ways meet, or leads elsewhere."""
        inst = self.flow.code[at]
        if word.tell is not None or word.lay is not None:
            self._straight(at, at + 1, registers)
        elif word.text:
            self._tell(at, word.text)
            self.numbers += [word.read(registers)] * len(word.registers)
            if type(inst) is Halt:
                self.registers = None
        else:
            self._control(at, inst, registers)

    def _control(self, at: int, inst: Inst, registers: Registers) -> None:
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
            self._close(at)
            self.is_exchange = False
        self.words.append(text)

    def _close(self, at: int) -> None:
        """A stretch ends before an instruction."""
        numbers = b"".join((*self.packed, packed(self.numbers)))
        self.found.append(Stretch(digest_of(self.words, numbers), self.first, at - 1))
        self.words, self.numbers, self.packed, self.first = [], [], [], at

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
            written, kept = self.flow.written(head, tail)
            for register in written:
                registers[register] = NOTHING
            for address in kept:
                self.kept.pop(address, None)
            registers[loop.rd] = mixed("turn", number)
