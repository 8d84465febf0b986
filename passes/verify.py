"""
Check everything that must hold of the IR, at whatever level it is.

```mlir
func.func @step(%x : !lpu.tensor<[P], f32>) -> !lpu.tensor<[P], f32>
    attributes {lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %y = lpu.map "neg" %x : !lpu.tensor<[P], f32> -> !lpu.tensor<[P], f32>
  func.return %y : !lpu.tensor<[P], f32>
}
```
becomes
```mlir
func.func @step(%x : !lpu.tensor<[P], f32>) -> !lpu.tensor<[P], f32>
    attributes {lpu.symbols = #lpu.symbols<[P in 0 to 7]>} {
  %y = lpu.map "neg" %x : !lpu.tensor<[P], f32> -> !lpu.tensor<[P], f32>
  func.return %y : !lpu.tensor<[P], f32>
}
```

The pipeline does the same at the end of each stage, `lpuc opt` with what it reads. xDSL's own tools
verify one operation at a time: they let pass a use before its definition, a name that nothing
binds, a window outside of its state. The rules are those of `dialects.verification`.
"""

from __future__ import annotations

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from dialects.verification import verify_module
from passes.specification import EXACT, Specification


class VerifyPass(ModulePass):
    """Refuse a module that breaks a rule of its level."""

    name = "verify"
    specification = Specification(level=None, gives=(), numbers=EXACT)

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        verify_module(op)
