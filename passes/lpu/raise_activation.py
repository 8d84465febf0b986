"""
Find gelu and silu in what exporters make of them.

```mlir
func.func @step(%x : !lpu.tensor<[1, 8], f32>) -> !lpu.tensor<[1, 8], f32> {
  %s = lpu.map "sigmoid" %x : !lpu.tensor<[1, 8], f32> -> !lpu.tensor<[1, 8], f32>
  %y = lpu.map "mul" %x, %s : !lpu.tensor<[1, 8], f32>, !lpu.tensor<[1, 8], f32>
      -> !lpu.tensor<[1, 8], f32>
  func.return %y : !lpu.tensor<[1, 8], f32>
}
```
becomes
```mlir
func.func @step(%x : !lpu.tensor<[1, 8], f32>) -> !lpu.tensor<[1, 8], f32> {
  %y = lpu.map "silu" %x : !lpu.tensor<[1, 8], f32> -> !lpu.tensor<[1, 8], f32>
  func.return %y : !lpu.tensor<[1, 8], f32>
}
```

1. silu: `x * sigmoid(x)`.
2. gelu: `0.5 x (1 + erf(x / sqrt(2)))`; gelu_tanh: `0.5 x (1 + tanh(p(x)))` with
   `p(x) = sqrt(2 / pi) (x + 0.044715 x^3)`.

The arguments of erf and tanh are compared as polynomials of `x`, so that it does not matter how
they are written, and each number is what a formula means by it (`passes.lpu.raising.numbers`). The
factors may come in any order. A cast to the type that `x` was widened from is taken in. **Leaves
alone** what others read in between, what is wider than `x`, and what is rounded in between.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation, SSAValue

from dialects.lpu.elementwise import MapOp
from dialects.lpu.tensors import tensor_of
from passes.lpu.raising.matching import (
    cast_behind,
    is_wide,
    only_user,
    stand_in,
    visit_all,
    widened,
)
from passes.lpu.raising.numbers import is_number, meant, scaled
from passes.lpu.raising.polynomials import Polynomial, is_same, polynomial
from passes.rewriting.base import RewritingPass
from passes.rewriting.remarks import RAISING, ROUNDED
from passes.specification import Specification, re_associates

CUBIC = 0.044715
LINEAR = math.sqrt(2 / math.pi)

GELUS: dict[str, tuple[str, Polynomial]] = {
    "erf": ("gelu", {1: math.sqrt(0.5)}),
    "tanh": ("gelu_tanh", {1: LINEAR, 3: LINEAR * CUBIC}),
}
"""What a curve is a part of, and its argument."""

MEANT = meant(
    exact=(0.5, 1.0, 2.0, 3.0, 4.0),
    computed=(math.sqrt(0.5), math.sqrt(2), LINEAR, 1 / LINEAR, CUBIC, 1 / CUBIC, LINEAR * CUBIC),
)
"""The numbers that the formulas are written with."""

FACTORS = 4
"""Products above a curve: by `x`, by 0.5, and two more that scalings may be spread over."""


class Found(NamedTuple):
    """`fn(x)`, which is `value`."""

    fn: str
    x: SSAValue
    value: SSAValue


def _silu(op: MapOp) -> Found | None:
    user, x = only_user(op.result), op.inputs[0]
    if isinstance(user, MapOp) and user.fn.data == "mul" and x in user.operands:
        return Found("silu", x, user.result)
    return RAISING.no(op, "its argument is not multiplied with it, or others read it")


def _plus_one(curve: SSAValue) -> SSAValue | None:
    user = only_user(curve)
    if not isinstance(user, MapOp) or user.fn.data != "add":
        return None
    return user.result if any(is_number(v, 1.0) for v in user.operands) else None


def _argument(factor: SSAValue, inner: SSAValue, expected: Polynomial) -> tuple[SSAValue, float]:
    """`(x, f)` when a factor is `f x` and the curve is that of `x`; f = 0 if not."""
    number = 1.0
    for _ in range(FACTORS):
        if is_same(polynomial(inner, factor, MEANT), expected):
            return factor, number
        above = scaled(factor, MEANT)
        if above is None:
            break
        factor, number = above[0], number * above[1]
    return factor, 0.0


def _gelu(op: MapOp) -> Found | None:
    """Up from the curve, through products, until the factors are `x` and a half."""
    fn, expected = GELUS[op.fn.data]
    current, number, x = _plus_one(op.result), 1.0, None
    for _ in range(FACTORS):
        user = None if current is None else only_user(current)
        if not isinstance(user, MapOp) or user.fn.data not in ("mul", "div"):
            return None
        above = scaled(user.result, MEANT)
        if above is not None and above[0] == current:
            number *= above[1]
        elif x is None and user.fn.data == "mul":
            (other,) = [v for v in user.operands if v != current] or [user.operands[0]]
            x, factor = _argument(other, op.inputs[0], expected)
            number *= factor
        else:
            return None
        if x is not None and is_same({0: number}, {0: 0.5}):
            return Found(fn, x, user.result)
        current = user.result
    return None


def find(op: Operation) -> Found | None:
    """The activation that a curve belongs to."""
    if not isinstance(op, MapOp):
        return None
    if op.fn.data == "sigmoid":
        return _silu(op)
    if op.fn.data not in GELUS:
        return None
    return _gelu(op) or RAISING.no(op, "no product of x, a half and 1 + this curve, read by one")


def raise_activation(op: Operation) -> None:
    found = find(op)
    if found is None:
        return
    if not is_wide(found.x):
        return RAISING.no(op, ROUNDED)
    x, value, short = found.x, found.value, widened(found.x)
    end = cast_behind(value)
    if end.type == short.type:
        x, value = short, end
    stand_in(value, {x}, tensor_of(x).shape, lambda build: build.map(found.fn, x))


class LpuRaiseActivationPass(RewritingPass):
    """Raise gelu and silu."""

    name = "lpu-raise-activation"
    specification = Specification(
        level="lpu",
        after={"live": "who reads a value decides whether a pattern is closed"},
        gives=("activations",),
        numbers=re_associates("8 u |y|, the function in one piece instead of in steps"),
    )

    def rewrite(self, module: ModuleOp) -> None:
        visit_all(module, raise_activation)
