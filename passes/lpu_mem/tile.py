"""
Stage the operands of every operation in the LMU, tile by tile.

```mlir
builtin.module attributes {lpu.options = {target = "lpu-tiny"}} {
  func.func @step(%y : !lpu_mem.buffer<hbm, f32, 1000>, %x : !lpu_mem.buffer<hbm, f32, 1000>) {
    lpu_mem.map "neg" %y, %x <[1000] {0: [1]} {0: [1]}>
        : !lpu_mem.buffer<hbm, f32, 1000>, !lpu_mem.buffer<hbm, f32, 1000>
    lpu_mem.return :
  }
}
```
becomes
```mlir
builtin.module attributes {lpu.options = {target = "lpu-tiny"}} {
  func.func @step(%y : !lpu_mem.buffer<hbm, f32, 1000>, %x : !lpu_mem.buffer<hbm, f32, 1000>) {
    lpu_mem.for "i0" to <1000> step 960 {
      lpu_mem.min "t0" = 960 or <-1*i0 + 1000>
      %0 = lpu_mem.alloc : !lpu_mem.buffer<lmu, f32, 960>
      %1 = lpu_mem.alloc : !lpu_mem.buffer<lmu, f32, 960>
      lpu_mem.copy %1, %x <[t0] {0: [1]} {i0: [1]}>
          : !lpu_mem.buffer<lmu, f32, 960>, !lpu_mem.buffer<hbm, f32, 1000>
      lpu_mem.map "neg" %0, %1 <[t0] {0: [1]} {0: [1]}>
          : !lpu_mem.buffer<lmu, f32, 960>, !lpu_mem.buffer<lmu, f32, 960>
      lpu_mem.copy %y, %0 <[t0] {i0: [1]} {0: [1]}>
          : !lpu_mem.buffer<hbm, f32, 1000>, !lpu_mem.buffer<lmu, f32, 960>
    }
    lpu_mem.return :
  }
}
```

The iteration space is simplified first (`tiling.space`), then tiled to what the LMU of the target
takes (`tiling.plan`). Sums that are split accumulate in the LMU; a running sum hands its total on.
What an engine streams or looks up (the panel of a product, the table of a gather, the target of a
scatter) stays in HBM; what lies in the LMU already is used there. A copy between two places in HBM
goes through one LMU buffer. A reduction along axes of one element is a copy or a cast. Messages of
one exchange share their tiles and their loop (`tiling.exchange`).

**Ensures** every access has four axes at most.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp
from xdsl.ir import Block, Operation

from dialects.affine import Affine, Ranges
from dialects.lpu_mem import control, ops
from dialects.lpu_mem.access import View
from dialects.lpu_mem.target import resident_bytes, spill_base, target_of
from passes.analysis.functions import symbol_ranges
from passes.lpu_mem.tiling.emit import Emitter, pick, write
from passes.lpu_mem.tiling.exchange import exchanges, write_exchange
from passes.lpu_mem.tiling.plan import Plan, is_transfer, plan
from passes.lpu_mem.tiling.space import simplify, space_of
from passes.rewriting.base import RewritingPass
from passes.rewriting.kernel import append, erase, set_operand, take_out
from passes.rewriting.places import MemBuilder
from passes.specification import SUMS, Specification


def write_copy(op: ops.CopyOp, plan: Plan, build: MemBuilder, names: count[int]) -> None:
    """Between two places in HBM: one tile in, the same tile out."""
    emitter = Emitter.begin(op, plan, build, names)
    for axis in emitter.axes:
        if plan.is_looped(axis):
            emitter.loop(axis)
    tile = emitter.stage(0)
    axes = [a for a in emitter.axes if plan.tiles[a] > 1]
    extents = [emitter.extents[a] for a in axes]
    target, source = (pick(emitter.home(i), axes) for i in (0, 1))
    near = (tile.buffer, pick(tile.view, axes))
    emitter.build.data(ops.CopyOp, extents, [near, (op.operands[1], source)])
    emitter.build.data(ops.CopyOp, extents, [(op.operands[0], target), near])


def tile_block(block: Block, ranges: Ranges, names: count[int], budget: int) -> None:
    """Tile every operation of a block for `budget` bytes of LMU, those of loops in it too."""
    for op, *others in exchanges(take_out(block), ranges):
        build = MemBuilder(block, ranges, op.location)
        match op:
            case ops.LinkOp() if others:
                _tile_exchange([op, *others], build, names, budget)
            case ops.DataOp():
                _tile_op(op, build, names, budget)
            case control.ForOp():
                inner = {op.variable.data: op.span(ranges)}
                tile_block(op.body.block, {**ranges, **inner}, names, budget)
                append(op, block)
            case control.EmitOp():
                _load_scalars(op, build)
            case _:
                append(op, block)


def _moved(op: ops.DataOp) -> ops.DataOp:
    """A reduction along axes of one element is a copy, or a cast to the type of its result."""
    if not isinstance(op, ops.ReduceOp) or op.accumulate.value.data:
        return op
    extents = op.access.data.extents
    if any(extents[axis] != Affine(1) for axis in op.axes.data):
        return op
    target, source = (ops.buffer_of(buffer).dtype for buffer in op.operands)
    cls = ops.CopyOp if target is source else ops.CastOp
    properties = {"access": op.access}
    return cls.create(operands=op.operands, properties=properties, location=op.location)


def _tile_op(op: ops.DataOp, build: MemBuilder, names: count[int], budget: int) -> None:
    moved = _moved(op)
    space = simplify(space_of(moved))
    chosen = plan(moved, space, build.ranges, budget)
    if isinstance(moved, ops.CopyOp) and not is_transfer(moved):
        write_copy(moved, chosen, build, names)
    else:
        write(moved, chosen, build, names)
    erase(op)
    if moved is not op:
        erase(moved)


def _tile_exchange(
    run: Sequence[Operation], build: MemBuilder, names: count[int], budget: int
) -> None:
    messages = [op for op in run if isinstance(op, ops.LinkOp)]
    write_exchange(messages, build, names, budget)
    for op in messages:
        erase(op)


def _load_scalars(op: control.EmitOp, build: MemBuilder) -> None:
    """The control processor reads its scalars in the LMU."""
    first = View(Affine(), ())
    for index, buffer in enumerate(op.operands):
        if ops.buffer_of(buffer).space == "hbm":
            near = build.alloc(ops.buffer_of(buffer).dtype, 1, "lmu")
            build.data(ops.CopyOp, (), [(near, first), (buffer, first)])
            set_operand(op, index, near)
    build.add(op)


@dataclass(frozen=True)
class LpuMemTilePass(RewritingPass):
    """Stage operands in the LMU in tiles that fit; `lmu` overrides the bytes that are free."""

    name = "lpu-mem-tile"
    specification = Specification(
        level="lpu_mem",
        after={
            "layouts": "a view of a tile is not one of the axes any more",
            "residents": "what lies in the LMU needs no tiles",
        },
        gives=("tiles",),
        numbers=SUMS,
    )
    lmu: int | None = None

    def rewrite(self, module: ModuleOp) -> None:
        room = spill_base(target_of(module)) if self.lmu is None else self.lmu
        for func in module.ops:
            if isinstance(func, FuncOp):
                budget = room - resident_bytes(func)
                tile_block(func.body.block, symbol_ranges(func), count(), budget)
