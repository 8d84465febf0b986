"""
Order what is independent so that engines wait less for each other.

```mlir
builtin.module attributes {lpu.options = {target = "lpu-tiny"}} {
  func.func @step(%x : !lpu_mem.buffer<hbm, f32, 8>, %y : !lpu_mem.buffer<hbm, f32, 64>) {
    %v = lpu_mem.param <file("v", 0, [64, 8], f32)> : !lpu_mem.buffer<hbm, f32, 512>
    %w = lpu_mem.param <file("w", 0, [64, 8], f32)> : !lpu_mem.buffer<hbm, f32, 512>
    %0 = lpu_mem.alloc : !lpu_mem.buffer<hbm, f32, 64>
    lpu_mem.vecmat %0, %x, %v accumulate 0
        <[1, 8, 64] {0: [0, 0, 1]} {0: [0, 1, 0]} {0: [0, 1, 8]}>
        : !lpu_mem.buffer<hbm, f32, 64>, !lpu_mem.buffer<hbm, f32, 8>,
          !lpu_mem.buffer<hbm, f32, 512>
    %1 = lpu_mem.alloc : !lpu_mem.buffer<hbm, f32, 64>
    lpu_mem.vecmat %1, %x, %w accumulate 0
        <[1, 8, 64] {0: [0, 0, 1]} {0: [0, 1, 0]} {0: [0, 1, 8]}>
        : !lpu_mem.buffer<hbm, f32, 64>, !lpu_mem.buffer<hbm, f32, 8>,
          !lpu_mem.buffer<hbm, f32, 512>
    lpu_mem.map "exp" %1, %1 <[64] {0: [1]} {0: [1]}>
        : !lpu_mem.buffer<hbm, f32, 64>, !lpu_mem.buffer<hbm, f32, 64>
    lpu_mem.map "neg" %0, %0 <[64] {0: [1]} {0: [1]}>
        : !lpu_mem.buffer<hbm, f32, 64>, !lpu_mem.buffer<hbm, f32, 64>
    lpu_mem.map "add" %y, %0, %1 <[64] {0: [1]} {0: [1]} {0: [1]}>
        : !lpu_mem.buffer<hbm, f32, 64>, !lpu_mem.buffer<hbm, f32, 64>,
          !lpu_mem.buffer<hbm, f32, 64>
    lpu_mem.return :
  }
}
```
becomes
```mlir
builtin.module attributes {lpu.options = {target = "lpu-tiny"}} {
  func.func @step(%x : !lpu_mem.buffer<hbm, f32, 8>, %y : !lpu_mem.buffer<hbm, f32, 64>) {
    %v = lpu_mem.param <file("v", 0, [64, 8], f32)> : !lpu_mem.buffer<hbm, f32, 512>
    %w = lpu_mem.param <file("w", 0, [64, 8], f32)> : !lpu_mem.buffer<hbm, f32, 512>
    %0 = lpu_mem.alloc : !lpu_mem.buffer<hbm, f32, 64>
    %1 = lpu_mem.alloc : !lpu_mem.buffer<hbm, f32, 64>
    lpu_mem.vecmat %0, %x, %v accumulate 0
        <[1, 8, 64] {0: [0, 0, 1]} {0: [0, 1, 0]} {0: [0, 1, 8]}>
        : !lpu_mem.buffer<hbm, f32, 64>, !lpu_mem.buffer<hbm, f32, 8>,
          !lpu_mem.buffer<hbm, f32, 512>
    lpu_mem.vecmat %1, %x, %w accumulate 0
        <[1, 8, 64] {0: [0, 0, 1]} {0: [0, 1, 0]} {0: [0, 1, 8]}>
        : !lpu_mem.buffer<hbm, f32, 64>, !lpu_mem.buffer<hbm, f32, 8>,
          !lpu_mem.buffer<hbm, f32, 512>
    lpu_mem.map "neg" %0, %0 <[64] {0: [1]} {0: [1]}>
        : !lpu_mem.buffer<hbm, f32, 64>, !lpu_mem.buffer<hbm, f32, 64>
    lpu_mem.map "exp" %1, %1 <[64] {0: [1]} {0: [1]}>
        : !lpu_mem.buffer<hbm, f32, 64>, !lpu_mem.buffer<hbm, f32, 64>
    lpu_mem.map "add" %y, %0, %1 <[64] {0: [1]} {0: [1]} {0: [1]}>
        : !lpu_mem.buffer<hbm, f32, 64>, !lpu_mem.buffer<hbm, f32, 64>,
          !lpu_mem.buffer<hbm, f32, 64>
    lpu_mem.return :
  }
}
```

1. A product that the next ones do not need goes behind them where vector work on *their* results
   would leave the MAC trees idle: a softmax goes on while values are computed. Half of it stays in
   front where that is better, so that values hide what queries wait for, too.
2. Vector work and transfers go in the order in which what they read is there: keys are written to
   the cache while queries are computed.

Times are estimated (`scheduling.costs`) at the least, the middle and the largest value of symbols;
an order is taken if it saves much more at some of them than it loses at others, and if no more
bytes are live at once than before, or than there is room for. Operations that touch the same
elements keep their order where one of them writes, and so do messages.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Block, Operation, SSAValue

from dialects.affine import Affine, Ranges
from dialects.lpu_mem.access import Access, AccessAttr, View
from dialects.lpu_mem.control import ForOp
from dialects.lpu_mem.ops import AllocOp, CopyOp, DataOp, LinkOp, ParamOp, VecmatOp, buffer_of
from dialects.lpu_mem.target import spill_base, target_of
from passes.analysis.functions import functions, symbol_ranges
from passes.lpu_mem.scheduling.costs import Cost, cost_of
from passes.lpu_mem.scheduling.gains import is_better
from passes.lpu_mem.scheduling.products import arranged
from passes.lpu_mem.scheduling.timeline import Units
from passes.lpu_mem.scheduling.touching import waits_of
from passes.rewriting.base import RewritingPass
from passes.rewriting.kernel import append, erase, take_out
from passes.specification import EXACT, Specification
from runtime.target import Target


class Scheduling(NamedTuple):
    """What is the same for all blocks of a function."""

    ranges: Ranges
    target: Target
    room: int

    def run(self, block: Block) -> None:
        """Order a block, and those of its loops."""
        for piece in list(_pieces(take_out(block))):
            has_product = any(isinstance(op, VecmatOp) for op in piece)
            for op in self._ordered(piece) if has_product else piece:
                append(op, block)
                if isinstance(op, ForOp):
                    self.run(op.body.block)

    def _ordered(self, piece: Sequence[Operation]) -> list[Operation]:
        made = [op for op in piece if not isinstance(op, DataOp)]
        together = list(_together([op for op in piece if isinstance(op, DataOp)]))
        old = self._units(together)
        units, products = arranged(old)
        plain, new = range(len(together)), units.packed(range(len(units.parts)), products)
        times, before = units.times(new), old.times(plain)
        parts = [units.parts[unit] for unit in new]
        most = max(self.room, _pressure(together, plain))
        if not is_better(times, before) or _pressure(together, [op for op, _ in parts]) > most:
            return list(piece)
        found = [
            op for number, part in parts for op in _part(together[number], part, old.cuts[number])
        ]
        for number in {number for number, part in parts if part}:
            erase(together[number][0])
        return [*made, *found]

    def _units(self, together: Sequence[Sequence[DataOp]]) -> Units:
        contexts = [
            {name: ends[0] for name, ends in self.ranges.items()},
            {name: sum(ends) // 2 for name, ends in self.ranges.items()},
            {name: ends[1] for name, ends in self.ranges.items()},
        ]
        costs = [[_cost(unit, values, self.target) for unit in together] for values in contexts]
        cuts = [_cut_of(unit[0], self.target) for unit in together]
        parts = [(number, 0) for number in range(len(together))]
        return Units(costs, waits_of(together, self.ranges), cuts, parts)


def _cut_of(op: DataOp, target: Target) -> int:
    """Where the columns of a product are cut in two: of one row, by a group of trees."""
    if not isinstance(op, VecmatOp):
        return 0
    *outer, columns = op.access.data.extents
    if any(extent != Affine(1) for extent in outer[:-1]) or not columns.is_const:
        return 0
    return columns.const // target.mac_trees // 2 * target.mac_trees


def _part(ops: Sequence[DataOp], part: int, cut: int) -> Sequence[DataOp]:
    """Operations, or one half of a product."""
    if not part:
        return ops
    (op,) = ops
    *outer, columns = op.access.data.extents
    begin, end = (Affine(), Affine(cut)) if part == 1 else (Affine(cut), columns)
    views = tuple(View(v.offset + v.strides[-1] * begin, v.strides) for v in op.access.data.views)
    access = AccessAttr(Access((*outer, end - begin), views))
    properties = {**op.properties, "access": access}
    return [type(op).create(operands=op.operands, properties=properties, location=op.location)]


def _cost(unit: Sequence[DataOp], values: Mapping[str, int], target: Target) -> Cost:
    """One exchange is one unit, which the links are busy with."""
    *others, last = (cost_of(op, values, target) for op in unit)
    return Cost(last.engine, last.work + sum(o.work for o in others), last.latency, last.rest)


def _pieces(block: Sequence[Operation]) -> Iterator[list[Operation]]:
    """Runs of operations that may change places, and each other operation alone."""
    piece = list[Operation]()
    for op in block:
        if isinstance(op, DataOp | AllocOp | ParamOp):
            piece.append(op)
            continue
        yield piece
        yield [op]
        piece = []
    yield piece


def _together(ops: Sequence[DataOp]) -> Iterator[list[DataOp]]:
    """Messages that follow each other stay together, behind what is put into the first.

    No loop may come between: who proves that all devices have the same looks at exchanges whole.
    """
    run = list[DataOp]()
    for op in ops:
        if run and not (
            isinstance(op, LinkOp) and (isinstance(run[-1], LinkOp) or _fills(run, op))
        ):
            yield run
            run = []
        run.append(op)
    if run:
        yield run


def _fills(run: Sequence[DataOp], message: LinkOp) -> bool:
    """Whether a copy puts elements into the buffer of a message."""
    op = run[-1]
    return isinstance(op, CopyOp) and message.buffer is op.operands[0]


def _pressure(together: Sequence[Sequence[DataOp]], order: Sequence[int]) -> int:
    """The bytes of buffers of this level that are live at once, at most."""
    spans = dict[SSAValue, tuple[int, int]]()
    for at, unit in enumerate(order):
        for value in (value for op in together[unit] for value in op.operands):
            if isinstance(value.owner, AllocOp):
                spans[value] = (spans.get(value, (at, at))[0], at)
    change = [0] * (len(order) + 1)
    for value, (first, last) in spans.items():
        change[first] += buffer_of(value).nbytes
        change[last + 1] -= buffer_of(value).nbytes
    most = live = 0
    for step in change:
        live += step
        most = max(most, live)
    return most


class LpuMemSchedulePass(RewritingPass):
    """Order independent operations so that engines wait less for each other."""

    name = "lpu-mem-schedule"
    specification = Specification(
        level="lpu_mem",
        after={
            "buffers": "it orders what is done with them",
            "layouts": "what a product streams is told by its views",
        },
        gives=("order",),
        numbers=EXACT,
    )

    def rewrite(self, module: ModuleOp) -> None:
        target = target_of(module)
        for func in functions(module):
            room = spill_base(target) * 3 // 4
            Scheduling(symbol_ranges(func), target, room).run(func.body.block)
