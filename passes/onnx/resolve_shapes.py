"""
Give every value its extents, and turn shape and index arithmetic into what it says.

```mlir
func.func @step(%x : !lpu.tensor<[1, P, 8], f32>) -> !lpu.tensor<*, f32>
    attributes {lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %s = onnx.Shape(%x) {since_version = 15 : i64}
      : (!lpu.tensor<[1, P, 8], f32>) -> !lpu.tensor<*, i64>
  %t = onnx.Transpose(%x) {since_version = 13 : i64}
      : (!lpu.tensor<[1, P, 8], f32>) -> !lpu.tensor<*, f32>
  %r = onnx.Reshape(%t, %s) {since_version = 14 : i64}
      : (!lpu.tensor<*, f32>, !lpu.tensor<*, i64>) -> !lpu.tensor<*, f32>
  %y = onnx.Add(%r, %x) {since_version = 14 : i64}
      : (!lpu.tensor<*, f32>, !lpu.tensor<[1, P, 8], f32>) -> !lpu.tensor<*, f32>
  func.return %y : !lpu.tensor<*, f32>
}
```
becomes
```mlir
func.func @step(%x : !lpu.tensor<[1, P, 8], f32>) -> !lpu.tensor<[1, P, 8], f32>
    attributes {lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %t = lpu.transpose %x <[2, 1, 0]>
      : !lpu.tensor<[1, P, 8], f32> -> !lpu.tensor<[8, P, 1], f32>
  %r = lpu.reshape %t : !lpu.tensor<[8, P, 1], f32> -> !lpu.tensor<[1, P, 8], f32>
  %y = onnx.Add(%r, %x) {since_version = 14 : i64}
      : (!lpu.tensor<[1, P, 8], f32>, !lpu.tensor<[1, P, 8], f32>) -> !lpu.tensor<[1, P, 8], f32>
  func.return %y : !lpu.tensor<[1, P, 8], f32>
}
```

One forward walk keeps, beside the extents, the integer content of values (`passes.analysis`): what
depends on shapes alone is never computed at run time. Operators that only move elements become
views of the `lpu` level; contents that data operators read become `lpu.iota`, `lpu.fill` or a small
`lpu.constant`; initialisers become `lpu.constant`. All other operators stay and get typed results.

**Requires** `onnx-bind-roles`. **Ensures** every extent is affine in the symbols. An operand that
decides an extent but depends on data is an error that names the node.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import SSAValue

from dialects.lpu.ops import tensor_of
from dialects.lpu.types import Tensor
from dialects.lpu.weights import INLINE_LIMIT
from dialects.onnx.ops import OnnxOp
from passes.analysis.content import Content, Elements, Fill, Line, as_elements
from passes.analysis.functions import model_folder, step_function, symbol_ranges
from passes.onnx.shapes.resolver import Resolver
from passes.rewriting.base import RewritingPass
from passes.rewriting.build import Build
from passes.rewriting.kernel import erase, sign, substitute
from runtime.numerics import ElementType


def materialise(build: Build, content: Content, tensor: Tensor) -> SSAValue | None:
    """The `lpu` operation that makes a known content; None when only its operands can tell."""
    if isinstance(content, Fill):
        return build.fill(content.value.item(), tensor.shape, tensor.dtype)
    if tensor.dtype.is_float:
        return None
    known = as_elements(content, tensor)
    if known is not None and all(e.is_const for e in known.flat()):
        numbers = np.array([e.const for e in known.flat()], np.int64).astype(tensor.dtype.dtype)
        return build.array(numbers.reshape(known.array.shape)) if _fits(numbers) else None
    if tensor.dtype not in (ElementType.I64, ElementType.I32):
        return None
    if isinstance(content, Line):
        return build.iota(content.base, content.coefficients, tensor.shape, tensor.dtype)
    assert isinstance(content, Elements)
    parts = [build.iota(e, (0,), (1,), tensor.dtype) for e in content.flat()]
    return build.reshape(build.concat(parts, 0), tensor.shape) if parts else None


def _fits(array: np.ndarray) -> bool:
    return array.nbytes <= INLINE_LIMIT


def sweep(func: FuncOp, contents: dict[SSAValue, Content]) -> None:
    """From the last operation to the first: drop what nobody reads, make what is known."""
    for op in reversed(list(func.body.block.ops)):
        if isinstance(op, ReturnOp):
            continue
        if not any([result.first_use for result in op.results]):
            erase(op)
        elif op.results[0] in contents and isinstance(op, OnnxOp):
            result = op.results[0]
            made = materialise(Build(op), contents[result], tensor_of(result))
            if made is not None:
                substitute(op, [made])


def resolve(func: FuncOp, folder: Path) -> None:
    resolver = Resolver(symbol_ranges(func), folder)
    for op in list(func.body.block.ops):
        resolver.visit(op)
    sweep(func, resolver.contents)
    sign(func)


@dataclass(frozen=True)
class OnnxResolveShapesPass(RewritingPass):
    """Resolve extents, scalarise shape arithmetic, turn moves into views."""

    name = "onnx-resolve-shapes"

    def rewrite(self, module: ModuleOp) -> None:
        resolve(step_function(module), model_folder(module))
