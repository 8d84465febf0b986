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

1. Between the products lie, in this order: scalings, a softcap, biases that are added, masks that
   put -inf, the softmax (as `lpu.softmax`), and reshapes anywhere. Scores are f32.
2. Keys and values are followed up through reshapes, transposes and broadcasts to the tensor that
   holds each head once. The heads that a broadcast makes must be the inner ones: consecutive query
   heads share a key head.
3. Scalings of keys and queries move to the scale, so that nothing is done to every key.
4. Only the second product reads the softmax, and the softmax alone the scores.
5. Rounded are, if anything, scaled queries, once and to the type of the keys, and what the softmax
   gives, to the type of the values. So `lpu.attention` rounds them; keys and values are cast as
   they were. What rounds elsewhere is not raised.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation, SSAValue

from dialects.affine import Affine, NotAffine
from dialects.lpu import fused
from dialects.lpu.elementwise import CastOp
from dialects.lpu.movement import ReshapeOp
from dialects.lpu.products import MatmulOp
from dialects.lpu.tensors import tensor_of
from passes.lpu.raising.axes import FIRST, SECOND, Trace, arranged, follow, start
from passes.lpu.raising.matching import cast_behind, is_wide, only_user, stand_in, visit_all
from passes.lpu.raising.query import Query, query_of
from passes.lpu.raising.scores import Dims, Scores, as_mask, mask_dims, scores_of
from passes.rewriting.base import RewritingPass
from passes.rewriting.fused_build import FusedBuild
from passes.rewriting.remarks import RAISING
from passes.specification import Specification, re_associates
from runtime.numerics.elements import ElementType


class Found(NamedTuple):
    """All that an attention is made from; `dims` are those of the scores, `[B, H, S, T]`."""

    root: MatmulOp
    softmax: fused.SoftmaxOp
    scores: Scores
    dims: Dims
    shared: Affine
    query: Query
    key: Trace
    value: Trace

    @property
    def scale(self) -> float:
        """All that the product of queries and keys is multiplied with."""
        return self.scores.factor * self.query.factor * (self.key.factor or 1.0)

    @property
    def result_dims(self) -> Dims:
        return (*self.dims[:3], tensor_of(self.root.rhs).shape[-1])


def _probabilities(value: SSAValue) -> fused.SoftmaxOp | None:
    """The softmax below reshapes that keep its last axis, and casts to what the product reads."""
    columns, operand = tensor_of(value).shape[-1], tensor_of(value).dtype
    types = {operand}
    while isinstance(op := value.owner, CastOp | ReshapeOp):
        value = op.source
        tensor = tensor_of(value)
        types.add(tensor.dtype)
        if not tensor.rank or tensor.shape[-1] != columns:
            return None
    rounds = types <= {operand, ElementType.F32}
    return op if rounds and isinstance(op, fused.SoftmaxOp) else None


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


def find(root: MatmulOp) -> Found | None:
    """The attention that a product with values ends."""
    softmax = _probabilities(root.lhs)
    scores = None if softmax is None else scores_of(softmax.source)
    dims = None if scores is None else scores.dims
    if softmax is None:
        return None
    if scores is None or dims is None or not dims[0].is_const:
        return RAISING.no(root, "its scores are no scaled and masked product with four axes")
    if not _is_typed(root) or not _is_typed(scores.product):
        return RAISING.no(root, "both sides of a product are not of one float type")
    if not _keeps_rows(root):
        return RAISING.no(root, "rows of probabilities meet several heads of values")
    batch = scores.product.result_tensor().shape[:-2]
    key = follow(start(scores.product.rhs, batch, (SECOND, FIRST), 1.0))
    value = follow(start(root.rhs, root.result_tensor().shape[:-2], (FIRST, SECOND), None))
    shared = _heads(key, dims)
    if shared is None or shared != _heads(value, dims):
        return RAISING.no(root, "keys and values do not share their heads in one way")
    found = Found(root, softmax, scores, dims, shared, query_of(scores.product), key, value)
    return found if _is_scaled(found) else RAISING.no(root, "the scale cannot go to the queries")


def _is_typed(op: MatmulOp) -> bool:
    """Whether both sides of a product are of one float type."""
    lhs, rhs = op.operand_tensors()
    return lhs.dtype is rhs.dtype and lhs.dtype.is_float


def _keeps_rows(root: MatmulOp) -> bool:
    """Whether each row of probabilities meets one head of values."""
    return tensor_of(root.lhs).shape[:-1] == root.result_tensor().shape[:-1]


def _is_scaled(found: Found) -> bool:
    """Whether the scale can go to the queries: in front of what rounds them, and a number there."""
    in_f32 = found.key.operand is ElementType.F32
    scale = float(np.float32(found.scale))
    return (in_f32 or not found.scores.rescaled) and math.isfinite(scale) and scale != 0


def raise_attention(op: Operation) -> None:
    found = find(op) if isinstance(op, MatmulOp) else None
    if found is None:
        return
    masks = [*found.scores.biases, *found.scores.keeps]
    shapes = [mask_dims(mask, found.dims) for mask in masks]
    known = [dims for dims in shapes if dims is not None]
    if len(known) != len(masks):
        return RAISING.no(op, "a mask does not spread over the scores")
    inputs = {found.query.base, found.key.value, found.value.value, *(m.value for m in masks)}
    value = _last(found.root.result, found.result_dims)
    tensor = tensor_of(value)

    def attention(build: FusedBuild) -> SSAValue:
        return build.reshape(_built(build, found, known, tensor.dtype), tensor.shape)

    stand_in(value, inputs, tensor.shape, attention)


def _built(build: FusedBuild, found: Found, shapes: list[Dims], dtype: ElementType) -> SSAValue:
    scores, (batch, heads, rows, columns) = found.scores, found.dims
    depth = tensor_of(scores.product.rhs).shape[-2]
    sides = [
        trace.typed(build, arranged(build, trace, (batch, found.shared, columns, width)))
        for trace, width in ((found.key, depth), (found.value, found.result_dims[-1]))
    ]
    masks = zip([*scores.biases, *scores.keeps], shapes, strict=True)
    operands = [as_mask(build, mask, dims) for mask, dims in masks]
    return build.attention(
        (found.query.rebuilt(build, (batch, heads, rows, depth)), sides[0], sides[1]),
        operands[: len(scores.biases)],
        operands[len(scores.biases) :],
        dtype,
        scale=found.scale,
        softcap=scores.softcap,
        empty=found.softmax.empty.data,
    )


def _last(product: SSAValue, dims: Dims) -> SSAValue:
    """The cast and the reshape to four axes that alone read the product, or the product."""
    value = cast_behind(product) if is_wide(product) else product
    user = only_user(value)
    if isinstance(user, ReshapeOp) and user.result_tensor().shape == dims:
        return user.result
    return value


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
        visit_all(module, raise_attention)
