"""
Write down what the code of several devices does, before registers are allocated.

```mlir
builtin.module attributes {lpu.options = {devices = 2 : i64}} {
  func.func @step() attributes {lpu.symbols = #lpu.symbols<[d0 in 0 to 1, d1 in 0 to 1]>} {
    lpu_isa.li v0, 4
    lpu_isa.fill (v0, v0, v0, v0), f32 r1[r0, r0, r0, v0], v0
    lpu_isa.halt
  }
}
```
becomes
```mlir
builtin.module attributes {lpu.options = {devices = 2 : i64}} {
  func.func @step() attributes {lpu.symbols = #lpu.symbols<[d0 in 0 to 1, d1 in 0 to 1]>,
    lpu_isa.meant = ["a535966b058f53a1"]} {
    lpu_isa.li v0, 4
    lpu_isa.fill (v0, v0, v0, v0), f32 r1[r0, r0, r0, v0], v0
    lpu_isa.halt
  }
}
```

`runtime.isa.meant` says what is described, and how. The program holds it, and both checks of a
program for several devices compare it with what the encoded code does: which bytes each block holds
that devices exchange, and what they were computed of. The value of a register is one of IR: it is
made by one instruction, or the counter of a loop.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from xdsl.dialects.builtin import ArrayAttr, ModuleOp, StringAttr
from xdsl.dialects.func import FuncOp

from dialects.devices import devices_of
from dialects.lpu.interface import symbols_of
from dialects.lpu_isa.code import Code
from dialects.lpu_isa.ops import MEANT, IsaOp, LabelOp
from dialects.reading import operations
from passes.rewriting.base import RewritingPass
from passes.rewriting.kernel import set_attribute
from passes.specification import EXACT, Specification
from runtime.isa import (
    Add,
    Addi,
    Bge,
    Divi,
    Halt,
    Inst,
    Jump,
    Lds,
    Li,
    Loop,
    Max,
    Min,
    Mov,
    Mul,
    Muli,
    Recv,
    Send,
    Sub,
)
from runtime.isa.meant import MASK, digest_of, mixed, told

Numbers = dict[int, int]


def _mixing(mnemonic: str) -> Callable[[int, int], int]:
    return lambda a, b: mixed(mnemonic, a, b)


_OF_TWO: dict[type[Inst], Callable[[int, int], int]] = {
    Add: lambda a, b: a + b, Sub: lambda a, b: a - b, Mul: lambda a, b: a * b,
    Addi: lambda a, b: a + b, Muli: lambda a, b: a * b,
    Min: _mixing("min"), Max: _mixing("max"), Divi: _mixing("divi"),
}  # fmt: skip
_IMMEDIATE = frozenset((Addi, Muli, Divi))


@dataclass
class Description:
    """The digests of a function, and what is known at the place that was reached.

    `numbers` of registers are None where no way leads. `ways` are the numbers that registers have
    where branches lead to a label, with how many branches came before each.
    """

    items: Sequence[Code | str]
    numbers: Numbers | None
    found: list[str] = field(default_factory=list[str])
    words: list[str] = field(default_factory=list[str])
    read: list[int] = field(default_factory=list[int])
    is_exchange: bool = False
    branches: int = 0
    loops: int = 0
    loaded: int = 0
    turns: dict[int, int] = field(default_factory=dict[int, int])
    ways: dict[str, list[tuple[int, Numbers]]] = field(default_factory=dict[str, Any])

    def run(self) -> list[str]:
        """The digest of each stretch."""
        tails: dict[str, list[int]] = {}
        for at, item in enumerate(self.items):
            if isinstance(item, Code) and item.inst is Loop:
                tails.setdefault(item.values[3], []).insert(0, at)
        for at, item in enumerate(self.items):
            if isinstance(item, str):
                self._arrive(item)
                for tail in tails.get(item, ()):
                    self._begin(at, tail)
            elif self.numbers is not None:
                self._step(at, item, self.numbers)
        self._close()
        return self.found

    def _step(self, at: int, code: Code, numbers: Numbers) -> None:
        inst, values = code.inst, code.values
        if inst is Li:
            numbers[values[0]] = values[1] & MASK
        elif inst is Mov:
            numbers[values[0]] = self._number(values[1])
        elif inst in _OF_TWO:
            b = values[2] if inst in _IMMEDIATE else self._number(values[2])
            numbers[values[0]] = _OF_TWO[inst](self._number(values[1]), b) & MASK
        elif inst is Loop:
            self._tell(f"end {self.turns[at]} {values[2]}", values[1])
            numbers[values[0]] = mixed("after", self.turns[at])
        elif inst is Bge or inst is Jump:
            self._branch(code, numbers)
        else:
            if inst is Lds:
                numbers[values[0]] = mixed("data", values[1], self.loaded)
                self.loaded += 1
            self._tell(told(inst, values), *_named(code), is_exchange=inst in (Send, Recv))
            if inst is Halt:
                self.numbers = None

    def _branch(self, code: Code, numbers: Numbers) -> None:
        self._tell(f"{code.inst.MNEMONIC} {self.branches}", *_named(code))
        goal = code.target()
        assert goal is not None
        self.ways.setdefault(goal, []).append((self.branches, dict(numbers)))
        self.branches += 1
        if code.inst is Jump:
            self.numbers = None

    def _arrive(self, label: str) -> None:
        ways = self.ways.pop(label, [])
        if not ways:
            return
        here = [] if self.numbers is None else [self.numbers]
        (first, *others) = [*here, *(numbers for _, numbers in ways)]
        self.numbers = {
            register: number
            for register, number in first.items()
            if all(other.get(register) == number for other in others)
        }
        names = [*("here" for _ in here), *(str(branch) for branch, _ in ways)]
        self._tell(f"from {' '.join(names)}")

    def _begin(self, head: int, tail: int) -> None:
        """A loop begins: registers that its body writes hold nothing."""
        if self.numbers is None:
            return
        loop, number = self.items[tail], self.loops
        assert isinstance(loop, Code)
        self.loops, self.turns[tail] = number + 1, number
        self._tell(f"loop {number}", loop.values[0])
        for item in self.items[head:tail]:
            for register in item.writes() if isinstance(item, Code) else ():
                self.numbers.pop(register, None)
        self.numbers[loop.values[0]] = mixed("turn", number)

    def _tell(self, word: str, *registers: int, is_exchange: bool = False) -> None:
        if self.is_exchange and not is_exchange:
            self._close()
        self.is_exchange = is_exchange
        self.words.append(word)
        self.read += map(self._number, registers)

    def _number(self, register: int) -> int:
        assert self.numbers is not None
        return self.numbers[register]

    def _close(self) -> None:
        self.found.append(digest_of(self.words, self.read))
        self.words, self.read = [], []


def _named(code: Code) -> list[int]:
    """The registers that an instruction reads, in the order of its fields, repetitions included."""
    found: list[int] = []
    for place, known in enumerate(code.inst.LAYOUT):
        found += known.kind.reads(code.values[place])
    return found


def described(func: FuncOp) -> list[str]:
    """The digests of a function on virtual registers."""
    items: list[Code | str] = []
    for op in operations(func.body.block):
        if isinstance(op, IsaOp):
            items.append(op.code.data)
        elif isinstance(op, LabelOp):
            items.append(op.label.data)
    symbols = symbols_of(func).registers
    numbers = {register: mixed("symbol", name) for name, register in symbols.items()}
    return Description(items, {0: 0, **numbers}).run()


class LpuIsaDescribeCodePass(RewritingPass):
    """Write down what the code does, for the checks of several devices."""

    name = "lpu-isa-describe-code"
    specification = Specification(
        level="lpu_isa",
        needs={"instructions": "what is described are instructions"},
        after={"streams": "streams are described where they stand"},
        gives=("meaning",),
        numbers=EXACT,
    )

    def rewrite(self, module: ModuleOp) -> None:
        if devices_of(module) == 1:
            return
        for func in module.ops:
            if isinstance(func, FuncOp):
                digests = ArrayAttr([StringAttr(digest) for digest in described(func)])
                set_attribute(func, MEANT, digests)
