"""
Evaluate what is known, and move changes of a weight's layout or type into the weight itself.

```mlir
%0 = lpu.fill "0000003f" : !lpu.tensor<[], f32>
%1 = lpu.fill "00000040" : !lpu.tensor<[P], f32>
%2 = lpu.map "add" %0, %1 : !lpu.tensor<[], f32>, !lpu.tensor<[P], f32> -> !lpu.tensor<[P], f32>
%3 = lpu.constant <file("m.onnx", 128, [99, 9], f32)> : !lpu.tensor<[99, 9], f32>
%4 = lpu.transpose %3 <[1, 0]> : !lpu.tensor<[99, 9], f32> -> !lpu.tensor<[9, 99], f32>
```
becomes
```mlir
%0 = lpu.fill "0000003f" : !lpu.tensor<[], f32>
%1 = lpu.fill "00000040" : !lpu.tensor<[P], f32>
%2 = lpu.fill "00002040" : !lpu.tensor<[P], f32>
%3 = lpu.constant <file("m.onnx", 128, [99, 9], f32)> : !lpu.tensor<[99, 9], f32>
%4 = lpu.constant <transpose(file("m.onnx", 128, [99, 9], f32), [1, 0])>
    : !lpu.tensor<[9, 99], f32>
```

1. An operation that does nothing (a cast to the same type, a product with 1) is its operand.
2. An operation that treats all elements alike, of operands filled with one element, is a fill.
3. Reshape, transpose and cast of a constant become part of the weight expression.
4. Other operations are evaluated if all operands are constants of at most `OPERAND_LIMIT` elements
   and the results have at most `budget_bytes` bytes. What has one element everywhere is a fill.

**Leaves alone** operations that would trap, and producers: dead ones are for `dce`.
"""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.dialects.builtin import ModuleOp

from dialects.lpu.semantics import Scope
from dialects.lpu.tensors import LpuOp
from dialects.lpu.weights import INLINE_LIMIT
from dialects.reading import all_within
from passes.analysis.functions import model_folder
from passes.lpu.folding.constants import fold
from passes.rewriting.base import RewritingPass
from passes.specification import EXACT, Specification


@dataclass(frozen=True)
class LpuFoldConstantsPass(RewritingPass):
    """Evaluate operations on constants; results up to `budget_bytes` stand in the IR."""

    name = "lpu-fold-constants"
    specification = Specification(
        level="lpu", gives=("constants",), spoils=("live",), numbers=EXACT
    )
    budget_bytes: int = INLINE_LIMIT

    def rewrite(self, module: ModuleOp) -> None:
        scope = Scope({}, model_folder(module))
        for inner in all_within(module):
            if isinstance(inner, LpuOp):
                fold(inner, scope, self.budget_bytes)
