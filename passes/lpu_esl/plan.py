"""
Choose what each device computes: which factors of the columns of products are cut.

```mlir
builtin.module attributes {lpu.options = {devices = 2 : i64}} {
  func.func @step(%x : !lpu.tensor<[1, 4], f32>) -> !lpu.tensor<[1, 8], f32> {
    %w = lpu.constant <file("w", 0, [4, 8], f32)> : !lpu.tensor<[4, 8], f32>
    %y = lpu.matmul %x, %w : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 8], f32>
        -> !lpu.tensor<[1, 8], f32> loc("fc")
    func.return %y : !lpu.tensor<[1, 8], f32>
  }
}
```
becomes
```mlir
builtin.module attributes {lpu.options = {devices = 2 : i64},
    lpu_esl.plan = {devices = 2 : i64, model = "f9b2c7fbada78312", products = {fc = "8/2"}}} {
  func.func @step(%x : !lpu.tensor<[1, 4], f32>) -> !lpu.tensor<[1, 8], f32> {
    %w = lpu.constant <file("w", 0, [4, 8], f32)> : !lpu.tensor<[4, 8], f32>
    %y = lpu.matmul %x, %w : !lpu.tensor<[1, 4], f32>, !lpu.tensor<[4, 8], f32>
        -> !lpu.tensor<[1, 8], f32> loc("fc")
    func.return %y : !lpu.tensor<[1, 8], f32>
  }
}
```

How it is chosen is told in `passes.lpu_esl.factors.cuts`, how it is written in
`passes.lpu_esl.factors.written`. A plan that is there already is checked: one for another model or
another number of devices, products that do not exist, factors that are not those of the columns,
and cuts of one factor that contradict each other are refused.
"""

from __future__ import annotations

from xdsl.dialects.builtin import ModuleOp

from dialects.lpu_esl.plans import PLAN
from passes.analysis.functions import devices_of
from passes.lpu_esl.factors.analysis import Factors
from passes.lpu_esl.factors.cuts import choose
from passes.lpu_esl.factors.products import Products
from passes.lpu_esl.factors.written import read, write
from passes.rewriting.base import RewritingPass
from passes.rewriting.kernel import set_attribute
from passes.specification import EXACT, Specification


class LpuEslPlanPass(RewritingPass):
    """Choose what each device computes, or check what was chosen."""

    name = "lpu-esl-plan"
    specification = Specification(
        level="lpu",
        after={
            "attentions": "the heads of one operation are plainly seen",
            "entries": "the functions share weights and caches",
        },
        gives=("plan",),
        numbers=EXACT,
    )

    def rewrite(self, module: ModuleOp) -> None:
        devices, products = devices_of(module), Products(module, Factors(module))
        cuts = (
            read(module, products, devices)
            if PLAN in module.attributes
            else choose(products, devices)
        )
        set_attribute(module, PLAN, write(products, cuts, devices))
