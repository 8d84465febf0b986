"""Attention of ONNX Runtime: one product gives query, key and value; the caches are stacked."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.ir import SSAValue

from dialects.affine import Affine
from dialects.lpu.tensors import tensor_of
from passes.onnx.operators.attention import Scores, attend, expect_bias, grouped_matmul, with_past
from passes.onnx.operators.node import Dims, Node
from passes.onnx.operators.record import MICROSOFT, only, operator, without
from passes.onnx.operators.rotary import head_size, join_heads, split_heads
from passes.onnx.operators.terms import constant, extent
from passes.rewriting.build import Build


def _sizes(node: Node) -> list[int]:
    """The widths of query, key and value."""
    packed, given = node.dims("weights", 2)[1], node.attr("qkv_hidden_sizes")
    if isinstance(given, list) and given:
        sizes = [int(size) for size in given]
        fits = len(sizes) == 3 and sizes[0] == sizes[1] and packed == Affine(sum(sizes))
        node.require(fits, f"qkv_hidden_sizes is {sizes} for {packed} columns")
        return sizes
    node.require(packed.is_const and packed.const % 3 == 0, f"{packed} columns do not split in 3")
    return [packed.const // 3] * 3


def _past(node: Node) -> Affine:
    return Affine() if node.get("past") is None else node.dims("past", 5)[3]


def _attention_dims(node: Node) -> Sequence[Dims]:
    (batch, length, width), sizes = node.dims("input", 3), _sizes(node)
    heads = node.integer("num_heads")
    size, depth = (head_size(node, Affine(n), heads, "num_heads") for n in sizes[1:])
    node.expect("the rows of 'weights'", node.dims("weights", 2)[0], width)
    node.expect_dims("bias", (Affine(sum(sizes)),))
    total = _past(node) + length
    stacked = (Affine(2), batch, Affine(heads))
    shown, given = len(node.op.results) > 1, node.get("past") is not None
    node.require(shown or not given, "a past without present")
    if given or shown:
        node.require(size == depth, "keys and values in one cache differ in size")
        node.expect_dims("past", (*stacked, _past(node), size))
    node.expect_dims("mask_index", (batch, total), (batch, length, total))
    expect_bias(node, (batch, Affine(heads), length, total))
    return [(batch, length, Affine(sizes[2])), (*stacked, total, size)]


def _projections(b: Build, node: Node) -> list[SSAValue]:
    """Query, key and value as [batch, heads, seq, size]."""
    bias = node.get("bias")
    packed = b.matmul(node.value("input"), node.value("weights"))
    packed = packed if bias is None else b.map("add", packed, bias)
    parts: list[SSAValue] = []
    offset = 0
    for size in _sizes(node):
        part = b.slice_axis(packed, -1, offset, size)
        parts.append(split_heads(b, part, node.integer("num_heads")))
        offset += size
    return parts


def _unstacked(b: Build, stacked: SSAValue, index: int) -> SSAValue:
    return b.reshape(b.slice_axis(stacked, 0, index, 1), tensor_of(stacked).shape[1:])


def masked(b: Build, node: Node, scores: Scores, mask: SSAValue | None, past: Affine) -> Scores:
    """A mask of zeros and ones adds `mask_filter_value`; causal masking excludes."""
    bias = node.get("attention_bias")
    if mask is not None:
        scores = scores.plus(_penalty(b, node, mask))
    scores = scores if bias is None else scores.plus(bias)
    if not node.flag("unidirectional") or scores.dims[-2] == Affine(1):
        return scores
    distances = scores.distances(extent(b, past))
    return scores.keep(b.map("ge", distances, constant(b, 0, distances)))


def _penalty(b: Build, node: Node, mask: SSAValue) -> SSAValue:
    """What a mask [batch, keys] or [batch, queries, keys] adds to the scores."""
    dims = tensor_of(mask).shape
    mask = b.reshape(mask, (dims[0], 1, *((1,) if len(dims) == 2 else ()), *dims[1:]))
    kept = b.map("gt", mask, constant(b, 0, mask))
    dtype = node.source.dtype
    return b.select(kept, b.scalar(0.0, dtype), b.scalar(node.number("mask_filter_value"), dtype))


@operator(
    "Attention",
    domains=[MICROSOFT],
    shape=_attention_dims,
    limits=[
        only("do_rotary", 0),
        only("past_present_share_buffer", 0),
        *without("past_sequence_length"),
    ],
)
def packed_attention(b: Build, node: Node) -> Sequence[SSAValue | None]:
    query, key, value = _projections(b, node)
    stacked = node.get("past")
    if stacked is not None:
        key = with_past(b, _unstacked(b, stacked, 0), key)
        value = with_past(b, _unstacked(b, stacked, 1), value)
    scores = attend(b, query, key, node.number("scale") or None, 0.0)
    weights = masked(b, node, scores, node.get("mask_index"), _past(node)).softmax()
    output = grouped_matmul(b, b.cast(weights, tensor_of(query).dtype), value)
    present = None
    if len(node.op.results) > 1:
        parts = [b.reshape(part, (1, *tensor_of(part).shape)) for part in (key, value)]
        present = b.concat(parts, 0)
    return join_heads(b, output), present
