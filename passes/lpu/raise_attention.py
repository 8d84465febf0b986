"""
Find attention: a product of queries and keys, its softmax, and the product with values.

```mlir
func.func @step(%q : !lpu.tensor<[1, 4, 1, 8], f32>, %k : !lpu.tensor<[1, 2, 9, 8], f32>,
                %v : !lpu.tensor<[1, 2, 9, 8], f32>) -> !lpu.tensor<[1, 2, 2, 8], f32> {
  %0 = lpu.transpose %k <[0, 1, 3, 2]> : !lpu.tensor<[1, 2, 9, 8], f32>
      -> !lpu.tensor<[1, 2, 8, 9], f32>
  %h = lpu.fill "0000003f" : !lpu.tensor<[], f32>
  %1 = lpu.map "mul" %0, %h : !lpu.tensor<[1, 2, 8, 9], f32>, !lpu.tensor<[], f32>
      -> !lpu.tensor<[1, 2, 8, 9], f32>
  %2 = lpu.reshape %q : !lpu.tensor<[1, 4, 1, 8], f32> -> !lpu.tensor<[1, 2, 2, 8], f32>
  %3 = lpu.matmul %2, %1 : !lpu.tensor<[1, 2, 2, 8], f32>, !lpu.tensor<[1, 2, 8, 9], f32>
      -> !lpu.tensor<[1, 2, 2, 9], f32>
  %4 = lpu.reshape %3 : !lpu.tensor<[1, 2, 2, 9], f32> -> !lpu.tensor<[1, 4, 1, 9], f32>
  %5 = lpu.softmax %4 empty "nan" : !lpu.tensor<[1, 4, 1, 9], f32> -> !lpu.tensor<[1, 4, 1, 9], f32>
  %6 = lpu.reshape %5 : !lpu.tensor<[1, 4, 1, 9], f32> -> !lpu.tensor<[1, 2, 2, 9], f32>
  %y = lpu.matmul %6, %v : !lpu.tensor<[1, 2, 2, 9], f32>, !lpu.tensor<[1, 2, 9, 8], f32>
      -> !lpu.tensor<[1, 2, 2, 8], f32>
  func.return %y : !lpu.tensor<[1, 2, 2, 8], f32>
}
```
becomes
```mlir
func.func @step(%q : !lpu.tensor<[1, 4, 1, 8], f32>, %k : !lpu.tensor<[1, 2, 9, 8], f32>,
                %v : !lpu.tensor<[1, 2, 9, 8], f32>) -> !lpu.tensor<[1, 2, 2, 8], f32> {
  %h = lpu.fill "0000003f" : !lpu.tensor<[], f32>
  %0 = lpu.attention %q, %k, %v scale 0.5 softcap 0.0 empty "nan" : !lpu.tensor<[1, 4, 1, 8], f32>,
      !lpu.tensor<[1, 2, 9, 8], f32>, !lpu.tensor<[1, 2, 9, 8], f32>
      -> !lpu.tensor<[1, 4, 1, 8], f32>
  %y = lpu.reshape %0 : !lpu.tensor<[1, 4, 1, 8], f32> -> !lpu.tensor<[1, 2, 2, 8], f32>
  func.return %y : !lpu.tensor<[1, 2, 2, 8], f32>
}
```

1. Between the products lie, in this order: scalings, a softcap, biases that are added and masks
   that put -inf, the softmax (as `lpu.softmax`), and casts and reshapes anywhere.
2. Keys and values are followed up through reshapes, transposes and broadcasts to the tensor that
   holds each head once. The heads that a broadcast makes must be the inner ones: consecutive query
   heads share a key head.
3. Scalings of keys and queries move to the scale, so that nothing is done to every key.
4. Only the second product reads the softmax, and the softmax alone the scores.

A bias that puts the least f16 is made anew with the least f32: scores are not rounded any more, and
where all keys are masked they must still vanish in it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeGuard

import numpy as np
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Block, Operation, SSAValue

from dialects.affine import Affine, NotAffine
from dialects.lpu import fused, ops
from dialects.lpu.ops import tensor_of
from passes.analysis.functions import functions
from passes.lpu.raising.axes import FIRST, SECOND, Trace, arranged, follow, start
from passes.lpu.raising.matching import (
    attached,
    is_closed,
    is_number,
    number_of,
    only_user,
    region,
    replace,
    scaled,
)
from passes.lpu.raising.scores import Dims, Mask, Scores, as_mask, mask_dims, scores_of
from passes.rewriting.base import RewritingPass
from passes.rewriting.build import Build
from passes.rewriting.fused_build import FusedBuild
from passes.specification import Specification, re_associates
from runtime.numerics import ElementType

LEAST_F16 = float(np.finfo(np.float16).min)
LEAST_F32 = float(np.finfo(np.float32).min)


@dataclass(frozen=True)
class Query:
    """`views` of `factor * base`, innermost last."""

    base: SSAValue
    views: tuple[ops.ReshapeOp | ops.TransposeOp, ...]
    factor: float


@dataclass(frozen=True)
class Found:
    """All that an attention is made from; `dims` are those of the scores, `[B, H, S, T]`."""

    root: ops.MatmulOp
    softmax: fused.SoftmaxOp
    scores: Scores
    dims: Dims
    shared: Affine
    query: Query
    key: Trace
    value: Trace


def _probabilities(value: SSAValue) -> fused.SoftmaxOp | None:
    """The softmax below casts and reshapes that keep its last axis."""
    columns = tensor_of(value).shape[-1]
    while isinstance(op := value.owner, ops.CastOp | ops.ReshapeOp):
        value = op.source
        tensor = tensor_of(value)
        if not tensor.rank or tensor.shape[-1] != columns or not tensor.dtype.is_float:
            return None
    return op if isinstance(op, fused.SoftmaxOp) else None


def _is_passed(op: Operation | Block, first: bool) -> TypeGuard[Operation]:
    """Casts, and reshapes right in front of the product: its rows are split anew anyway."""
    if isinstance(op, ops.CastOp):
        return op.source_tensor().dtype.is_float
    return first and isinstance(op, ops.ReshapeOp)


def _query(value: SSAValue) -> Query:
    """Scalings above views commute with them."""
    views: list[ops.ReshapeOp | ops.TransposeOp] = []
    result, factor = Query(value, (), 1.0), 1.0
    while True:
        op, above = value.owner, scaled(value)
        if above is not None:
            value, factor = above[0], factor * above[1]
        elif _is_passed(op, first=not views):
            value = op.operands[0]
        elif isinstance(op, ops.ReshapeOp | ops.TransposeOp):
            views.append(op)
            value = op.source
            continue
        else:
            return result
        result = Query(value, tuple(views), factor)


def _heads(trace: Trace, dims: Dims) -> Affine | None:
    """How many heads a trace ends with; None when query heads are no multiple of it."""
    left = trace.shared
    try:
        shared = None if left is None else left // dims[0].const
    except (NotAffine, ZeroDivisionError):
        return None
    if shared is None or not (shared.is_const and dims[1].is_const and shared.const):
        return None
    return shared if dims[1].const % shared.const == 0 else None


def find(root: ops.MatmulOp) -> Found | None:
    """The attention that a product with values ends."""
    softmax = _probabilities(root.lhs)
    scores = None if softmax is None else scores_of(softmax.source)
    dims = None if scores is None else scores.dims
    if softmax is None or scores is None or dims is None or not dims[0].is_const:
        return None
    batch = scores.product.result_tensor().shape[:-2]
    key = follow(start(scores.product.rhs, batch, (SECOND, FIRST)))
    value = follow(start(root.rhs, root.result_tensor().shape[:-2], (FIRST, SECOND)))
    shared = _heads(key, dims)
    if shared is None or shared != _heads(value, dims) or value.factor != 1:
        return None
    return Found(root, softmax, scores, dims, shared, _query(scores.product.lhs), key, value)


@dataclass
class Raising:
    """One run over a module; masks that were made anew, once each."""

    masks: dict[SSAValue, SSAValue] = field(default_factory=dict[SSAValue, SSAValue])

    def attention(self, root: ops.MatmulOp) -> None:
        found = find(root)
        if found is None:
            return
        masks = [*found.scores.biases, *found.scores.keeps]
        shapes = [mask_dims(mask, found.dims) for mask in masks]
        known = [dims for dims in shapes if dims is not None]
        if len(known) != len(masks):
            return
        inputs = {found.query.base, found.key.value, found.value.value, *(m.value for m in masks)}
        last = _last(root, (*found.dims[:3], root.result_tensor().shape[-1]))
        operations = region(last, inputs)
        if is_closed(operations):
            build = FusedBuild.over(last, operations)
            result = self._built(build, found, known)
            replace(operations, build.reshape(result, tensor_of(last.results[0]).shape))

    def _built(self, build: FusedBuild, found: Found, shapes: list[Dims]) -> SSAValue:
        scores, dims = found.scores, found.dims
        batch, _, _, columns = dims
        depth, width = scores.product.rhs, found.root.rhs
        key_dims = (batch, found.shared, columns, tensor_of(depth).shape[-2])
        value_dims = (batch, found.shared, columns, tensor_of(width).shape[-1])
        key = _no_wider(build, arranged(build, found.key, key_dims), depth)
        value = _no_wider(build, arranged(build, found.value, value_dims), width)
        count = len(scores.biases)
        biases = [
            self._bias(build, m, d) for m, d in zip(scores.biases, shapes[:count], strict=True)
        ]
        keeps = [as_mask(build, m, d) for m, d in zip(scores.keeps, shapes[count:], strict=True)]
        return build.attention(
            (_rebuilt(build, found.query, (*dims[:3], key_dims[3])), key, value),
            biases,
            keeps,
            found.root.result_tensor().dtype,
            scale=scores.factor * found.query.factor * found.key.factor,
            softcap=scores.softcap,
            empty=found.softmax.empty.data,
        )

    def _bias(self, build: Build, mask: Mask, dims: Dims) -> SSAValue:
        if mask.value not in self.masks:
            self.masks[mask.value] = _lengthened(mask.value)
        return as_mask(build, Mask(self.masks[mask.value], mask.dims), dims)


def _lengthened(bias: SSAValue) -> SSAValue:
    """A choice between 0 and the least f16, with the least f32 in its place."""
    op = bias.owner
    if not isinstance(op, ops.SelectOp) or tensor_of(bias).dtype is not ElementType.F16:
        return bias
    if not is_number(op.on_true, 0.0) or number_of(op.on_false) != LEAST_F16:
        return bias
    build = Build(op)
    zero, least = (build.scalar(number, ElementType.F32) for number in (0.0, LEAST_F32))
    return build.broadcast(build.select(op.condition, zero, least), tensor_of(bias).shape)


def _last(root: ops.MatmulOp, dims: Dims) -> Operation:
    """The reshape to four axes that alone reads the product, or the product."""
    user = only_user(root.result)
    if isinstance(user, ops.ReshapeOp) and user.result_tensor().shape == dims:
        return user
    return root


def _rebuilt(build: Build, query: Query, dims: Dims) -> SSAValue:
    value = query.base
    if tensor_of(value).shape == dims and not any(
        isinstance(v, ops.TransposeOp) for v in query.views
    ):
        return value
    for view in reversed(query.views):
        if isinstance(view, ops.TransposeOp):
            value = build.transpose(value, view.perm.data)
        else:
            value = build.reshape(value, view.result_tensor().shape)
    return build.reshape(value, dims)


def _no_wider(build: Build, value: SSAValue, operand: SSAValue) -> SSAValue:
    """Rounded to the type that the product read, if that is a shorter one."""
    short = tensor_of(operand).dtype
    return build.cast(value, short) if tensor_of(value).dtype.itemsize > short.itemsize else value


@dataclass(frozen=True)
class LpuRaiseAttentionPass(RewritingPass):
    """Raise attention with grouped heads, masks and softcap."""

    name = "lpu-raise-attention"
    specification = Specification(
        level="lpu",
        after={
            "loops": "one layer is raised for all",
            "indices": "masks of ones are gone by then",
            "softmaxes": "attention is built around a softmax",
        },
        gives=("attentions",),
        numbers=re_associates("2 n u sum |q| |k| in a score, n u sum |p| |v| in a result"),
    )

    def rewrite(self, module: ModuleOp) -> None:
        raising = Raising()
        for func in functions(module):
            for inner in attached(func.walk()):
                if isinstance(inner, ops.MatmulOp):
                    raising.attention(inner)
