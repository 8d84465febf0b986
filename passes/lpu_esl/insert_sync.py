"""
Insert the exchange for what is in parts and needed whole.

```mlir
func.func @step(%x : !lpu_esl.shard<[1, 6], f32, 2 x [[], [6/2]]>) -> !lpu.tensor<[1, 6], f32> {
  %y = lpu_esl.unshard %x because "lpu.softmax needs all of it"
      : !lpu_esl.shard<[1, 6], f32, 2 x [[], [6/2]]> -> !lpu.tensor<[1, 6], f32>
  func.return %y : !lpu.tensor<[1, 6], f32>
}
```
becomes
```mlir
func.func @step(%x : !lpu_esl.shard<[1, 6], f32, 2 x [[], [6/2]]>) -> !lpu.tensor<[1, 6], f32> {
  %0 = lpu_esl.all_gather %x because "lpu.softmax needs all of it"
      : !lpu_esl.shard<[1, 6], f32, 2 x [[], [6/2]]> -> !lpu.tensor<[2, 1, 3], f32>
  %1 = lpu.transpose %0 <[1, 0, 2]> : !lpu.tensor<[2, 1, 3], f32> -> !lpu.tensor<[1, 2, 3], f32>
  %y = lpu.reshape %1 : !lpu.tensor<[1, 2, 3], f32> -> !lpu.tensor<[1, 6], f32>
  func.return %y : !lpu.tensor<[1, 6], f32>
}
```

Every device gives its part to all; the parts are put in their places, and padding is left out
(`passes.lpu_esl.partitioning.assembly`). It stands where `lpu-esl-partition` marked it: right
behind the operation that gives the parts, once for all that need the whole, and once for all that
is computed of these parts element by element (`passes.lpu_esl.partitioning.sharing`). The reason
that was given stays with it.

The token that a turn hands out, and whether it is the last, are those of the first device: what
decides how often a loop turns comes from one place, however devices differ in the last bit.
"""

from __future__ import annotations

from xdsl.dialects.builtin import ModuleOp

from dialects.lpu.control import EmitOp
from dialects.lpu_esl.ops import UnshardOp
from dialects.lpu_esl.types import ShardType
from dialects.reading import all_within
from passes.analysis.functions import devices_of
from passes.lpu_esl.partitioning.assembly import assemble
from passes.lpu_esl.partitioning.exchange import all_gather
from passes.lpu_esl.partitioning.sharing import Sharing
from passes.rewriting.base import RewritingPass
from passes.rewriting.build import Build
from passes.rewriting.kernel import set_operands, substitute
from passes.specification import EXACT, Specification


def insert_sync(op: UnshardOp) -> None:
    """Gather what is needed whole."""
    kind = op.source.type
    assert isinstance(kind, ShardType), "what is not whole is in parts"
    b = Build(op)
    gathered = all_gather(b, op.source, kind.sharding.devices, op.reason.data)
    substitute(op, [assemble(b, gathered, kind.whole, kind.sharding)])


def agree(op: EmitOp, devices: int) -> None:
    """Take token and stop from the first device."""
    b = Build(op)
    reason = "all go on with the token of the first"
    gathered = all_gather(b, b.concat([op.token, op.stop], 0), devices, reason)
    set_operands(op, [b.reshape(b.slice(gathered, (0, at), (1, 1)), (1,)) for at in range(2)])


class LpuEslInsertSyncPass(RewritingPass):
    """Exchange what is in parts and needed whole."""

    name = "lpu-esl-insert-sync"
    specification = Specification(
        level="lpu_esl",
        needs={"shards": "the partition says what is needed whole"},
        gives=("exchanges",),
        removes=(UnshardOp.name,),
        numbers=EXACT,
    )

    def rewrite(self, module: ModuleOp) -> None:
        Sharing(all_within(module)).merge()
        for op in all_within(module):
            if isinstance(op, UnshardOp):
                insert_sync(op)
            elif isinstance(op, EmitOp):
                agree(op, devices_of(module))
