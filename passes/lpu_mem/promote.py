"""
Keep buffers in the LMU that fit there for as long as they live.

```mlir
builtin.module attributes {lpu.options = {target = "lpu-tiny"}} {
  func.func @step(%x : !lpu_mem.buffer<hbm, f32, 9>, %y : !lpu_mem.buffer<hbm, f32, 9>) {
    %t = lpu_mem.alloc : !lpu_mem.buffer<hbm, f32, 9>
    lpu_mem.map "neg" %t, %x <[9] {0: [1]} {0: [1]}>
        : !lpu_mem.buffer<hbm, f32, 9>, !lpu_mem.buffer<hbm, f32, 9>
    lpu_mem.map "exp" %y, %t <[9] {0: [1]} {0: [1]}>
        : !lpu_mem.buffer<hbm, f32, 9>, !lpu_mem.buffer<hbm, f32, 9>
    lpu_mem.return :
  }
}
```
becomes
```mlir
builtin.module attributes {lpu.options = {target = "lpu-tiny"}} {
  func.func @step(%x : !lpu_mem.buffer<hbm, f32, 9>, %y : !lpu_mem.buffer<hbm, f32, 9>)
      attributes {lpu_mem.resident = 36 : i64} {
    %t = lpu_mem.alloc at 0 : !lpu_mem.buffer<lmu, f32, 9>
    lpu_mem.map "neg" %t, %x <[9] {0: [1]} {0: [1]}>
        : !lpu_mem.buffer<lmu, f32, 9>, !lpu_mem.buffer<hbm, f32, 9>
    lpu_mem.map "exp" %y, %t <[9] {0: [1]} {0: [1]}>
        : !lpu_mem.buffer<hbm, f32, 9>, !lpu_mem.buffer<lmu, f32, 9>
    lpu_mem.return :
  }
}
```

A buffer that is promoted keeps its address for all its life, and buffers that are not live at once
share addresses; if there is room not with what is written while an engine may still be at work on
the other. What messages come to goes first: checks of a program follow what devices exchange
through the LMU, and through nothing else. Then small ones: they are used as often as large ones and
cost less room.
`lpu_mem.resident` is the end of the part of the LMU that they take; tiles lie behind it.

**Leaves alone** what an engine reads from or writes to HBM (`DIRECT` operands), what is returned,
weights, state, and what finds no room: a quarter of the LMU is kept free for tiles, in a small one
up to half of it, and as much as the operation needs whose smallest tile is the largest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from xdsl.dialects.builtin import IntegerAttr, ModuleOp, i64
from xdsl.dialects.func import FuncOp
from xdsl.ir import SSAValue

from dialects.lpu_mem.control import ReturnOp
from dialects.lpu_mem.ops import AllocOp, DataOp, LinkOp, buffer_of
from dialects.lpu_mem.target import spill_base, target_of
from dialects.lpu_mem.types import BufferType
from passes.analysis.functions import functions, symbol_ranges
from passes.lpu_mem.placement.lives import WORD, Life, lives_of, place, shadows, up
from passes.lpu_mem.tiling.plan import least_bytes
from passes.rewriting.base import RewritingPass
from passes.rewriting.kernel import retype, set_attribute, set_property
from passes.specification import EXACT, Specification

ALIGNMENT = 64
SMALL = 64 << 10


def resident_budget(func: FuncOp, room: int) -> int:
    """How many of `room` bytes may hold buffers; the others are for tiles."""
    ranges = symbol_ranges(func)
    needs = (least_bytes(op, ranges) for op in func.walk() if isinstance(op, DataOp))
    need = up(max(needs, default=0), ALIGNMENT)
    return max(0, room - max(room // 4, min(room // 2, SMALL), need))


def _stays_in_hbm(value: SSAValue) -> bool:
    """Whether some operation needs a buffer in HBM."""
    for use in value.uses:
        op = use.operation
        if isinstance(op, ReturnOp) or (isinstance(op, DataOp) and use.index in op.DIRECT):
            return True
    return False


def _is_exchanged(value: SSAValue) -> bool:
    """Whether messages are sent from a buffer, or come to it."""
    return any(isinstance(use.operation, LinkOp) for use in value.uses)


def _chosen(lives: list[Life], positions: int, budget: int) -> list[Life]:
    """Buffers that fit together at every time: what is exchanged, then small ones first."""
    pressure = np.zeros(positions, np.int64)
    chosen: list[Life] = []
    for life in sorted(lives, key=lambda x: (not _is_exchanged(x.value), x.nbytes, x.first)):
        size = up(life.nbytes, WORD)
        during = pressure[life.first : life.last + 1]
        if size <= budget and int(during.max()) + size <= budget:
            during += size
            chosen.append(life)
    return chosen


def _place_apart(chosen: Sequence[Life], func: FuncOp) -> int:
    """Place buffers so that none takes the place of another whose last use may still go on."""
    until, last = shadows(chosen, func), [life.last for life in chosen]
    for life in chosen:
        life.last = until[life.value]
    end = place(chosen, ALIGNMENT)
    for life, at in zip(chosen, last, strict=True):
        life.last = at
    return end


def promote(func: FuncOp, budget: int) -> None:
    """Promote what fits into `budget` bytes of LMU and give it an address."""
    lives, positions = lives_of(func)
    candidates = [
        life
        for value, life in lives.items()
        if buffer_of(value).space == "hbm" and not _stays_in_hbm(value)
    ]
    chosen = _chosen(candidates, positions, budget)
    end = _place_apart(chosen, func)
    if end > budget:
        end = place(chosen, ALIGNMENT)
    while end > budget:
        chosen.remove(max(chosen, key=lambda life: life.address + life.nbytes))
        end = place(chosen, ALIGNMENT)
    for life in chosen:
        op = life.value.owner
        assert isinstance(op, AllocOp)
        set_property(op, "address", IntegerAttr(life.address, i64))
        retype(life.value, BufferType(buffer_of(life.value)._replace(space="lmu")))
    set_attribute(func, "lpu_mem.resident", IntegerAttr(end, i64))


@dataclass(frozen=True)
class LpuMemPromotePass(RewritingPass):
    """Keep buffers in the LMU that fit there; `lmu` overrides the bytes that they may take."""

    name = "lpu-mem-promote"
    specification = Specification(
        level="lpu_mem",
        after={
            "buffers": "it chooses among the buffers",
            "order": "how long a buffer lives follows from it",
        },
        gives=("residents",),
        numbers=EXACT,
    )
    lmu: int | None = None

    def rewrite(self, module: ModuleOp) -> None:
        room = spill_base(target_of(module))
        for func in functions(module):
            promote(func, resident_budget(func, room) if self.lmu is None else self.lmu)
