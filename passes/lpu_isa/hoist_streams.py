"""
Issue streams ahead of the products that drain them, as far as they find room.

```mlir
builtin.module attributes {lpu.options = {target = "lpu-tiny"}} {
  func.func @step() attributes {lpu_mem.params_size = 4096 : i64} {
    lpu_isa.li v0, 8
    lpu_isa.map1 exp, (v0, v0, v0, v0), f32 v0[r0, r0, r0, v0], f32 v0[r0, r0, r0, v0]
    lpu_isa.li v1, 64
    lpu_isa.stream (v0, v0, v0, v0), f32 v1[r0, r0, v0, v0]
    lpu_isa.vecmat (v0, v0, v0, v0), f32 v0[r0, r0, r0, v0], f32 v0[r0, r0, v0, r0], false
    lpu_isa.halt
  }
}
```
becomes
```mlir
builtin.module attributes {lpu.options = {target = "lpu-tiny"}} {
  func.func @step() attributes {lpu_mem.params_size = 4096 : i64} {
    lpu_isa.li v0, 8
    lpu_isa.li v1, 64
    lpu_isa.stream (v0, v0, v0, v0), f32 v1[r0, r0, v0, v0]
    lpu_isa.map1 exp, (v0, v0, v0, v0), f32 v0[r0, r0, r0, v0], f32 v0[r0, r0, r0, v0]
    lpu_isa.vecmat (v0, v0, v0, v0), f32 v0[r0, r0, r0, v0], f32 v0[r0, r0, v0, r0], false
    lpu_isa.halt
  }
}
```

The control processor issues in order and waits when the queue of an engine is full, so a stream
behind many vector instructions would start late. Within a block a stream moves up, with the scalar
arithmetic that its registers need, until it meets the stream before it or the product whose panel
must have started: `runtime.order` says how many panels can be in flight, whatever their sizes.

A stream does not pass a store or a scatter, which may write what it reads, unless it reads
parameters: `passes.lpu_isa.registers.intervals` bounds its address.
"""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import IntegerAttr, ModuleOp
from xdsl.dialects.func import FuncOp
from xdsl.ir import Operation

from dialects.lpu_isa.code import Code
from dialects.lpu_isa.ops import IsaOp
from dialects.lpu_mem.target import target_of
from dialects.reading import operations
from passes.analysis.functions import functions, symbol_ranges
from passes.lpu_isa.registers.intervals import intervals
from passes.rewriting.base import RewritingPass
from passes.rewriting.kernel import reorder
from passes.rewriting.remarks import HOISTING
from passes.specification import EXACT, Specification
from runtime.isa import (
    ISA,
    Add,
    Addi,
    DataInst,
    Divi,
    Inst,
    Li,
    Max,
    Min,
    Mul,
    Muli,
    Stream,
    Sub,
    Vecmat,
)
from runtime.isa.spec import CtrlInst
from runtime.order.panels import always_in_flight

PURE: frozenset[type[Inst]] = frozenset({Li, Add, Sub, Mul, Min, Max, Addi, Muli, Divi})
WRITES_HBM = frozenset(
    inst for inst in ISA.values() if issubclass(inst, DataInst) and inst.HBM == "dst"
)


def _code(op: Operation) -> Code:
    assert isinstance(op, IsaOp)
    return op.code.data


def _is_straight(op: Operation) -> bool:
    """Whether an operation neither changes the flow nor talks to the host or to LMU scalars."""
    if not isinstance(op, IsaOp):
        return False
    inst = op.code.data.inst
    return inst in PURE or not issubclass(inst, CtrlInst)


class Hoisting:
    """
    The streams of one block move up, so that at most `most` panels are in flight.

    `parameter_bases` are registers that address parameters.
    """

    def __init__(self, most: int, parameter_bases: frozenset[int]) -> None:
        self.most, self.parameter_bases = most, parameter_bases
        self.order, self.drains, self.streams = (list[Operation]() for _ in range(3))

    def run(self, block: Sequence[Operation]) -> list[Operation]:
        """The block in its new order."""
        for op in block:
            inst = _code(op).inst
            if inst is Stream:
                first, behind = self._earliest(op), len(self.order)
                self._insert(op, first)
                HOISTING.yes(op, "starts {} instructions earlier", behind - first)
                self.streams.append(op)
            else:
                self.order.append(op)
            if inst is Vecmat:
                self.drains.append(op)
        return self.order

    def _earliest(self, op: Operation) -> int:
        """Behind the stream before, the drain that makes room, and writes it may depend on."""
        behind = self.streams[-1:]
        waiting = len(self.streams) + 1 - self.most
        if waiting > 0:
            HOISTING.no(op, "before a product makes room: {} panels are in flight", self.most)
            behind = [*behind, self.drains[waiting - 1]]
        first = max((self.order.index(other) + 1 for other in behind), default=0)
        _, source = _code(op).values
        if source.base not in self.parameter_bases:
            for index in range(len(self.order) - 1, first - 1, -1):
                if _code(self.order[index]).inst in WRITES_HBM:
                    HOISTING.no(op, "past {}, which may write it", self.order[index].name)
                    return index + 1
        return first

    def _insert(self, op: Operation, at: int) -> None:
        """Put a stream at a position, what computes its registers right before it."""
        needed = set(_code(op).reads())
        moved: list[Operation] = []
        for index in range(len(self.order) - 1, at - 1, -1):
            code = _code(self.order[index])
            if not needed.isdisjoint(code.writes()):
                needed |= set(code.reads())
                moved.append(self.order.pop(index))
        self.order[at:at] = [*reversed(moved), op]


def _parameter_bases(func: FuncOp, ops: Sequence[Operation]) -> frozenset[int]:
    """Registers whose value is always an address of a parameter."""
    size = func.attributes.get("lpu_mem.params_size")
    end = size.value.data if isinstance(size, IntegerAttr) else 0
    code = (op.code.data for op in ops if isinstance(op, IsaOp))
    known = intervals(code, symbol_ranges(func)).items()
    return frozenset(register for register, (low, high) in known if low >= 0 and high < end)


def hoist(func: FuncOp, most: int) -> None:
    """Move the streams of one function up."""
    block = func.body.block
    ops = operations(block)
    bases = _parameter_bases(func, ops)
    order: list[Operation] = []
    run: list[Operation] = []
    for op in ops:
        if _is_straight(op):
            run.append(op)
            continue
        order += [*Hoisting(most, bases).run(run), op]
        run = []
    order += Hoisting(most, bases).run(run)
    reorder(block, order)


class LpuIsaHoistStreamsPass(RewritingPass):
    """Issue streams as early as queue, FIFO and hazards permit."""

    name = "lpu-isa-hoist-streams"
    specification = Specification(
        level="lpu_isa",
        after={"instructions": "it moves instructions"},
        gives=("streams",),
        numbers=EXACT,
    )

    def rewrite(self, module: ModuleOp) -> None:
        most = always_in_flight(target_of(module))
        for func in functions(module):
            hoist(func, most)
