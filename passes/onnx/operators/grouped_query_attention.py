"""
GroupQueryAttention of ONNX Runtime: rotary embedding, cache and causal attention in one node.

`seqlens_k` says how many tokens of each row are valid, the new ones included; the new tokens go
right behind the valid ones of the cache. When it is known that the cache is full, as it is in a
model whose mask is all ones, that place is the end and the cache a concatenation. Otherwise rows of
the cache are gathered, and those behind the valid ones are zero.
"""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.ir import SSAValue

from dialects.affine import Affine
from dialects.errors import unsupported
from dialects.lpu.contents import uniform_int
from dialects.lpu.ops import tensor_of
from dialects.onnx import OnnxOp
from passes.onnx.operators.attention import Scores, attend, grouped_matmul
from passes.onnx.operators.registry import (
    MICROSOFT,
    constant,
    decompose,
    elements,
    extent,
    integer,
    number,
    operand,
    optional,
)
from passes.onnx.operators.rotary import join_heads, rotate, split_heads
from passes.rewriting.build import Build
from runtime.numerics import ElementType

UNSUPPORTED_INPUTS = (
    "head_sink", "k_scale", "v_scale", "q_norm_weight", "k_norm_weight", "query_seqlens",
)  # fmt: skip
UNSUPPORTED_FLAGS = {"sliding_window_cache": 0, "causal": 1, "qk_output": 0}
"""Attributes that must have these values."""


@dataclass(frozen=True)
class Tokens:
    """How many tokens are where: `start` [batch, 1] or [1, 1] precede the new ones in each row."""

    batch: Affine
    new: Affine
    past: Affine
    start: SSAValue
    full: bool
    """Whether `start` is `past` in every row."""

    @property
    def total(self) -> Affine:
        return self.past + self.new


def _check(op: OnnxOp) -> None:
    for name in UNSUPPORTED_INPUTS:
        if optional(op, name) is not None:
            raise unsupported(op, f"the input {name} is not supported")
    for name, value in UNSUPPORTED_FLAGS.items():
        if integer(op, name) != value:
            raise unsupported(op, f"{name} = {integer(op, name)} is not supported")
    if integer(op, "smooth_softmax") > 0:
        raise unsupported(op, "smooth_softmax is not supported")
    if (op.attr("k_quant_type"), op.attr("v_quant_type")) != ("NONE", "NONE"):
        raise unsupported(op, "a quantised cache is not supported")


def _projections(b: Build, op: OnnxOp) -> tuple[SSAValue, SSAValue, SSAValue]:
    """Query, key and value as [batch, heads, seq, size]; they may come packed in one tensor."""
    query, key, value = operand(op, "query"), optional(op, "key"), optional(op, "value")
    heads, shared = integer(op, "num_heads"), integer(op, "kv_num_heads")
    if key is None or value is None:
        size = tensor_of(query).shape[-1] // (heads + 2 * shared)
        packed = query
        query = b.slice_axis(packed, -1, 0, size * heads)
        key = b.slice_axis(packed, -1, size * heads, size * shared)
        value = b.slice_axis(packed, -1, size * (heads + shared), size * shared)
    return split_heads(b, query, heads), split_heads(b, key, shared), split_heads(b, value, shared)


def _tokens(b: Build, op: OnnxOp, new: Affine) -> Tokens:
    batch, past_key = tensor_of(operand(op, "query")).shape[0], optional(op, "past_key")
    past = Affine() if past_key is None else tensor_of(past_key).shape[2]
    last = operand(op, "seqlens_k")
    if past == Affine() or uniform_int(last) == past + new - 1:
        start = b.reshape(extent(b, past), (1, 1))
        return Tokens(batch, new, past, start, full=True)
    valid = b.reshape(b.cast(last, ElementType.I64), (batch, 1))
    start = b.map("sub", valid, extent(b, new - 1))
    return Tokens(batch, new, past, b.map("max", start, constant(b, 0, start)), full=False)


def _rotated(b: Build, op: OnnxOp, tokens: Tokens, parts: list[SSAValue]) -> list[SSAValue]:
    """Rotary embedding by the position in the row, or by the positions given."""
    if not integer(op, "do_rotary"):
        return parts
    positions = optional(op, "position_ids")
    if positions is None:
        steps = b.iota(0, (0, 1), (tokens.batch, tokens.new))
        positions = b.map("add", steps, tokens.start)
    tables = [b.gather(operand(op, f"{name}_cache"), positions, 0) for name in ("cos", "sin")]
    dims = tensor_of(tables[0]).shape
    cos, sin = (b.reshape(table, (dims[0], 1, *dims[1:])) for table in tables)
    interleaved = bool(integer(op, "rotary_interleaved"))
    return [rotate(b, part, cos, sin, interleaved) for part in parts]


def _present(
    b: Build, op: OnnxOp, tokens: Tokens, past: SSAValue | None, new: SSAValue
) -> SSAValue:
    if past is None:
        return new
    joined = b.concat([past, new], 2)
    return joined if tokens.full else _moved(b, op, tokens, joined)


def _moved(b: Build, op: OnnxOp, tokens: Tokens, joined: SSAValue) -> SSAValue:
    """The new rows right behind the valid ones of the cache, and zeros behind them."""
    batch, heads, total, size = tensor_of(joined).shape
    place = b.iota(0, (0, 1), (1, total))
    shifted = b.map("add", b.map("sub", place, tokens.start), extent(b, tokens.past))
    held = b.select(b.map("lt", place, tokens.start), place, shifted)
    row = b.map("min", held, extent(b, total - 1))
    first = b.iota(0, (heads * total, total, 0), (batch, heads, total))
    rows = b.map("add", first, b.reshape(row, (tensor_of(row).shape[0], 1, total)))
    count = elements(op, (batch, heads, total))
    gathered = b.gather(b.reshape(joined, (count, size)), rows, 0)
    valid = b.map("lt", place, b.map("add", tokens.start, extent(b, tokens.new)))
    mask = b.reshape(valid, (tensor_of(valid).shape[0], 1, total, 1))
    return b.select(mask, gathered, constant(b, 0.0, gathered))


def _masked(b: Build, op: OnnxOp, tokens: Tokens, scores: Scores) -> Scores:
    """Keys up to the query, of which a local window keeps the last."""
    bias, window = optional(op, "attention_bias"), integer(op, "local_window_size")
    scores = scores if bias is None else scores.plus(bias)
    if tokens.full and tokens.new == Affine(1) and window <= 0:
        return scores
    start = b.reshape(tokens.start, (*tensor_of(tokens.start).shape, 1, 1))
    distances = scores.distances(start)
    scores = scores.keep(b.map("ge", distances, constant(b, 0, distances)))
    scores = _within_valid(b, op, tokens, scores)
    if window > 0:
        scores = scores.keep(b.map("lt", distances, constant(b, window, distances)))
    return scores


def _within_valid(b: Build, op: OnnxOp, tokens: Tokens, scores: Scores) -> Scores:
    """Only valid keys, which matters where fewer tokens are valid than are new: a padded prompt."""
    last = operand(op, "seqlens_k")
    if tokens.new == Affine(1) or uniform_int(last) == tokens.total - 1:
        return scores
    place = b.iota(0, (0, 0, 0, 1), (1, 1, 1, tokens.total))
    limit = b.reshape(b.cast(last, ElementType.I64), (tokens.batch, 1, 1, 1))
    return scores.keep(b.map("le", place, limit))


@decompose("GroupQueryAttention", domains=(MICROSOFT,))
def group_query_attention(b: Build, op: OnnxOp) -> tuple[SSAValue | None, ...]:
    _check(op)
    query, key, value = _projections(b, op)
    tokens = _tokens(b, op, tensor_of(query).shape[2])
    query, key = _rotated(b, op, tokens, [query, key])
    keys = _present(b, op, tokens, optional(op, "past_key"), key)
    values = _present(b, op, tokens, optional(op, "past_value"), value)
    scores = attend(b, query, keys, number(op, "scale") or None, number(op, "softcap"))
    weights = _masked(b, op, tokens, scores).softmax()
    output = grouped_matmul(b, b.cast(weights, tensor_of(query).dtype), values)
    return join_heads(b, output), keys, values, None
