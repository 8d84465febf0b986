"""
Find rotary embeddings in the halves that they are computed from.

```mlir
func.func @step(%x : !lpu.tensor<[2, 8], f32>, %c : !lpu.tensor<[2, 8], f32>,
                %s : !lpu.tensor<[2, 8], f32>) -> !lpu.tensor<[2, 8], f32> {
  %0 = lpu.map "mul" %x, %c : !lpu.tensor<[2, 8], f32>, !lpu.tensor<[2, 8], f32>
      -> !lpu.tensor<[2, 8], f32>
  %1 = lpu.slice %x at <[0, 0]> step <[1, 1]> : !lpu.tensor<[2, 8], f32> -> !lpu.tensor<[2, 4], f32>
  %2 = lpu.slice %x at <[0, 4]> step <[1, 1]> : !lpu.tensor<[2, 8], f32> -> !lpu.tensor<[2, 4], f32>
  %3 = lpu.map "neg" %2 : !lpu.tensor<[2, 4], f32> -> !lpu.tensor<[2, 4], f32>
  %4 = lpu.concat %3, %1 axis 1 : !lpu.tensor<[2, 4], f32>, !lpu.tensor<[2, 4], f32>
      -> !lpu.tensor<[2, 8], f32>
  %5 = lpu.map "mul" %4, %s : !lpu.tensor<[2, 8], f32>, !lpu.tensor<[2, 8], f32>
      -> !lpu.tensor<[2, 8], f32>
  %y = lpu.map "add" %0, %5 : !lpu.tensor<[2, 8], f32>, !lpu.tensor<[2, 8], f32>
      -> !lpu.tensor<[2, 8], f32>
  func.return %y : !lpu.tensor<[2, 8], f32>
}
```
becomes
```mlir
func.func @step(%x : !lpu.tensor<[2, 8], f32>, %c : !lpu.tensor<[2, 8], f32>,
                %s : !lpu.tensor<[2, 8], f32>) -> !lpu.tensor<[2, 8], f32> {
  %y = lpu.rotary %x, %c, %s : !lpu.tensor<[2, 8], f32>, !lpu.tensor<[2, 8], f32>,
      !lpu.tensor<[2, 8], f32> -> !lpu.tensor<[2, 8], f32>
  func.return %y : !lpu.tensor<[2, 8], f32>
}
```

1. `x cos + concat(-b, a) sin`, where `a` and `b` are the halves of `x`; or
2. `concat(a cos - b sin, a sin + b cos)`, with `cos` and `sin` of half the width.
3. Casts from a shorter float type, and the only reader's to another one, are taken in.

What turns a part of the channels stays a slice and a concatenation around it. **Leaves alone**
embeddings whose pairs are neighbours.
"""

from __future__ import annotations

from typing import NamedTuple

from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation, SSAValue

from dialects.affine import Affine
from dialects.lpu.elementwise import MapOp
from dialects.lpu.movement import ConcatOp, SliceOp
from dialects.lpu.tensors import tensor_of
from passes.lpu.raising.matching import (
    cast_behind,
    commuted,
    is_wide,
    map_of,
    origin,
    stand_in,
    visit_all,
    widened,
)
from passes.rewriting.base import RewritingPass
from passes.rewriting.fused_build import FusedBuild
from passes.rewriting.remarks import RAISING, ROUNDED
from passes.specification import EXACT, Specification

Products = tuple[tuple[SSAValue, SSAValue], ...]


class Found(NamedTuple):
    """`width` channels, of which `low` are the first half, turned by `cos` and `sin`."""

    low: SSAValue
    width: Affine
    cos: SSAValue
    sin: SSAValue

    @property
    def shape(self) -> tuple[Affine, ...]:
        """The extents of the channels that turn, which are those of the result."""
        return (*tensor_of(self.low).shape[:-1], self.width)


def _products(value: SSAValue) -> Products:
    """The factors of a product, in both orders; nothing if it is none."""
    op = map_of(value, "mul")
    return () if op is None else commuted(op)


def _pair(value: SSAValue) -> tuple[SSAValue, SSAValue] | None:
    """The two operands of a concatenation of channels, when they are of one width."""
    op = value.owner
    if not isinstance(op, ConcatOp) or len(op.operands) != 2:
        return None
    first, second = op.operands
    last = op.axis.value.data == op.result_tensor().rank - 1
    return (first, second) if last and first.type == second.type else None


def _are_halves(low: SSAValue, high: SSAValue) -> bool:
    """Whether the channels of one value are followed by as many of another."""
    (base, first), (other, second) = origin(low), origin(high)
    half = tensor_of(low).shape[-1]
    return base == other and second == first + half and tensor_of(high).shape[-1] == half


def _turned(value: SSAValue) -> SSAValue | None:
    """`a` when a value is `concat(-b, a)` of the halves of channels."""
    parts = _pair(value)
    negated = None if parts is None else map_of(parts[0], "neg")
    if parts is None or negated is None:
        return None
    low = parts[1]
    return low if _are_halves(low, negated.inputs[0]) else None


def _whole(op: Operation) -> Found | None:
    """Form 1."""
    for straight, crossed in commuted(op):
        for turned, sin in _products(crossed):
            low = _turned(turned)
            if low is None:
                continue
            width = tensor_of(low).shape[-1] * 2
            for x, cos in _products(straight):
                if origin(x) == origin(low) and tensor_of(x).shape[-1] == width:
                    return Found(low, width, cos, sin)
    return None


def _halves(op: ConcatOp) -> Found | None:
    """Form 2."""
    parts = _pair(op.result)
    real = None if parts is None else map_of(parts[0], "sub")
    imaginary = None if parts is None else map_of(parts[1], "add")
    if real is None or imaginary is None:
        return None
    for low, cos in _products(real.operands[0]):
        for high, sin in _products(real.operands[1]):
            if _are_halves(low, high) and _is_imaginary(imaginary, (low, sin), (high, cos)):
                return Found(low, tensor_of(low).shape[-1] * 2, cos, sin)
    return None


def _is_imaginary(op: MapOp, *pairs: tuple[SSAValue, SSAValue]) -> bool:
    """Whether a sum is that of the products of two pairs."""
    one, two = pairs
    return any(one in _products(a) and two in _products(b) for a, b in commuted(op))


def find(op: Operation) -> Found | None:
    """The embedding that an operation ends."""
    if isinstance(op, ConcatOp):
        return _halves(op)
    is_sum = isinstance(op, MapOp) and op.fn.data == "add"
    return _whole(op) if is_sum else None


def _fits(found: Found) -> bool:
    """Whether cos and sin only spread over what they turn."""
    cos, sin = tensor_of(found.cos), tensor_of(found.sin)
    if cos.shape != sin.shape or not cos.dtype.is_float or not found.width.is_const:
        return False
    if not 1 <= cos.rank <= len(found.shape):
        return False
    *lead, last = cos.shape
    wide = last in (found.width, found.width // 2)
    return wide and all(map(_spreads, reversed(lead), reversed(found.shape[:-1])))


def _spreads(extent: Affine, target: Affine) -> bool:
    return extent in (Affine(1), target)


def _whole_of(found: Found) -> SSAValue:
    """The channels that turn, if they are a value of their own, or what they are part of."""
    value = found.low
    while isinstance(op := value.owner, SliceOp) and value != origin(value)[0]:
        value = op.source
        if tensor_of(value).shape[-1] == found.width and origin(value) == origin(found.low):
            break
    return value


def _channels(found: Found, whole: SSAValue) -> tuple[Affine, Affine]:
    """First and number of the channels that turn."""
    if tensor_of(whole).shape[-1] == found.width:
        return Affine(), found.width
    return origin(found.low)[1], found.width


def raise_rotary(op: Operation) -> None:
    found = find(op)
    if found is None:
        return
    if not is_wide(op.results[0]):
        return RAISING.no(op, ROUNDED)
    if not _fits(found):
        return RAISING.no(op, "cos and sin do not spread over the channels that turn")
    value = cast_behind(op.results[0])
    x, cos, sin = map(widened, (_whole_of(found), found.cos, found.sin))

    def embedding(build: FusedBuild) -> SSAValue:
        part = build.slice_axis(x, -1, *_channels(found, x))
        return build.rotary(part, cos, sin, tensor_of(value).dtype)

    stand_in(value, {x, cos, sin}, found.shape, embedding)


class LpuRaiseRotaryPass(RewritingPass):
    """Raise rotary embeddings by halves."""

    name = "lpu-raise-rotary"
    specification = Specification(
        level="lpu",
        after={
            "live": "who reads a value decides whether a pattern is closed",
            "stored": "the cast of a key is the type of its result",
        },
        gives=("rotations",),
        numbers=EXACT,
    )

    def rewrite(self, module: ModuleOp) -> None:
        visit_all(module, raise_rotary)
