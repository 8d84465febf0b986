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

The iteration space is simplified first (`passes.tiling.space`), then tiled to what the LMU of the
target takes (`passes.tiling.plan`). Sums that are split accumulate in the LMU; a running sum hands
its total on. What an engine streams or looks up (the panel of a product, the table of a gather, the
target of a scatter) stays in HBM. A copy between two places in HBM goes through one LMU buffer.

**Ensures** every access has four axes at most.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp
from xdsl.ir import Operation
from xdsl.passes import ModulePass

from dialects.lpu_mem import ops
from dialects.lpu_mem.target import spill_base, target_of
from passes.bufferise.places import MemBuilder
from passes.functions import step_function, symbol_ranges
from passes.tiling.emit import Emitter, pick, write
from passes.tiling.plan import Plan, plan
from passes.tiling.space import simplify, space_of


def _is_staged(op: ops.DataOp) -> bool:
    """Whether an operation has its operands in the LMU already."""
    return any(ops.buffer_of(b).space == "lmu" for b in op.operands)


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


def tile_function(func: FuncOp, budget: int) -> None:
    """Tile every operation of a function for `budget` bytes of LMU."""
    ranges = symbol_ranges(func)
    names = count()
    old = func.body.block
    kept = list(old.ops)
    for op in kept:
        op.detach()
    for op in kept:
        _tile_op(op, MemBuilder(old, ranges, op.location), names, budget)


def _tile_op(op: Operation, build: MemBuilder, names: count[int], budget: int) -> None:
    if not isinstance(op, ops.DataOp) or _is_staged(op):
        build.block.add_op(op)
        return
    space = simplify(space_of(op))
    chosen = plan(op, space, build.ranges, budget)
    if isinstance(op, ops.CopyOp):
        write_copy(op, chosen, build, names)
    else:
        write(op, chosen, build, names)
    op.erase()


@dataclass(frozen=True)
class LpuMemTilePass(ModulePass):
    """Stage operands in the LMU in tiles that fit; `lmu` overrides the bytes that are free."""

    name = "lpu-mem-tile"
    lmu: int | None = None

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        budget = spill_base(target_of(op)) if self.lmu is None else self.lmu
        tile_function(step_function(op), budget)
