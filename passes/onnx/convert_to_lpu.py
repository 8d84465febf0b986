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

The decompositions are in `passes.onnx.operators`. An operator without one is an error of the model.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation, SSAValue

from dialects.affine import NotAffine
from dialects.errors import CompileError, unsupported
from dialects.lpu import ops
from dialects.lpu.ops import tensor_of
from dialects.lpu.types import TensorType
from dialects.onnx import InitializerOp, OnnxOp
from passes.onnx.operators import DECOMPOSITIONS, Results
from passes.rewriting.base import RewritingPass
from passes.rewriting.build import Build
from passes.rewriting.kernel import erase, replace
from passes.rewriting.templates import Made, Templates


def _no_decomposition(op: OnnxOp) -> CompileError:
    known = [op_type for domain, op_type in DECOMPOSITIONS if domain == op.DOMAIN]
    close = difflib.get_close_matches(op.OP_TYPE, known, n=3)
    hint = f"supported are, for example, {', '.join(close)}" if close else None
    return unsupported(op, f"the operator {op.OP_TYPE} is not supported", hint)


def _check_resolved(op: Operation) -> None:
    for value in (*op.operands, *op.results):
        assert isinstance(value.type, TensorType), f"{op.name}: {value.type} is not a tensor"
        assert value.type.data.is_resolved, f"{op.name}: extents not resolved: {value.type.data}"


def _reads_contents(op: OnnxOp) -> bool:
    """Whether a decomposition may look at what an operand holds, which only integers tell."""
    known = [
        v for v in op.operands if isinstance(v.owner, ops.ConstantOp | ops.FillOp | ops.IotaOp)
    ]
    return any(not tensor_of(value).dtype.is_float for value in known)


def _decomposed(op: OnnxOp, templates: Templates) -> Made:
    function = DECOMPOSITIONS.get((op.DOMAIN, op.OP_TYPE))
    if function is None:
        raise _no_decomposition(op)
    _check_resolved(op)
    try:
        if _reads_contents(op):
            return _listed(function(Build(op), op))
        return templates.made(op, lambda: _listed(function(Build(op), op)))
    except NotAffine as error:
        raise unsupported(op, f"an extent is not affine: {error}") from None


def _listed(results: Results) -> Made:
    return (results,) if isinstance(results, SSAValue) else results


def _replace(op: Operation, values: Made) -> None:
    """Put new values in the place of the results, whose types they must have."""
    for index, old in enumerate(op.results):
        new = values[index] if index < len(values) else None
        if new is None:
            if old.uses:
                raise unsupported(op, f"output {index} of this operator is not supported")
            continue
        replace(old, new)
    erase(op)


def decompose(op: Operation, templates: Templates) -> None:
    """Replace one ONNX operation; others stay."""
    if isinstance(op, InitializerOp):
        _replace(op, [Build(op).constant(op.weight)])
    elif isinstance(op, OnnxOp):
        _replace(op, _decomposed(op, templates))


@dataclass(frozen=True)
class ConvertOnnxToLpuPass(RewritingPass):
    """Decompose ONNX operators into `lpu` operations."""

    name = "convert-onnx-to-lpu"

    def rewrite(self, module: ModuleOp) -> None:
        templates = Templates()
        for inner in list(module.walk()):
            decompose(inner, templates)
