"""
GroupQueryAttention of ONNX Runtime: rotary embedding, cache and causal attention in one node.

`seqlens_k` says how many tokens of each row are valid, the new ones included; the new tokens go
right behind the valid ones of the cache. When it is known that the cache is full, as it is in a
model whose mask is all ones, that place is the end and the cache a concatenation. Otherwise rows of
the cache are gathered, and those behind the valid ones are zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from xdsl.ir import SSAValue

from dialects.affine import Affine
from dialects.lpu.tensors import tensor_of
from passes.onnx.operators.attention import (
    Scores,
    attend,
    expect_bias,
    grouped_matmul,
    past_length,
    with_past,
)
from passes.onnx.operators.head_norms import check_head_norms, normal_heads
from passes.onnx.operators.indexing import demand, from_zero, is_inside
from passes.onnx.operators.node import Dims, Node
from passes.onnx.operators.record import MICROSOFT, Limit, only, operator, without
from passes.onnx.operators.rotary import angles_at, head_size, join_heads, rotate, split_heads
from passes.onnx.operators.terms import along, as_float, constant, elements, extent
from passes.rewriting.build import Build
from runtime.numerics.elements import ElementType

ONE = Affine(1)


class Tokens(NamedTuple):
    """How many tokens are where: `start` [batch, 1] or [1, 1] precede the new ones in each row."""

    batch: Affine
    new: Affine
    past: Affine
    start: SSAValue
    last: SSAValue | None
    """The place of the last valid token, [batch, 1]; None if it is the last of all everywhere."""
    certain: bool
    """Whether all of this is known before the program runs."""
    full: bool
    """Whether `start` is `past` in every row."""

    @property
    def total(self) -> Affine:
        return self.past + self.new


def _heads(node: Node) -> tuple[int, int]:
    """Heads of the query, and of key and value."""
    heads, shared = node.integer("num_heads"), node.integer("kv_num_heads")
    fits = heads > 0 and shared > 0 and heads % shared == 0
    node.require(fits, f"num_heads {heads} is no multiple of kv_num_heads {shared}")
    return heads, shared


def _attention_dims(node: Node) -> Sequence[Dims]:
    """Hidden states, then both caches with the new tokens; query, key, value may be packed."""
    (batch, new, width), (heads, shared) = node.dims("query", 3), _heads(node)
    packed = node.get("key") is None
    node.expect_pair("key", "value")
    size = head_size(node, width, heads + 2 * shared if packed else heads, "heads")
    for name in ("key", "value"):
        node.expect_dims(name, (batch, new, size * shared))
    node.expect_pair("past_key", "past_value")
    past = past_length(node)
    for name in ("past_key", "past_value"):
        node.expect_dims(name, (batch, Affine(shared), past, size))
    node.expect_dims("head_sink", (Affine(heads),))
    check_head_norms(node, size)
    window = node.integer("local_window_size")
    node.require(-1 <= window < 1 << 31, f"local_window_size is {window}")
    apart = node.flag("causal") or window < 0
    node.require(apart, "a local window of attention that is not causal")
    _check_lengths(node, batch, past + new)
    _check_tables(node, batch, new, size)
    _check_results(node, past)
    scores = (batch, Affine(heads), new, past + new)
    if node.get("attention_bias") is not None:
        bias = node.dims("attention_bias", 4)
        node.expect("'attention_bias' without batch and heads", bias[2:], scores[2:])
    expect_bias(node, scores)
    present = (batch, Affine(shared), past + new, size)
    return [(batch, new, size * heads), present, present, scores]


def _check_lengths(node: Node, batch: Affine, total: Affine) -> None:
    """The tokens of each row, and of the longest; numbers that are known have to fit."""
    node.expect_dims("seqlens_k", (batch,), (batch, Affine(1)))
    node.expect_dims("total_sequence_length", (), (Affine(1),))
    known = node.element("total_sequence_length")
    low, high = (Affine() if known is None else known - total).bounds(node.ranges)
    fits = low <= 0 <= high
    node.require(fits, f"total_sequence_length is {known}, cache and new tokens are {total}")


def _check_results(node: Node, past: Affine) -> None:
    """Both caches, or none without a past; and the scores if `qk_output` asks for them."""
    count, asked = len(node.op.results), node.integer("qk_output") > 0
    node.require(count > 1 or past == Affine(), "a past without present_key and present_value")
    node.require(count != 2, "present_key and present_value come together, or neither")
    node.require(asked == (count > 3), "qk_output and its result come together, or neither")


def _check_tables(node: Node, batch: Affine, new: Affine, size: Affine) -> None:
    node.expect_pair("cos_cache", "sin_cache")
    if not node.flag("do_rotary"):
        return
    angles = node.dims("cos_cache", 2)[1]
    node.expect_dims("sin_cache", node.dims("cos_cache"))
    fits = angles.is_const and size.is_const and 0 < 2 * angles.const <= size.const
    node.require(fits, f"the tables rotate {angles * 2} channels of heads that have {size}")
    node.expect_dims("position_ids", (batch, new))


def _projections(b: Build, node: Node) -> tuple[SSAValue, SSAValue, SSAValue]:
    """Query, key and value as [batch, heads, seq, size]; they may come packed in one tensor."""
    query, key, value = node.value("query"), node.get("key"), node.get("value")
    heads, shared = _heads(node)
    if key is None or value is None:
        size = tensor_of(query).shape[-1] // (heads + 2 * shared)
        packed = query
        query = b.slice_axis(packed, -1, 0, size * heads)
        key = b.slice_axis(packed, -1, size * heads, size * shared)
        value = b.slice_axis(packed, -1, size * (heads + shared), size * shared)
    return split_heads(b, query, heads), split_heads(b, key, shared), split_heads(b, value, shared)


def _tokens(b: Build, node: Node) -> Tokens:
    """
    Where the new tokens go; the machine traps on lengths that are none of the rows.

    Without a cache nothing precedes them, and then fewer tokens may be valid than are new.
    """
    (batch, new, _), past = node.dims("query"), past_length(node)
    start, sums = b.reshape(extent(b, past), (1, 1)), _sums_up(b, node, past + new)
    if node.uniform("seqlens_k") == past + new - 1:
        start = start if sums is None else demand(b, sums, start)
        return Tokens(batch, new, past, start, None, certain=sums is None, full=True)
    last = b.reshape(b.cast(node.value("seqlens_k"), ElementType.I64), (batch, 1))
    holds = is_inside(b, last, past + new, from_end=False)
    last = demand(b, holds if sums is None else b.map("and", holds, sums), last)
    if past != Affine() or new == ONE:
        start = b.map("sub", last, extent(b, new - 1))
        start = b.map("max", start, constant(b, 0, start))
    return Tokens(batch, new, past, start, last, certain=False, full=past == Affine())


def _sums_up(b: Build, node: Node, total: Affine) -> SSAValue | None:
    """Whether the total is that of cache and new tokens; None if that is known."""
    if node.element("total_sequence_length") == total:
        return None
    told = b.reshape(b.cast(node.value("total_sequence_length"), ElementType.I64), ())
    return b.map("eq", told, extent(b, total))


def _rotated(b: Build, node: Node, tokens: Tokens, parts: list[SSAValue]) -> list[SSAValue]:
    """Rotary embedding by the position in the row, or by the positions given."""
    if not node.flag("do_rotary"):
        return parts
    positions = node.get("position_ids")
    if positions is None:
        places = b.map("add", b.iota(0, (0, 1), (tokens.batch, tokens.new)), tokens.start)
    else:
        places = from_zero(b, positions)
    cos, sin = angles_at(b, node, places)
    interleaved = node.flag("rotary_interleaved")
    return [rotate(b, part, cos, sin, interleaved) for part in parts]


def _present(b: Build, tokens: Tokens, past: SSAValue | None, new: SSAValue) -> SSAValue:
    joined = with_past(b, past, new)
    return joined if past is None or tokens.full else _moved(b, tokens, joined)


def _moved(b: Build, tokens: Tokens, joined: SSAValue) -> SSAValue:
    """The new rows right behind the valid ones of the cache, and zeros behind them."""
    total = tensor_of(joined).shape[2]
    place = along(b, 2, 1, total)
    shifted = b.map("add", b.map("sub", place, tokens.start), extent(b, tokens.past))
    held = b.select(b.map("lt", place, tokens.start), place, shifted)
    row = b.map("min", held, extent(b, total - 1))
    gathered = _rows(b, joined, row)
    valid = b.map("lt", place, b.map("add", tokens.start, extent(b, tokens.new)))
    mask = b.reshape(valid, (tensor_of(valid).shape[0], 1, total, 1))
    return b.select(mask, gathered, constant(b, 0.0, gathered))


def _rows(b: Build, cache: SSAValue, row: SSAValue) -> SSAValue:
    """Rows of a cache that are the same for all heads; one sequence needs no place of a head."""
    batch, heads, total, size = tensor_of(cache).shape
    if batch == ONE:
        return b.gather(cache, b.reshape(row, (total,)), 2)
    first = b.iota(0, (heads * total, total, 0), (batch, heads, total))
    rows = b.map("add", first, b.reshape(row, (tensor_of(row).shape[0], 1, total)))
    count = elements((batch, heads, total))
    return b.gather(b.reshape(cache, (count, size)), rows, 0)


def _masked(b: Build, node: Node, tokens: Tokens, scores: Scores) -> Scores:
    """Keys up to the query, of which a local window keeps the last; all that are valid if not."""
    bias, window = node.get("attention_bias"), node.integer("local_window_size")
    scores = scores if bias is None else scores.plus(bias)
    if not node.flag("causal"):
        return _within_valid(b, tokens, scores)
    if tokens.certain and tokens.new == ONE and window < 0:
        return scores
    start = b.reshape(tokens.start, (*tensor_of(tokens.start).shape, 1, 1))
    distances = scores.distances(start)
    scores = scores.keep(b.map("ge", distances, constant(b, 0, distances)))
    if tokens.new != ONE:
        scores = _within_valid(b, tokens, scores)
    if window >= 0:
        scores = scores.keep(b.map("lt", distances, constant(b, window, distances)))
    return scores


def _within_valid(b: Build, tokens: Tokens, scores: Scores) -> Scores:
    """Only valid keys, which matters where fewer tokens are valid than are new: a padded prompt."""
    if tokens.last is None:
        return scores
    place = along(b, 4, 3, tokens.total)
    return scores.keep(b.map("le", place, b.reshape(tokens.last, (tokens.batch, 1, 1, 1))))


def _has_other_cache(node: Node) -> bool:
    past = node.get("past_key")
    return past is not None and tensor_of(past).dtype != node.tensor("query").dtype


@operator(
    "GroupQueryAttention",
    domains=[MICROSOFT],
    shape=_attention_dims,
    limits=[
        *without("k_scale", "v_scale", "query_seqlens"),
        only("sliding_window_cache", 0),
        only("qk_output", 0, 1, 2),
        only("kv_cache_bit_width", 0, None),
        only("smooth_softmax", 0, 1, -1, None),
        Limit("a cache of another element type than the query", _has_other_cache),
        only("k_quant_type", "NONE"),
        only("v_quant_type", "NONE"),
    ],
)
def group_query_attention(b: Build, node: Node) -> Sequence[SSAValue | None]:
    query, key, value = _projections(b, node)
    tokens = _tokens(b, node)
    query, key = _rotated(b, node, tokens, normal_heads(b, node, [query, key]))
    keys = _present(b, tokens, node.get("past_key"), key)
    values = _present(b, tokens, node.get("past_value"), value)
    scores = attend(b, query, keys, node.number("scale") or None, node.number("softcap"))
    scores = _masked(b, node, tokens, scores)
    probabilities = scores.softmax(_sink(b, node, scores))
    dtype = tensor_of(query).dtype
    output = grouped_matmul(b, b.cast(probabilities, dtype), values)
    observed = scores.values if node.integer("qk_output") == 1 else probabilities
    shown = b.cast(observed, dtype) if len(node.op.results) > 3 else None
    return join_heads(b, output), keys, values, shown


def _sink(b: Build, node: Node, scores: Scores) -> SSAValue | None:
    """One more score for each head, which takes its part of the weight and gives no value."""
    given = node.get("head_sink")
    if given is not None:
        return b.reshape(as_float(b, given), (1, scores.dims[1], 1, 1))
    return b.scalar(0.0, ElementType.F32) if node.integer("smooth_softmax") > 0 else None
