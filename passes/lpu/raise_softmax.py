"""
Find softmax in the maximum, differences, powers and sum that it is computed with.

```mlir
func.func @step(%x : !lpu.tensor<[2, 8], f32>) -> !lpu.tensor<[2, 8], f32> {
  %0 = lpu.reduce "max" %x over <[1]> : !lpu.tensor<[2, 8], f32> -> !lpu.tensor<[2, 1], f32>
  %1 = lpu.map "sub" %x, %0 : !lpu.tensor<[2, 8], f32>, !lpu.tensor<[2, 1], f32>
      -> !lpu.tensor<[2, 8], f32>
  %2 = lpu.map "exp" %1 : !lpu.tensor<[2, 8], f32> -> !lpu.tensor<[2, 8], f32>
  %3 = lpu.reduce "sum" %2 over <[1]> : !lpu.tensor<[2, 8], f32> -> !lpu.tensor<[2, 1], f32>
  %y = lpu.map "div" %2, %3 : !lpu.tensor<[2, 8], f32>, !lpu.tensor<[2, 1], f32>
      -> !lpu.tensor<[2, 8], f32>
  func.return %y : !lpu.tensor<[2, 8], f32>
}
```
becomes
```mlir
func.func @step(%x : !lpu.tensor<[2, 8], f32>) -> !lpu.tensor<[2, 8], f32> {
  %y = lpu.softmax %x empty "nan" : !lpu.tensor<[2, 8], f32> -> !lpu.tensor<[2, 8], f32>
  func.return %y : !lpu.tensor<[2, 8], f32>
}
```

1. Maximum and sum are those of the last axis, and nothing rounds between the operations.
2. Rows of -inf alone give zeros when maximum and sum are replaced there by 0 and 1.
3. Rows that are NaN, because they hold NaN or inf or -inf alone, give zeros when a `select` puts 0
   in the place of NaN behind the division.
4. Casts around it are taken in: from a shorter float type, and the only reader's to another one.
"""

from __future__ import annotations

import math

from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation, SSAValue

from dialects.lpu.elementwise import MapOp, SelectOp
from dialects.lpu.tensors import tensor_of
from passes.lpu.raising.matching import (
    cast_behind,
    is_wide,
    map_of,
    reduce_of,
    stand_in,
    visit_all,
    widened,
)
from passes.lpu.raising.numbers import is_number, number_of
from passes.rewriting.base import RewritingPass
from passes.rewriting.remarks import RAISING, ROUNDED
from passes.specification import Specification, re_associates


def _unless_empty(value: SSAValue, instead: float) -> tuple[SSAValue, SSAValue | None]:
    """`(v, c)` when a value is `select(c, instead, v)`, else the value and None."""
    op = value.owner
    if isinstance(op, SelectOp) and is_number(op.on_true, instead):
        return op.on_false, op.condition
    return value, None


def _is_empty(condition: SSAValue, top: SSAValue) -> bool:
    """Whether a condition says that a maximum is -inf."""
    op = map_of(condition, "eq")
    return op is not None and top in op.operands and -math.inf in map(number_of, op.operands)


def _softmax(op: MapOp) -> tuple[SSAValue, str] | None:
    """The source of a softmax and what its empty rows give."""
    powers, divisor = op.operands
    total, condition = _unless_empty(divisor, 1.0)
    sums, exp = reduce_of(total, "sum"), map_of(powers, "exp")
    if exp is None:
        return None
    if sums is None or sums.source != powers:
        return RAISING.no(op, "powers are not divided by their own sum over the last axis")
    difference = map_of(exp.inputs[0], "sub")
    if difference is None:
        return RAISING.no(op, "nothing is subtracted from the scores")
    source, pivot = difference.operands
    top, same = _unless_empty(pivot, 0.0)
    greatest = reduce_of(top, "max")
    if greatest is None or greatest.source != source or same != condition:
        return RAISING.no(op, "what is subtracted is not the greatest score of the last axis")
    if condition is None:
        return source, "nan"
    if not _is_empty(condition, top):
        return RAISING.no(op, "rows are treated apart that are not empty")
    return source, "zero"


def _guarded(value: SSAValue) -> SelectOp | None:
    """The `select` that puts 0 where a value is NaN."""
    users = {use.operation for use in value.uses}
    selects = [user for user in users if isinstance(user, SelectOp)]
    if len(users) != 2 or len(selects) != 1:
        return None
    (guard,) = selects
    check = map_of(guard.condition, "isnan")
    fits = check is not None and check.operands[0] == value == guard.on_false
    return guard if fits and check in users and is_number(guard.on_true, 0.0) else None


def _outermost(op: MapOp, empty: str) -> tuple[SSAValue, str]:
    """The last value that the softmax may stand for: behind its guard and casts."""
    value = op.result
    for candidate in dict.fromkeys((value, cast_behind(value))):
        guard = _guarded(candidate)
        if guard is not None:
            value, empty = guard.result, "guarded"
    return cast_behind(value), empty


def raise_softmax(op: Operation) -> None:
    if not isinstance(op, MapOp) or op.fn.data != "div":
        return
    found = _softmax(op)
    if found is None:
        return
    if not is_wide(op.result):
        return RAISING.no(op, ROUNDED)
    source, (value, empty) = widened(found[0]), _outermost(op, found[1])
    tensor, dtype = tensor_of(source), tensor_of(value).dtype
    stand_in(value, {source}, tensor.shape, lambda build: build.softmax(source, empty, dtype))


class LpuRaiseSoftmaxPass(RewritingPass):
    """Raise softmax."""

    name = "lpu-raise-softmax"
    specification = Specification(
        level="lpu",
        after={"live": "who reads a value decides whether a pattern is closed"},
        gives=("softmaxes",),
        numbers=re_associates("n u |y|"),
    )

    def rewrite(self, module: ModuleOp) -> None:
        visit_all(module, raise_softmax)
