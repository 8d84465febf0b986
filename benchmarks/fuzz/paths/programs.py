"""Random programs: loops with moving addresses, panels in flight that are written, 16-bit caches.

Each data instruction is preceded by the `li` of its registers. Operands come back to places that
others used, so that what is written is streamed and multiplied, in both 16-bit types.
"""

from __future__ import annotations

from dataclasses import replace
from random import Random

from benchmarks.fuzz.paths.drawing import Drawing
from benchmarks.fuzz.paths.memories import Layout
from runtime.isa import (
    ISA,
    Add,
    Addi,
    Bge,
    DataInst,
    Halt,
    Inst,
    Jump,
    Li,
    Loop,
    Muli,
    Operand,
    Scatter,
    Store,
    Stream,
    Vecmat,
)
from runtime.isa.fields import Four
from runtime.numerics.elements import ElementType

E = ElementType
SCALAR = [m for m in ISA if not issubclass(ISA[m], DataInst)]
CONTROL = [m for m in SCALAR if m not in ("halt", "loop", "bge", "jump")]
DATA = [m for m in ISA if issubclass(ISA[m], DataInst) and m not in ("stream", "vecmat")]
PANELS = (E.F16, E.F16, E.F16, E.BF16, E.BF16, E.F32, E.F32, E.I8)
Panel = tuple[ElementType, int, list[int], tuple[int, int, int]]
"""Type, address, strides, and B, K, N."""
COUNTERS = range(1, 10)
MOVED, BOUND = 10, 11


class Writing:
    """A program on its way."""

    def __init__(self, random: Random, layout: Layout) -> None:
        self.random = random
        self.drawing = Drawing(random, layout, rough=0.003, hot=0.8)
        self.code: list[Inst] = []
        self.depth = 0
        self.panels: list[Panel] = []

    def place(self) -> int:
        """The pc of what comes next."""
        return sum(inst.WORDS for inst in self.code)

    def add(self, inst: Inst) -> None:
        """An instruction, behind the loads of the registers drawn for it."""
        values, self.drawing.values = self.drawing.values, {}
        self.code += [Li(r, v) for r, v in values.items() if v is not None]
        if self.depth and isinstance(inst, DataInst) and self.random.random() < 0.5:
            self._move(inst)
        self.code.append(inst)

    def _move(self, inst: DataInst) -> None:
        """Let an address of the instruction move with the counter of the innermost loop."""
        operand: Operand = inst.operand(self.random.choice(inst.viewed()))
        if operand.base:
            step = operand.type.itemsize * self.random.choice([1, 1, 2, 8, -1])
            self.code.append(Muli(MOVED, self.depth, step))
            self.code.append(Add(operand.base, operand.base, MOVED))

    def items(self, count: int) -> None:
        """Some things to do."""
        for _ in range(count):
            kind = self.random.random()
            if kind < 0.45:
                self.product()
            elif kind < 0.72:
                self.add(self.drawing.instruction(ISA[self.random.choice(DATA)]))
            elif kind < 0.8:
                self.add(self.drawing.instruction(ISA[self.random.choice(CONTROL)]))
            elif kind < 0.88 and self.depth < 3:
                self.loop()
            elif kind < 0.93:
                self.branch()
            else:
                self.writing()

    def product(self) -> None:
        """One panel or two that are streamed, what may happen meanwhile, and their products."""
        taken: list[Vecmat] = []
        for _ in range(self.random.choice([1, 1, 1, 2])):
            vecmat = self._streamed()
            taken.append(vecmat)
            while self.random.random() < 0.45:
                self.writing()
        for vecmat in taken:
            self.add(vecmat)

    def _streamed(self) -> Vecmat:
        """Stream a panel; the product that takes it."""
        draw, random = self.drawing, self.random
        batch, rows, depth, columns = (
            random.choice([1, 1, 1, 2]), random.choice([1, 1, 2, 3]), random.choice([1, 3, 4, 16]),
            random.choice([1, 2, 5, 8]),
        )  # fmt: skip
        if self.panels and random.random() < 0.5:
            element, base, strides, (batch, depth, columns) = random.choice(self.panels[-3:])
            if random.random() < 0.2:
                strides[2:] = strides[:1:-1]
            panel = Operand(element, draw.register(base), draw.four(strides))
        else:
            element = random.choice(PANELS)
            panel = draw.operand(element, (batch, 1, depth, columns), hbm=True, written=False)
            base, *strides = (draw.values.get(r) or 0 for r in (panel.base, *panel.strides))
            self.panels.append((element, base, strides, (batch, depth, columns)))
        b, one, k, n = extents = draw.four([batch, 1, depth, columns])
        self.add(Stream(extents, panel))
        kinds = (E.F32, E.F32, E.F16) if element.is_float else (E.I8, E.I32, E.I64)
        x = draw.operand(random.choice(kinds), (batch, rows, depth, 1), hbm=False, written=False)
        dst = draw.operand(random.choice(kinds), (batch, rows, 1, columns), hbm=False, written=True)
        if random.random() < 0.1:
            dst = replace(dst, base=x.base)
        m = draw.register(rows) or one
        shape: Four = (b, m if rows > 1 else one, k, n)
        return Vecmat(shape, dst, x, random.random() < 0.3)

    def writing(self) -> None:
        """A store or a scatter, mostly into what was used before."""
        kind = self.random.choice([Store, Store, Scatter])
        self.add(self.drawing.instruction(kind))

    def loop(self) -> None:
        """A loop of a few rounds."""
        self.depth += 1
        counter, bound = COUNTERS[self.depth - 1], BOUND + self.depth
        self.code += [Li(counter, 0), Li(bound, self.random.randint(1, 3))]
        start = self.place()
        self.items(self.random.randint(1, 4))
        self.code.append(Loop(counter, bound, 1, start))
        self.depth -= 1

    def branch(self) -> None:
        """What is passed over when one register is not below another."""
        at = len(self.code)
        self.code.append(Jump(0))
        self.items(self.random.randint(1, 2))
        a, b = (self.random.choice([0, *COUNTERS[: self.depth]]) for _ in range(2))
        self.code[at] = Bge(a, b, 0)
        self.code[at] = Bge(a, b, self.place())


def program(random: Random, layout: Layout) -> list[Inst]:
    """The instructions of a program."""
    writing = Writing(random, layout)
    writing.code += [Addi(register, 0, register) for register in range(1, 16)]
    writing.items(random.randint(6, 20))
    writing.code.append(Halt())
    return writing.code
