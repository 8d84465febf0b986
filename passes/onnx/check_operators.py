"""
Refuse a model with operators that the compiler does not know, all of them in one message.

```mlir
func.func @step(%x : !lpu.tensor<[2], f32>) {
  %y = onnx.Relu(%x) {since_version = 14 : i64} : (!lpu.tensor<[2], f32>) -> !lpu.tensor<*, f32>
  func.return
}
```
becomes
```mlir
func.func @step(%x : !lpu.tensor<[2], f32>) {
  %y = onnx.Relu(%x) {since_version = 14 : i64} : (!lpu.tensor<[2], f32>) -> !lpu.tensor<*, f32>
  func.return
}
```

Nothing is changed. The check comes first, so that nobody is asked for the dimensions of a model
that is refused afterwards.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp

from dialects.errors import CompileError, node_names
from dialects.onnx.ops import OnnxOp
from passes.analysis.functions import step_function
from passes.onnx.operators import DECOMPOSITIONS
from passes.onnx.shapes.resolver import SPECIAL
from passes.onnx.shapes.views import VIEWS
from passes.rewriting.base import RewritingPass


def is_supported(op: OnnxOp) -> bool:
    """Whether the operator becomes a view, a known content, or a decomposition."""
    known = op.DOMAIN == "" and (op.OP_TYPE in VIEWS or op.OP_TYPE in SPECIAL)
    return known or (op.DOMAIN, op.OP_TYPE) in DECOMPOSITIONS


def full_name(op: OnnxOp) -> str:
    return f"{op.DOMAIN}.{op.OP_TYPE}" if op.DOMAIN else op.OP_TYPE


def check(func: FuncOp) -> None:
    """Raise for the first unsupported node, and name all unsupported operators."""
    refused = [op for op in func.body.block.ops if isinstance(op, OnnxOp) and not is_supported(op)]
    if not refused:
        return
    counts = Counter(full_name(op) for op in refused)
    listed = ", ".join(f"{name} ({count})" for name, count in sorted(counts.items()))
    names = node_names(refused[0])
    raise CompileError(
        f"unsupported operators: {listed}",
        node=names[0] if names else None,
        op=full_name(refused[0]),
        hint="export without operators of a runtime's own, `lpuc ops` lists what is known",
    )


@dataclass(frozen=True)
class OnnxCheckOperatorsPass(RewritingPass):
    """Refuse operators that no other pass handles."""

    name = "onnx-check-operators"

    def rewrite(self, module: ModuleOp) -> None:
        check(step_function(module))
