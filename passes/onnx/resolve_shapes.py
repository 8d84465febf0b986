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

from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Operation, SSAValue

from dialects.lpu.elementwise import ConstantOp
from dialects.lpu.tensors import tensor_of
from dialects.onnx.ops import OnnxOp
from dialects.reading import operations
from passes.analysis.content import Content, Elements
from passes.analysis.functions import functions, model_folder, symbol_ranges
from passes.onnx.operators.sources import materialised
from passes.onnx.shapes.resolver import Resolver
from passes.rewriting.base import RewritingPass
from passes.rewriting.build import Build
from passes.rewriting.kernel import erase, replace
from passes.rewriting.signature import sign
from passes.specification import EXACT, Specification


def sweep(func: FuncOp, contents: dict[SSAValue, Content]) -> None:
    """From the last operation to the first: drop what nobody reads, make what is known."""
    for op in reversed(operations(func.body.block)):
        if type(op) is ReturnOp:
            continue
        if type(op) is not ConstantOp:
            for result in op.results:
                content = contents.get(result)
                if content is not None and (isinstance(op, OnnxOp) or _is_numbers(content)):
                    _make(op, result, content)
        if not any([result.first_use for result in op.results]):
            erase(op)


def _is_numbers(content: Content) -> bool:
    """Whether a value that moves have made is a constant, which its readers may have to know."""
    return isinstance(content, Elements) and all(element.is_const for element in content.flat())


def _make(op: Operation, result: SSAValue, content: Content) -> None:
    """Let readers of a known value read what makes it."""
    if result.first_use is not None:
        made = materialised(Build(op), content, tensor_of(result))
        if made is not None:
            replace(result, made)


def resolve(func: FuncOp, folder: Path) -> None:
    resolver = Resolver(symbol_ranges(func), folder)
    for op in operations(func.body.block):
        resolver.visit(op)
    sweep(func, resolver.contents)
    sign(func)


@dataclass(frozen=True)
class OnnxResolveShapesPass(RewritingPass):
    """Resolve extents, scalarise shape arithmetic, turn moves into views."""

    name = "onnx-resolve-shapes"
    specification = Specification(
        level="onnx",
        needs={"dimensions": "extents are affine in the symbols that it names"},
        gives=("extents",),
        numbers=EXACT,
    )

    def rewrite(self, module: ModuleOp) -> None:
        for func in functions(module):
            resolve(func, model_folder(module))
