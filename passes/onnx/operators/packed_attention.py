"""Attention of ONNX Runtime: one product gives query, key and value; the caches are stacked."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.ir import SSAValue

from dialects.affine import Affine
from dialects.lpu.tensors import tensor_of
from passes.onnx.operators.attention import Scores, attend, expect_bias, grouped_matmul, with_past
from passes.onnx.operators.indexing import demand
from passes.onnx.operators.node import Dims, Node
from passes.onnx.operators.record import MICROSOFT, only, operator, without
from passes.onnx.operators.rotary import head_size, join_heads, split_heads
from passes.onnx.operators.terms import along, constant, extent
from passes.rewriting.build import Build
from runtime.numerics.elements import ElementType


def _weights(node: Node) -> str:
    """What the operand is called that the input is multiplied by."""
    return node.op.schema.inputs[1].name


def _sizes(node: Node) -> list[int]:
    """The widths of query, key and value."""
    packed, name = node.dims(_weights(node), 2)[1], "qkv_hidden_sizes"
    given = node.attr(name) if name in node.op.schema.attributes else None
    if isinstance(given, list) and given:
        sizes = [int(size) for size in given]
        fits = len(sizes) == 3 and sizes[0] == sizes[1] and packed == Affine(sum(sizes))
        node.require(fits, f"qkv_hidden_sizes is {sizes} for {packed} columns")
        return sizes
    node.require(packed.is_const and packed.const % 3 == 0, f"{packed} columns do not split in 3")
    return [packed.const // 3] * 3


def _past(node: Node) -> Affine:
    return Affine() if node.get("past") is None else node.dims("past", 5)[3]


def packed_attention_dims(node: Node) -> Sequence[Dims]:
    (batch, length, width), sizes = node.dims("input", 3), _sizes(node)
    heads = node.integer("num_heads")
    size, depth = (head_size(node, Affine(n), heads, "num_heads") for n in sizes[1:])
    name = _weights(node)
    node.expect(f"the rows of '{name}'", node.dims(name, 2)[0], width)
    node.expect_dims("bias", (Affine(sum(sizes)),))
    total = _past(node) + length
    stacked = (Affine(2), batch, Affine(heads))
    shown, given = len(node.op.results) > 1, node.get("past") is not None
    node.require(shown or not given, "a past without present")
    if given or shown:
        node.require(size == depth, "keys and values in one cache differ in size")
        node.expect_dims("past", (*stacked, _past(node), size))
    lengths = ((batch,), (batch * 2,))
    node.expect_dims("mask_index", *lengths, (batch, total), (batch, length, total))
    if "attention_bias" in node.op.schema.input_index:
        expect_bias(node, (batch, Affine(heads), length, total))
    return [(batch, length, Affine(sizes[2])), (*stacked, total, size)]


def _unpacked(b: Build, node: Node, packed: SSAValue) -> list[SSAValue]:
    """Query, key and value as [batch, heads, seq, size]."""
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
    known = "attention_bias" in node.op.schema.input_index
    bias = node.get("attention_bias") if known else None
    if mask is not None:
        scores = scores.plus(_penalty(b, node, mask, scores.dims))
    scores = scores if bias is None else scores.plus(bias)
    if not node.flag("unidirectional") or scores.dims[-2] == Affine(1):
        return scores
    distances = scores.distances(extent(b, past))
    return scores.keep(b.map("ge", distances, constant(b, 0, distances)))


def _penalty(b: Build, node: Node, mask: SSAValue, scores: Dims) -> SSAValue:
    """
    What a mask [batch, keys] or [batch, queries, keys] adds to the scores.

    A list says how many keys of each row are seen, or where they end, and behind that where they
    start.
    """
    dims, dtype = tensor_of(mask).shape, node.result.dtype
    if len(dims) == 1:
        kept = _within(b, mask, scores)
    else:
        mask = b.reshape(mask, (dims[0], 1, *((1,) if len(dims) == 2 else ()), *dims[1:]))
        kept = b.map("gt", mask, constant(b, 0, mask))
    return b.select(kept, b.scalar(0.0, dtype), b.scalar(node.number("mask_filter_value"), dtype))


def _within(b: Build, bounds: SSAValue, scores: Dims) -> SSAValue:
    """Whether a key lies before its end, which traps below 0, and not before its start."""
    bounds, batch = b.cast(bounds, ElementType.I64), scores[0]
    place, ends = along(b, 4, 3, scores[-1]), b.slice_axis(bounds, 0, 0, batch)
    ends = demand(b, b.map("ge", ends, constant(b, 0, ends)), ends)
    kept = b.map("lt", place, b.reshape(ends, (batch, 1, 1, 1)))
    if tensor_of(bounds).shape[0] == batch:
        return kept
    starts = b.reshape(b.slice_axis(bounds, 0, batch, batch), (batch, 1, 1, 1))
    return b.map("and", kept, b.map("ge", place, starts))


@operator(
    "Attention",
    domains=[MICROSOFT],
    shape=packed_attention_dims,
    limits=[
        only("do_rotary", 0),
        only("past_present_share_buffer", 0),
        *without("past_sequence_length"),
    ],
)
def packed_attention(b: Build, node: Node) -> Sequence[SSAValue | None]:
    bias = node.get("bias")
    packed = b.matmul(node.value("input"), node.value("weights"))
    return attended(b, node, packed if bias is None else b.map("add", packed, bias))


def attended(b: Build, node: Node, packed: SSAValue) -> Sequence[SSAValue | None]:
    """What follows the projection that gives query, key and value side by side."""
    query, key, value = _unpacked(b, node, packed)
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
