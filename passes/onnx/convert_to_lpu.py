"""
Replace each ONNX operator by the `lpu` operations that compute it.

```mlir
func.func @step(%x : !lpu.tensor<[2, P], f32>) {
  %y = onnx.Softmax(%x) {axis = -1 : i64, since_version = 13 : i64}
      : (!lpu.tensor<[2, P], f32>) -> !lpu.tensor<[2, P], f32>
  func.return
}
```
becomes
```mlir
func.func @step(%x : !lpu.tensor<[2, P], f32>) {
  %0 = lpu.reduce "max" %x over <[1]>
      : !lpu.tensor<[2, P], f32> -> !lpu.tensor<[2, 1], f32>
  %1 = lpu.map "sub" %x, %0
      : !lpu.tensor<[2, P], f32>, !lpu.tensor<[2, 1], f32> -> !lpu.tensor<[2, P], f32>
  %2 = lpu.map "exp" %1 : !lpu.tensor<[2, P], f32> -> !lpu.tensor<[2, P], f32>
  %3 = lpu.reduce "sum" %2 over <[1]>
      : !lpu.tensor<[2, P], f32> -> !lpu.tensor<[2, 1], f32>
  %y = lpu.map "div" %2, %3
      : !lpu.tensor<[2, P], f32>, !lpu.tensor<[2, 1], f32> -> !lpu.tensor<[2, P], f32>
  func.return
}
```

**Requires** every value to have a resolved type (`onnx-resolve-shapes`).
**Ensures** that no operation of the `onnx` dialect is left. New operations have the location of the
node they come from, and results keep their types.

The lowering of an operator is in its record, see `passes.onnx.operators`.
"""

from __future__ import annotations

from pathlib import Path

from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation

from dialects.affine import Ranges
from dialects.errors import unsupported
from dialects.lpu.elementwise import FillOp, IotaOp
from dialects.lpu.tensors import tensor_of
from dialects.lpu.types import TensorType
from dialects.onnx import InitializerOp, OnnxOp
from dialects.reading import all_within, types_of
from passes.analysis.functions import functions, model_folder, symbol_ranges
from passes.analysis.moves import content_at
from passes.analysis.weights import weight_of
from passes.onnx.operators import Operator
from passes.onnx.operators.node import Node
from passes.onnx.operators.record import required_record
from passes.rewriting.base import RewritingPass
from passes.rewriting.build import Build
from passes.rewriting.kernel import erase, replace
from passes.rewriting.templates import Made, Templates
from passes.specification import Specification, rounds


def _check_resolved(op: Operation) -> None:
    for kind in types_of(op):
        assert isinstance(kind, TensorType), f"{op.name}: {kind} is not a tensor"
        assert kind.data.is_resolved, f"{op.name}: extents not resolved: {kind.data}"


def _reads_contents(op: OnnxOp) -> bool:
    """Whether a lowering may look at what an operand holds, which only integers tell."""
    whole = [value for value in op.operands if not tensor_of(value).dtype.is_float]
    return any(
        isinstance(value.owner, FillOp | IotaOp) or weight_of(value) is not None for value in whole
    )


def _lowered(node: Node, templates: Templates) -> Made:
    record, op = required_record(node.op), node.op
    _check_resolved(op)

    def lowered() -> Made:
        _check_types(record, node)
        return record.lowered(Build(op), node)

    return lowered() if _reads_contents(op) else templates.made(op, lowered)


def _check_types(record: Operator, node: Node) -> None:
    """Refuse a node that asks for too much, or whose results have other extents than it gives."""
    record.check(node)
    if record.is_view:
        return
    for index, (result, dims) in enumerate(zip(node.op.results, record.dims(node), strict=True)):
        if result.first_use is not None:
            node.expect(f"the shape of result {index}", tensor_of(result).shape, tuple(dims))


def _replace(op: Operation, values: Made) -> None:
    """Put new values in the place of the results, whose types they must have."""
    for index, old in enumerate(op.results):
        if old.first_use is None:
            continue
        new = values[index] if index < len(values) else None
        if new is None:
            raise unsupported(op, f"output {index} of this operator is not supported")
        replace(old, new)
    erase(op)


def lower(op: Operation, templates: Templates, folder: Path, ranges: Ranges) -> None:
    """Replace one ONNX operation; others stay."""
    if type(op) is InitializerOp:
        _replace(op, [Build(op).constant(op.weight)])
    elif isinstance(op, OnnxOp):
        _replace(op, _lowered(Node(op, content_at, ranges, folder), templates))


class ConvertOnnxToLpuPass(RewritingPass):
    """Lower ONNX operators to `lpu` operations."""

    name = "convert-onnx-to-lpu"
    specification = Specification(
        level="onnx",
        to="lpu",
        needs={"extents": "every extent is known at level lpu"},
        gives=(),
        numbers=rounds("u |y| for each value that the standard stores and f32 does not"),
    )

    def rewrite(self, module: ModuleOp) -> None:
        templates, folder = Templates(), model_folder(module)
        for func in functions(module):
            ranges = symbol_ranges(func)
            for inner in all_within(func):
                lower(inner, templates, folder, ranges)
