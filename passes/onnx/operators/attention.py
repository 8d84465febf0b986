"""
Scaled dot-product attention over heads, with cache, masks and grouped heads.

Query heads that share a key head become rows of one product, `[batch, key heads, group * S, size]`,
so that keys and values are used where they lie and never repeated.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from xdsl.ir import SSAValue

from dialects.affine import Affine
from dialects.errors import unsupported
from dialects.lpu.ops import tensor_of
from dialects.onnx import OnnxOp
from passes.onnx.operators.matrix import transposed
from passes.onnx.operators.registry import (
    attribute,
    constant,
    decompose,
    extent,
    integer,
    number,
    operand,
    optional,
    wide,
)
from passes.onnx.operators.rotary import join_heads, split_heads
from passes.rewriting.build import Build
from runtime.numerics import ElementType

Dims = tuple[Affine, ...]


def grouped_matmul(b: Build, x: SSAValue, heads: SSAValue) -> SSAValue:
    """`x [B, G * H, S, K] @ heads [B, H, K, N]`: G consecutive heads of `x` share one."""
    batch, count, rows, inner = tensor_of(x).shape
    shared, columns = tensor_of(heads).shape[1], tensor_of(heads).shape[-1]
    if shared == count:
        return b.matmul(x, heads)
    group = count.const // shared.const
    stacked = b.reshape(x, (batch, shared, rows * group, inner))
    return b.reshape(b.matmul(stacked, heads), (batch, count, rows, columns))


@dataclass(frozen=True)
class Scores:
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

    def softmax(self) -> SSAValue:
        """Along the keys; a row that is masked everywhere gives zeros."""
        b, top = self.b, self.b.reduce("max", self.values, (-1,))
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


def _past_length(b: Build, op: OnnxOp, queries: Affine) -> SSAValue:
    """Tokens before the first query: those of the cache, or what the lengths of rows leave."""
    lengths, past = optional(op, "nonpad_kv_seqlen"), optional(op, "past_key")
    if lengths is not None:
        rows = b.reshape(lengths, (*tensor_of(lengths).shape, 1, 1, 1))
        return b.map("sub", rows, extent(b, queries))
    return extent(b, Affine() if past is None else tensor_of(past).shape[2])


def _limit_distance(b: Build, op: OnnxOp, scores: Scores) -> Scores:
    """Causal masking and sliding windows."""
    left, right = attribute(op, "left_window_size"), attribute(op, "right_window_size")
    bounds = [("ge", 0)] if integer(op, "is_causal") else []
    bounds += [("le", left)] if isinstance(left, int) and left >= 0 else []
    bounds += [("ge", -right)] if isinstance(right, int) and right >= 0 else []
    if not bounds:
        return scores
    distances = scores.distances(_past_length(b, op, scores.dims[-2]))
    for comparison, bound in bounds:
        scores = scores.keep(b.map(comparison, distances, constant(b, bound, distances)))
    return scores


def _limit_lengths(b: Build, op: OnnxOp, scores: Scores) -> Scores:
    """Keys beyond the length of their row are padding."""
    lengths = optional(op, "nonpad_kv_seqlen")
    if lengths is None:
        return scores
    rows = b.reshape(lengths, (*tensor_of(lengths).shape, 1, 1, 1))
    keys = b.iota(0, (0, 0, 0, 1), (1, 1, 1, scores.dims[-1]))
    return scores.keep(b.map("lt", keys, rows))


def _heads(b: Build, op: OnnxOp, name: str, count: str) -> SSAValue:
    """An operand as [batch, heads, seq, size]."""
    value, heads = operand(op, name), attribute(op, count)
    if tensor_of(value).rank == 4:
        return value
    assert isinstance(heads, int), f"operands of rank 3 come with {count}"
    return split_heads(b, value, heads)


def _with_past(b: Build, op: OnnxOp, name: str, fresh: SSAValue) -> SSAValue:
    past = optional(op, name)
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


@decompose("Attention")
def attention(b: Build, op: OnnxOp) -> tuple[SSAValue | None, ...]:
    if len(op.results) > 3 and op.results[3].uses:
        raise unsupported(op, "the output qk_matmul_output is not supported")
    query = _heads(b, op, "Q", "q_num_heads")
    keys = _with_past(b, op, "past_key", _heads(b, op, "K", "kv_num_heads"))
    values = _with_past(b, op, "past_value", _heads(b, op, "V", "kv_num_heads"))
    scale = attribute(op, "scale")
    factor = scale if isinstance(scale, float) else None
    scores = attend(b, query, keys, factor, number(op, "softcap"))
    mask = optional(op, "attn_mask")
    scores = scores if mask is None else _mask(b, scores, mask)
    scores = _limit_lengths(b, op, _limit_distance(b, op, scores))
    weights = b.cast(scores.softmax(), tensor_of(query).dtype)
    output = grouped_matmul(b, weights, values)
    if tensor_of(operand(op, "Q")).rank == 3:
        output = join_heads(b, output)
    return output, keys, values, None
