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

from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp

from dialects.errors import Unsupported, node_names
from dialects.onnx.ops import OnnxOp
from dialects.reading import operations
from passes.analysis.functions import step_function
from passes.onnx.operators import record_of
from passes.onnx.operators.node import Node
from passes.rewriting.base import RewritingPass
from passes.specification import EXACT, Specification

LACKING = "export without them, or add them as CONTRIBUTING.md shows"
OWN = "they are ONNX Runtime's own: export without its optimisations"


def full_name(op: OnnxOp) -> str:
    return f"{op.DOMAIN}.{op.OP_TYPE}" if op.DOMAIN else op.OP_TYPE


def check(func: FuncOp) -> None:
    """Raise for the first unsupported node, and name all unsupported operators."""
    refused: list[OnnxOp] = []
    for op in operations(func.body.block):
        if isinstance(op, OnnxOp):
            record = record_of(op)
            if record is None:
                refused.append(op)
            else:
                record.check(Node(op))
    if not refused:
        return
    counts = Counter(full_name(op) for op in refused)
    listed = ", ".join(f"{name} ({count})" for name, count in sorted(counts.items()))
    names = node_names(refused[0])
    raise Unsupported(
        f"unsupported operators: {listed}",
        node=names[0] if names else None,
        op=full_name(refused[0]),
        hint=OWN if refused[0].DOMAIN else LACKING,
    )


class OnnxCheckOperatorsPass(RewritingPass):
    """Refuse operators that no other pass handles."""

    name = "onnx-check-operators"
    specification = Specification(level="onnx", gives=("operators",), numbers=EXACT)

    def rewrite(self, module: ModuleOp) -> None:
        check(step_function(module))
