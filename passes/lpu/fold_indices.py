"""
Decide what positions decide: masks that hide nothing go away, index arithmetic becomes iotas.

```mlir
func.func @step(%x : !lpu.tensor<[P + 1], f32>) -> !lpu.tensor<[P + 1], f32>
    attributes {lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %key = lpu.iota <[0, 1]> : !lpu.tensor<[P + 1], i64>
  %query = lpu.iota <[P]> : !lpu.tensor<[], i64>
  %seen = lpu.map "le" %key, %query
      : !lpu.tensor<[P + 1], i64>, !lpu.tensor<[], i64> -> !lpu.tensor<[P + 1], bool>
  %low = lpu.fill "000080ff" : !lpu.tensor<[], f32>
  %y = lpu.select %seen, %x, %low : !lpu.tensor<[P + 1], bool>, !lpu.tensor<[P + 1], f32>,
      !lpu.tensor<[], f32> -> !lpu.tensor<[P + 1], f32>
  func.return %y : !lpu.tensor<[P + 1], f32>
}
```
becomes
```mlir
func.func @step(%x : !lpu.tensor<[P + 1], f32>) -> !lpu.tensor<[P + 1], f32>
    attributes {lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %key = lpu.iota <[0, 1]> : !lpu.tensor<[P + 1], i64>
  %query = lpu.iota <[P]> : !lpu.tensor<[], i64>
  %seen = lpu.fill "01" : !lpu.tensor<[P + 1], bool>
  %low = lpu.fill "000080ff" : !lpu.tensor<[], f32>
  func.return %x : !lpu.tensor<[P + 1], f32>
}
```

1. A comparison that comes out the same for all elements, whatever symbols and loop variables are
   within their ranges, is a fill.
2. Integers that are affine in their index are an iota; where they could wrap they stay.
3. A tensor that can hold one element only, whatever is selected, is a fill.
4. A sum with zeros is the other operand where nobody sees the sign of a zero.
5. All that `lpu-fold-constants` does, on what these make known.

Layers must be rolled before: masks of some layers may go away while those of others stay.
"""

from __future__ import annotations

from xdsl.dialects.builtin import ModuleOp

from dialects.lpu.semantics import Scope
from dialects.lpu.tensors import LpuOp
from dialects.lpu.weights import INLINE_LIMIT
from dialects.reading import all_within
from passes.analysis.functions import functions, model_folder, symbol_ranges
from passes.lpu.folding.constants import fold
from passes.lpu.folding.facts import Facts
from passes.rewriting.base import RewritingPass
from passes.specification import EXACT, Specification


class LpuFoldIndicesPass(RewritingPass):
    """Fold what depends on positions and on nothing else."""

    name = "lpu-fold-indices"
    specification = Specification(
        level="lpu",
        after={
            "loops": "some layers may lose a mask that others keep",
            "entries": "its masks are ones and its positions count",
        },
        gives=("indices",),
        spoils=("live",),
        numbers=EXACT,
    )

    def rewrite(self, module: ModuleOp) -> None:
        scope = Scope({}, model_folder(module))
        for function in functions(module):
            facts = Facts.of(symbol_ranges(function))
            for inner in all_within(function):
                if isinstance(inner, LpuOp):
                    fold(inner, scope, INLINE_LIMIT, facts)
