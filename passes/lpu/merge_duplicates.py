"""
Compute once what is computed twice.

```mlir
func.func @step(%x : !lpu.tensor<[2], f32>) -> !lpu.tensor<[2], f32> {
  %0 = lpu.map "exp" %x : !lpu.tensor<[2], f32> -> !lpu.tensor<[2], f32>
  %1 = lpu.map "exp" %x : !lpu.tensor<[2], f32> -> !lpu.tensor<[2], f32>
  %2 = lpu.map "add" %0, %1
      : !lpu.tensor<[2], f32>, !lpu.tensor<[2], f32> -> !lpu.tensor<[2], f32>
  func.return %2 : !lpu.tensor<[2], f32>
}
```
becomes
```mlir
func.func @step(%x : !lpu.tensor<[2], f32>) -> !lpu.tensor<[2], f32> {
  %0 = lpu.map "exp" %x : !lpu.tensor<[2], f32> -> !lpu.tensor<[2], f32>
  %2 = lpu.map "add" %0, %0
      : !lpu.tensor<[2], f32>, !lpu.tensor<[2], f32> -> !lpu.tensor<[2], f32>
  func.return %2 : !lpu.tensor<[2], f32>
}
```

Two operations are equal when they have the same operands, properties and result types, no effects
and no regions. The first stays, with its location. A body sees what stands before its loop. xDSL's
`cse` does the same at three times the cost: it hashes each operation anew whenever it is asked.
"""

from __future__ import annotations

from collections.abc import Iterable

from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Block, Operation
from xdsl.traits import IsolatedFromAbove

from dialects.reading import operands_of, operations
from passes.analysis.functions import is_pure
from passes.rewriting.base import RewritingPass
from passes.rewriting.kernel import substitute
from passes.specification import EXACT, Specification

Key = tuple[object, ...]
Known = dict[Key, tuple[Operation, ...]]
"""Operations before, none of them equal, by what tells most of them apart at once."""


def _key(op: Operation) -> Key:
    """What an operation reads; of one that reads nothing, what it holds."""
    operands = operands_of(op)
    return (type(op), *(operands or (frozenset(op.properties.items()),)))


def _equal(op: Operation, others: Iterable[Operation]) -> Operation | None:
    """The one of operations of one key that is equal, if there is one."""
    held = op.properties, op.attributes, op.result_types
    for other in others:
        if (other.properties, other.attributes, other.result_types) == held:
            return other
    return None


def merge(block: Block, known: Known) -> None:
    """Replace operations of a block by equal ones before them; `known` grows."""
    for op in operations(block):
        for region in op.regions:
            seen = {} if op.has_trait(IsolatedFromAbove) else known
            for inner in region.blocks:
                merge(inner, dict(seen))
        if op.regions or not is_pure(type(op)):
            continue
        key = _key(op)
        alike = known.get(key, ())
        first = _equal(op, alike) if alike else None
        if first is None:
            known[key] = *alike, op
        else:
            substitute(op, first.results)


class LpuMergeDuplicatesPass(RewritingPass):
    """Replace operations without effects by equal ones before them."""

    name = "lpu-merge-duplicates"
    specification = Specification(
        level="lpu",
        after={"constants": "equal constants are seen once evaluated"},
        gives=("distinct",),
        numbers=EXACT,
    )

    def rewrite(self, module: ModuleOp) -> None:
        merge(module.body.block, {})
