"""Attention of ONNX Runtime to heads that are projected already, behind those of a cache."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.ir import SSAValue

from dialects.affine import Affine
from dialects.lpu.tensors import tensor_of
from passes.onnx.operators.attention import (
    attend,
    expect_bias,
    grouped_matmul,
    past_length,
    with_past,
)
from passes.onnx.operators.node import Dims, Node
from passes.onnx.operators.packed_attention import masked
from passes.onnx.operators.record import MICROSOFT, Limit, operator, without
from passes.onnx.operators.rotary import head_size, join_heads, split_heads
from passes.rewriting.build import Build

OPERANDS = ("query", "key", "value")


def _attention_dims(node: Node) -> Sequence[Dims]:
    """`[B, S, H * D]` behind caches `[B, H, P, D]`; then the caches, and the scores."""
    (batch, length, width), heads = node.dims("query", 3), node.integer("num_heads")
    size, past = head_size(node, width, heads, "num_heads"), past_length(node)
    new, depth = _new_keys(node, batch, Affine(heads), size)
    node.expect_dims("bias", (width * 2 + depth * heads,))
    total, cache = past + new, (batch, Affine(heads), past)
    node.expect_pair("past_key", "past_value")
    shown, given = len(node.op.results), node.get("past_key") is not None
    node.require(shown != 2, "present_key and present_value come together, or neither")
    node.require(shown > 2 or not given, "a past without present_key and present_value")
    node.require(not given or size == depth, "keys and values in one cache differ in size")
    node.require(depth != Affine(), "'value' has no elements")
    node.expect_dims("past_key", (*cache, size))
    node.expect_dims("past_value", (*cache, depth))
    node.expect_dims("key_padding_mask", (batch,), (batch, total), (batch, length, total))
    scores = (batch, Affine(heads), length, total)
    _check_bias(node, scores)
    apart = node.flag("unidirectional") and new != length
    node.require(not apart, f"{length} queries and {new} keys have no causal order")
    present = (batch, Affine(heads), total)
    return [(batch, length, depth * heads), (*present, size), (*present, depth), scores]


def _new_keys(node: Node, batch: Affine, heads: Affine, size: Affine) -> tuple[Affine, Affine]:
    """
    How many keys there are besides those of a cache, and the size of a value.

    They come as `[B, T, H * D]`, or as `[B, H, T, D]`, as those of an encoder are kept.
    """
    keys = node.dims("key", 3, 4)
    if len(keys) == 4:
        node.expect("the shape of 'key'", keys, (batch, heads, keys[2], size))
        node.expect_dims("value", keys)
        return keys[2], size
    values = node.dims("value", 3)
    node.expect("the shape of 'key'", keys, (batch, keys[1], size * heads.const))
    node.expect("the rows of 'value'", values[:2], keys[:2])
    return keys[1], head_size(node, values[2], heads.const, "num_heads")


def _check_bias(node: Node, scores: Dims) -> None:
    """It may be the same for all of a batch, and for all heads."""
    expect_bias(node, scores)
    if node.get("attention_bias") is not None:
        bias = node.dims("attention_bias", 4)
        node.expect("what 'attention_bias' has for queries and keys", bias[2:], scores[2:])


def _projected(b: Build, node: Node) -> list[SSAValue]:
    """
    Query, key and value as [batch, heads, seq, size], with their part of the bias.

    Keys and values that have heads already have theirs.
    """
    bias, offset, parts = node.get("bias"), Affine(), list[SSAValue]()
    for name in OPERANDS:
        part = node.value(name)
        if tensor_of(part).rank == 4:
            parts.append(part)
            continue
        width = tensor_of(part).shape[-1]
        if bias is not None:
            part = b.map("add", part, b.slice_axis(bias, 0, offset, width))
        parts.append(split_heads(b, part, node.integer("num_heads")))
        offset = offset + width
    return parts


def _shows_causal(node: Node) -> bool:
    """What is masked would be -inf, where ONNX Runtime has the least number."""
    return len(node.op.results) > 3 and node.flag("unidirectional")


@operator(
    "MultiHeadAttention",
    domains=[MICROSOFT],
    shape=_attention_dims,
    limits=[
        *without("past_sequence_length", "cache_indirection"),
        Limit("keys and values that are packed"),
        Limit("the result 'qk' of causal attention", _shows_causal),
    ],
)
def multi_head_attention(b: Build, node: Node) -> Sequence[SSAValue | None]:
    query, key, value = _projected(b, node)
    keys = with_past(b, node.get("past_key"), key)
    values = with_past(b, node.get("past_value"), value)
    scores = attend(b, query, keys, node.number("scale") or None, 0.0)
    scores = masked(b, node, scores, node.get("key_padding_mask"), past_length(node))
    dtype = tensor_of(query).dtype
    output = grouped_matmul(b, b.cast(scores.softmax(), dtype), values)
    shown = b.cast(scores.values, dtype) if len(node.op.results) > 3 else None
    return join_heads(b, output), keys, values, shown
