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

Lengths of caches that nodes need to be equal get one symbol, and a table that is read up to a
length bounds it (`passes.onnx.shapes.lengths`). Of rows that data selects all that there may be are
computed (`passes.onnx.shapes.selections`).

**Requires** `onnx-bind-roles`. **Ensures** every extent is affine in the symbols. An operand that
decides an extent but depends on data is an error that names the node.
"""

from __future__ import annotations

from pathlib import Path

from xdsl.dialects.builtin import ModuleOp, StringAttr
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Operation, SSAValue

from dialects.errors import ManySteps
from dialects.lpu.attributes import SymbolsAttr
from dialects.lpu.elementwise import ConstantOp, IotaOp
from dialects.lpu.interface import symbols_of
from dialects.lpu.tensors import tensor_of
from dialects.names import escape
from dialects.onnx.ops import OnnxOp
from dialects.reading import operations
from passes.analysis.content import Content, Elements, Line, as_elements
from passes.analysis.functions import functions, given_context, model_folder, step_function
from passes.onnx.operators.sources import materialised
from passes.onnx.shapes.lengths import Lengths, rename
from passes.onnx.shapes.resolver import Resolver
from passes.rewriting.base import RewritingPass
from passes.rewriting.build import Build
from passes.rewriting.kernel import erase, replace, set_attribute
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
                if content is not None and (isinstance(op, OnnxOp) or _is_numbers(op, content)):
                    _make(op, result, content)
        if not any([result.first_use for result in op.results]):
            erase(op)


def _is_numbers(op: Operation, content: Content) -> bool:
    """Whether a value that moves have made is a constant, which its readers may have to know."""
    if type(op) is IotaOp or not isinstance(content, Elements | Line):
        return False
    known = as_elements(content, tensor_of(op.results[0]))
    return known is not None and all(element.is_const for element in known.flat())


def _make(op: Operation, result: SSAValue, content: Content) -> None:
    """Let readers of a known value read what makes it."""
    if result.first_use is not None:
        made = materialised(Build(op), content, tensor_of(result))
        if made is not None:
            replace(result, made)


def resolve(func: FuncOp, folder: Path, lengths: Lengths) -> None:
    """Resolve a function, and learn what its nodes say of the lengths of caches."""
    resolver = Resolver(lengths, folder)
    for op in operations(func.body.block):
        resolver.visit(op)
    selections = resolver.selections
    selections.finish(func)
    sweep(func, resolver.contents)
    selections.check_numbers(func)
    lengths.equal |= selections.equal()
    if lengths.equal:
        rename(func, lengths.equal)
    if lengths.symbols() != symbols_of(func).data:
        set_attribute(func, "lpu.symbols", SymbolsAttr(lengths.symbols()))
    sign(func)


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
        folder, step = model_folder(module), step_function(module)
        lengths = Lengths(symbols_of(step).data, {}, given_context(module))
        resolve(step, folder, lengths)
        for func in functions(module):
            symbols = symbols_of(func).data
            if func is not step and not lengths.leave_room(symbols):
                erase(func)
                reason = "the model has positions for fewer tokens"
                set_attribute(step, "lpu.no_chunk", StringAttr(reason))
            elif func is not step:
                try:
                    resolve(func, folder, Lengths(symbols, lengths.fewer(), None))
                except ManySteps as error:
                    erase(func)
                    set_attribute(step, "lpu.no_chunk", StringAttr(escape(str(error))))
