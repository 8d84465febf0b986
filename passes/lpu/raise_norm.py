"""
Find layer norm and RMS norm in the sums and roots that they are computed with.

```mlir
func.func @step(%x : !lpu.tensor<[2, 8], f32>) -> !lpu.tensor<[2, 8], f32> {
  %w = lpu.constant <file("w", 0, [8], f32)> : !lpu.tensor<[8], f32>
  %n = lpu.fill "00000041" : !lpu.tensor<[], f32>
  %e = lpu.fill "0000803a" : !lpu.tensor<[], f32>
  %0 = lpu.map "mul" %x, %x : !lpu.tensor<[2, 8], f32>, !lpu.tensor<[2, 8], f32>
      -> !lpu.tensor<[2, 8], f32>
  %1 = lpu.reduce "sum" %0 over <[1]> : !lpu.tensor<[2, 8], f32> -> !lpu.tensor<[2, 1], f32>
  %2 = lpu.map "div" %1, %n : !lpu.tensor<[2, 1], f32>, !lpu.tensor<[], f32>
      -> !lpu.tensor<[2, 1], f32>
  %3 = lpu.map "add" %2, %e : !lpu.tensor<[2, 1], f32>, !lpu.tensor<[], f32>
      -> !lpu.tensor<[2, 1], f32>
  %4 = lpu.map "sqrt" %3 : !lpu.tensor<[2, 1], f32> -> !lpu.tensor<[2, 1], f32>
  %5 = lpu.map "recip" %4 : !lpu.tensor<[2, 1], f32> -> !lpu.tensor<[2, 1], f32>
  %6 = lpu.map "mul" %x, %5 : !lpu.tensor<[2, 8], f32>, !lpu.tensor<[2, 1], f32>
      -> !lpu.tensor<[2, 8], f32>
  %y = lpu.map "mul" %6, %w : !lpu.tensor<[2, 8], f32>, !lpu.tensor<[8], f32>
      -> !lpu.tensor<[2, 8], f32>
  func.return %y : !lpu.tensor<[2, 8], f32>
}
```
becomes
```mlir
func.func @step(%x : !lpu.tensor<[2, 8], f32>) -> !lpu.tensor<[2, 8], f32> {
  %w = lpu.constant <file("w", 0, [8], f32)> : !lpu.tensor<[8], f32>
  %n = lpu.fill "00000041" : !lpu.tensor<[], f32>
  %e = lpu.fill "0000803a" : !lpu.tensor<[], f32>
  %y = lpu.norm "rms" %x weight %w : !lpu.tensor<[8], f32> epsilon 0.0009765625
      : !lpu.tensor<[2, 8], f32> -> !lpu.tensor<[2, 8], f32>
  func.return %y : !lpu.tensor<[2, 8], f32>
}
```

1. The mean of squares is that of the last axis: a sum by its extent. Powers of 2, divisions by the
   root and reciprocals of it are all taken. Up to the weight nothing rounds.
2. It is a layer norm when what is squared is `x` minus its mean.
3. A product with a weight, then a sum with a bias, that alone read the result are taken in. So are
   casts: from a shorter float type, in front of the weight, and behind it.
"""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation, SSAValue

from dialects.lpu.elementwise import MapOp
from dialects.lpu.tensors import tensor_of
from passes.lpu.raising.matching import (
    cast_behind,
    commuted,
    is_parameter,
    is_wide,
    map_of,
    only_user,
    reduce_of,
    stand_in,
    visit_all,
    widened,
)
from passes.lpu.raising.numbers import is_number, number_of, quotient
from passes.rewriting.base import RewritingPass
from passes.rewriting.remarks import RAISING, ROUNDED
from passes.specification import Specification, re_associates
from runtime.numerics.elements import ElementType


def _mean_of(value: SSAValue) -> SSAValue | None:
    """`x` when a value is the mean of its last axis."""
    op = value.owner
    for operand in op.operands if isinstance(op, MapOp) else ():
        sums = reduce_of(operand, "sum")
        extent = None if sums is None else sums.source_tensor().shape[-1]
        if sums is None or extent is None or not extent.is_const or extent.const < 1:
            continue
        if quotient(value, extent.const) == operand:
            return sums.source
    return None


def _square_root(value: SSAValue) -> SSAValue | None:
    """`x` when a value is its square."""
    op = value.owner
    if not isinstance(op, MapOp) or len(op.operands) != 2:
        return None
    base, other = op.operands
    if op.fn.data == "mul":
        return base if base == other else None
    is_square = op.fn.data == "pow" and is_number(other, 2.0)
    return base if is_square and op.result.type == base.type else None


def _deviation(op: MapOp) -> tuple[SSAValue, float] | None:
    """`(x, epsilon)` when an operation is `sqrt(mean(x^2) + epsilon)`."""
    shifted = map_of(op.inputs[0], "add")
    if shifted is None:
        return RAISING.no(op, "it is the root of no sum")
    for mean, epsilon in commuted(shifted):
        number, square = number_of(epsilon), _mean_of(mean)
        x = None if square is None else _square_root(square)
        if x is not None and number is not None:
            return x, number
        if square is not None:
            lacks = "it is no mean of squares" if x is None else "epsilon is no number"
            return RAISING.no(op, "{}", lacks)
    return RAISING.no(op, "it is the root of no mean of the last axis and a number")


def _divided(deviation: SSAValue, x: SSAValue) -> SSAValue | None:
    """The one value that is `x / deviation`, however that is written."""
    user = only_user(deviation)
    if not isinstance(user, MapOp):
        return None
    first = user.operands[0]
    if user.fn.data == "div" and user.operands[1] == deviation:
        if widened(first) == widened(x):
            return user.result
        inverted = is_number(first, 1.0)
    else:
        inverted = user.fn.data == "recip"
    product = only_user(user.result) if inverted else None
    if not isinstance(product, MapOp) or product.fn.data != "mul":
        return None
    factors = [v for v in product.operands if v != user.result]
    same = len(factors) == 1 and widened(factors[0]) == widened(x)
    return product.result if same else None


def _centred(x: SSAValue) -> SSAValue | None:
    """`y` when `x` is `y` minus its mean."""
    op = map_of(x, "sub")
    if op is None:
        return None
    source, mean = op.operands
    return source if _mean_of(mean) == source else None


@dataclass
class Tail:
    """What behind the division belongs to the norm: the value so far, and its parameters."""

    value: SSAValue
    parameters: list[SSAValue]

    def extend(self) -> None:
        """Weight, bias and a last cast, as far as they follow on one another."""
        for fn in ("mul", "add"):
            if not self._take_parameter(fn):
                break
        if {tensor_of(v).dtype for v in self.parameters} <= {ElementType.F32}:
            self.value = cast_behind(self.value)

    def _take_parameter(self, fn: str) -> bool:
        value = cast_behind(self.value) if fn == "mul" else self.value
        user = only_user(value)
        if not isinstance(user, MapOp) or user.fn.data != fn:
            return False
        others = [v for v in user.operands if v != value]
        same = user.result_tensor().shape == tensor_of(value).shape
        if len(others) != 1 or not same or not is_parameter(others[0]):
            return False
        self.value = user.result
        self.parameters.append(others[0])
        return True


def raise_norm(op: Operation) -> None:
    if not isinstance(op, MapOp) or op.fn.data != "sqrt":
        return
    found = _deviation(op)
    whole = None if found is None else _divided(op.result, found[0])
    if found is None:
        return
    if whole is None:
        return RAISING.no(op, "what it is the deviation of is not all that is divided by it")
    x, epsilon = found
    if not is_wide(x):
        return RAISING.no(op, ROUNDED)
    source = _centred(x)
    kind = "rms" if source is None else "layer"
    source = widened(x if source is None else source)
    tail = Tail(whole, [])
    tail.extend()
    dtype = tensor_of(tail.value).dtype
    stand_in(
        tail.value,
        {source, *tail.parameters},
        tensor_of(source).shape,
        lambda build: build.norm(kind, source, tail.parameters, epsilon, dtype),
    )


class LpuRaiseNormPass(RewritingPass):
    """Raise layer norm and RMS norm."""

    name = "lpu-raise-norm"
    specification = Specification(
        level="lpu",
        after={
            "live": "who reads a value decides whether a pattern is closed",
            "stored": "a cast behind a norm is the type of its result",
        },
        gives=("norms",),
        numbers=re_associates("n u |y|"),
    )

    def rewrite(self, module: ModuleOp) -> None:
        visit_all(module, raise_norm)
