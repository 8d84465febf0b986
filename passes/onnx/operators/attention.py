"""
Scaled dot-product attention over heads, with cache, masks and grouped heads.

Query heads that share a key head become rows of one product, `[batch, key heads, group * S, size]`,
so that keys and values are used where they lie and never repeated.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from xdsl.ir import SSAValue

from dialects.affine import Affine
from dialects.lpu.tensors import tensor_of
from passes.onnx.operators.indexing import demand, is_inside
from passes.onnx.operators.matrix import transposed
from passes.onnx.operators.node import Dims, Node
from passes.onnx.operators.record import Limit, only, operator
from passes.onnx.operators.rotary import head_size, join_heads, split_heads
from passes.onnx.operators.terms import along, constant, extent, wide
from passes.rewriting.build import Build
from runtime.numerics.elements import ElementType


def grouped_matmul(b: Build, x: SSAValue, heads: SSAValue) -> SSAValue:
    """`x [B, G * H, S, K] @ heads [B, H, K, N]`: G consecutive heads of `x` share one."""
    batch, count, rows, inner = tensor_of(x).shape
    shared, columns = tensor_of(heads).shape[1], tensor_of(heads).shape[-1]
    if shared == count:
        return b.matmul(x, heads)
    group = count.const // shared.const
    stacked = b.reshape(x, (batch, shared, rows * group, inner))
    return b.reshape(b.matmul(stacked, heads), (batch, count, rows, columns))


class Scores(NamedTuple):
    """Scores [batch, heads, S, T] that are being masked, in f32."""

    b: Build
    values: SSAValue
    masked: bool = False

    @property
    def dims(self) -> Dims:
        return tensor_of(self.values).shape

    def keep(self, allowed: SSAValue) -> Scores:
        """-inf where a condition that broadcasts to the scores does not hold."""
        never = constant(self.b, -np.inf, self.values)
        return Scores(self.b, self.b.select(allowed, self.values, never), True)

    def plus(self, bias: SSAValue) -> Scores:
        return Scores(self.b, self.b.map("add", self.values, wide(self.b, bias)), True)

    def softcap(self, cap: float) -> Scores:
        """cap * tanh(scores / cap)"""
        limit = constant(self.b, cap, self.values)
        curve = self.b.map("tanh", self.b.map("div", self.values, limit))
        return Scores(self.b, self.b.map("mul", curve, limit), self.masked)

    def softmax(self, sink: SSAValue | None = None) -> SSAValue:
        """
        Along the keys; a row that is masked everywhere gives zeros.

        A sink is one more score of each row, whose weight is left out.
        """
        b, top = self.b, self.b.reduce("max", self.values, (-1,))
        if sink is not None:
            top = b.map("max", top, sink)
            powers = b.map("exp", b.map("sub", self.values, top))
            lost = b.map("exp", b.map("sub", sink, top))
            return b.map("div", powers, b.map("add", b.reduce("sum", powers, (-1,)), lost))
        if not self.masked:
            powers = b.map("exp", b.map("sub", self.values, top))
            return b.map("div", powers, b.reduce("sum", powers, (-1,)))
        empty = b.map("eq", top, constant(b, -np.inf, top))
        pivot = b.select(empty, constant(b, 0.0, top), top)
        powers = b.map("exp", b.map("sub", self.values, pivot))
        total = b.reduce("sum", powers, (-1,))
        return b.map("div", powers, b.select(empty, constant(b, 1.0, total), total))

    def distances(self, past: SSAValue) -> SSAValue:
        """Position of the query minus that of the key; `past` tokens precede the queries."""
        return self.b.map("add", self.b.iota(0, (0, 0, 1, -1), (1, 1, *self.dims[-2:])), past)


def _mask(b: Build, scores: Scores, mask: SSAValue) -> Scores:
    """A bool mask keeps, a float mask is added; one that is too short masks what it lacks."""
    tensor, keys = tensor_of(mask), scores.dims[-1]
    if tensor.rank and tensor.shape[-1] not in (keys, Affine(1)):
        missing = (*tensor.shape[:-1], keys - tensor.shape[-1])
        outside = False if tensor.dtype is ElementType.BOOL else -np.inf
        mask = b.concat([mask, b.fill(outside, missing, tensor.dtype)], -1)
    if tensor.dtype is ElementType.BOOL:
        return scores.keep(mask)
    return scores.plus(mask)


def _lengths(b: Build, node: Node, keys: Affine) -> SSAValue | None:
    """How many keys of each row are no padding, [batch, 1, 1, 1]; others than there are trap."""
    lengths = node.get("nonpad_kv_seqlen")
    if lengths is None:
        return None
    lengths = demand(b, is_inside(b, lengths, keys + 1, from_end=False), lengths)
    return b.reshape(lengths, (*tensor_of(lengths).shape, 1, 1, 1))


def _past_length(b: Build, node: Node, scores: Scores) -> SSAValue:
    """Tokens before the first query: those of the cache, or what the lengths of rows leave."""
    lengths = _lengths(b, node, scores.dims[-1])
    if lengths is not None:
        return b.map("sub", lengths, extent(b, scores.dims[-2]))
    return extent(b, past_length(node))


def _limit_distance(b: Build, node: Node, scores: Scores) -> Scores:
    """Causal masking and sliding windows."""
    left, right = node.attr("left_window_size"), node.attr("right_window_size")
    bounds = [("ge", 0)] if node.flag("is_causal") else []
    bounds += [("le", left)] if isinstance(left, int) and left >= 0 else []
    bounds += [("ge", -right)] if isinstance(right, int) and right >= 0 else []
    if not bounds:
        return scores
    distances = scores.distances(_past_length(b, node, scores))
    for comparison, bound in bounds:
        scores = scores.keep(b.map(comparison, distances, constant(b, bound, distances)))
    return scores


def _limit_lengths(b: Build, node: Node, scores: Scores) -> Scores:
    """Keys beyond the length of their row are padding."""
    lengths = _lengths(b, node, scores.dims[-1])
    if lengths is None:
        return scores
    keys = along(b, 4, 3, scores.dims[-1])
    return scores.keep(b.map("lt", keys, lengths))


def _heads(b: Build, node: Node, name: str, count: str) -> SSAValue:
    """An operand as [batch, heads, seq, size]."""
    value = node.value(name)
    return value if tensor_of(value).rank == 4 else split_heads(b, value, node.integer(count))


def with_past(b: Build, past: SSAValue | None, fresh: SSAValue) -> SSAValue:
    """Keys or values, [batch, heads, seq, size], behind those of the cache."""
    return fresh if past is None else b.concat([past, fresh], 2)


def attend(
    b: Build, query: SSAValue, keys: SSAValue, scale: float | None, softcap: float
) -> Scores:
    """Scaled scores; the factor goes to the query, which is smaller than the keys."""
    size = tensor_of(query).shape[-1].const
    factor = 1 / math.sqrt(size) if scale is None else scale
    scaled = b.map("mul", query, constant(b, factor, query))
    scores = Scores(b, wide(b, grouped_matmul(b, scaled, transposed(b, keys))))
    return scores.softcap(softcap) if softcap > 0 else scores


def past_length(node: Node) -> Affine:
    """How many tokens the cache holds."""
    return Affine() if node.get("past_key") is None else node.dims("past_key", 4)[2]


def _split_dims(node: Node, name: str, count: str) -> Dims:
    """The extents [batch, heads, seq, size] of an operand that may be [batch, seq, channels]."""
    dims = node.dims(name, 3, 4)
    if len(dims) == 3:
        heads = node.integer(count)
        dims = (dims[0], Affine(heads), dims[1], head_size(node, dims[2], heads, count))
    elif node.attr(count):
        node.expect(f"the number of heads of '{name}'", dims[1], Affine(node.integer(count)))
    node.require(Affine() not in dims[1:], f"'{name}' has no elements")
    return dims


def _attention_dims(node: Node) -> Sequence[Dims]:
    """`[B, H, S, D]` or `[B, S, H * D]`, with an optional cache; then the cache and the scores."""
    ranks = {node.tensor(name).rank for name in ("Q", "K", "V")}
    node.require(len(ranks) == 1, "Q, K and V differ in rank")
    q = _split_dims(node, "Q", "q_num_heads")
    k, v = (_split_dims(node, name, "kv_num_heads") for name in ("K", "V"))
    node.expect("K without its heads and keys", (k[0], k[3]), (q[0], q[3]))
    node.expect("V without the size of its heads", v[:3], k[:3])
    grouped = q[1].is_const and k[1].is_const and k[1].const and q[1].const % k[1].const == 0
    node.require(bool(grouped), f"{q[1]} query heads are no multiple of {k[1]} key heads")
    past = past_length(node)
    total = past + k[2]
    _check_cache(node, (*k[:2], past, k[3]), (*v[:2], past, v[3]))
    scores = (*q[:3], total)
    _check_mask(node, scores)
    result = (*q[:3], v[3]) if 4 in ranks else (q[0], q[2], v[3] * q[1].const)
    return [result, (*k[:2], total, k[3]), (*v[:2], total, v[3]), scores]


def _check_cache(node: Node, keys: Dims, values: Dims) -> None:
    """The cache inside of the operator, four values of which all are there, or one outside."""
    given = node.get("past_key") is not None
    node.expect_pair("past_key", "past_value")
    shown = len(node.op.results)
    node.require(shown != 2, "present_key and present_value come together, or neither")
    node.require(shown > 2 or not given, "a past without present_key and present_value")
    outside = node.get("nonpad_kv_seqlen") is not None
    node.require(not (given and outside), "nonpad_kv_seqlen together with a past")
    node.expect_dims("past_key", keys)
    node.expect_dims("past_value", values)
    node.expect_dims("nonpad_kv_seqlen", keys[:1])


def _check_mask(node: Node, scores: Dims) -> None:
    """
    A mask broadcasts to the scores, but may cover fewer keys.

    Before version 25 it does so along batch and heads alone, and keys it lacks are padding.
    """
    if node.get("attn_mask") is None:
        return
    old = node.op.since_version < 25
    mask = node.dims("attn_mask", *range(2 if old else 0, 5))
    short = bool(mask) and (scores[-1] - mask[-1]).lower(node.ranges) >= 0
    padded = short and not (old and node.get("nonpad_kv_seqlen") is None)
    covered = (*mask[:-1], scores[-1]) if padded else mask
    if old:
        node.expect("the mask without batch and heads", covered[-2:], scores[-2:])
    node.expect_spread("the mask and the scores", covered, scores)


def expect_bias(node: Node, scores: Dims) -> None:
    """Refuse a bias of rank 4 that does not broadcast to the scores."""
    if node.get("attention_bias") is not None:
        bias = node.dims("attention_bias", 4)
        node.expect_spread("'attention_bias' and the scores", bias, scores)


def _observed(b: Build, node: Node, stages: Sequence[SSAValue]) -> SSAValue | None:
    """What the fourth result shows."""
    mode = node.attr("qk_matmul_output_mode") or 0
    assert isinstance(mode, int)
    shown = node.op.results[3:]
    return b.cast(stages[mode], tensor_of(shown[0]).dtype) if shown else None


def _has_no_scale(node: Node) -> bool:
    """Whether the factor has no root, or no element is left of the scores."""
    scale = node.attr("scale")
    return isinstance(scale, float) and scale <= 0


def _has_other_values(node: Node) -> bool:
    return node.tensor("V").dtype != node.tensor("Q").dtype


def _has_integer_mask(node: Node) -> bool:
    return node.get("attn_mask") is not None and node.tensor("attn_mask").dtype.is_int


@operator(
    "Attention",
    shape=_attention_dims,
    limits=[
        only("qk_matmul_output_mode", 0, 1, 2, 3, None),
        Limit("a scale of 0 or below", _has_no_scale),
        Limit("V of another element type than Q", _has_other_values),
        Limit("a mask of integers", _has_integer_mask, "make it bool"),
    ],
)
def attention(b: Build, node: Node) -> Sequence[SSAValue | None]:
    query = _heads(b, node, "Q", "q_num_heads")
    keys = with_past(b, node.get("past_key"), _heads(b, node, "K", "kv_num_heads"))
    values = with_past(b, node.get("past_value"), _heads(b, node, "V", "kv_num_heads"))
    scale, softcap = node.attr("scale"), node.number("softcap")
    raw = attend(b, query, keys, scale if isinstance(scale, float) else None, 0.0)
    capped = raw.softcap(softcap) if softcap > 0 else raw
    mask = node.get("attn_mask")
    scores = capped if mask is None else _mask(b, capped, mask)
    scores = _limit_lengths(b, node, _limit_distance(b, node, scores))
    probabilities = scores.softmax()
    weights = b.cast(probabilities, tensor_of(query).dtype)
    output = grouped_matmul(b, weights, values)
    if node.tensor("Q").rank == 3:
        output = join_heads(b, output)
    stages = (raw.values, capped.values, scores.values, probabilities)
    return output, keys, values, _observed(b, node, stages)
