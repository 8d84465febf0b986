"""Attention of com.microsoft: of projected heads, and with the projection inside."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dialects.errors import unsupported
from dialects.onnx.extra.definition import (
    FLOATS,
    I32,
    INTS,
    NEEDED,
    Array,
    Inputs,
    defined,
    integer,
    number,
)
from dialects.onnx.ops import OnnxOp


def softmax(scores: Array, sink: Array | None = None) -> Array:
    """
    Over the last axis; a row that is masked everywhere gives zeros.

    A sink is one more score of each head, whose weight is left out.
    """
    peak = np.max(scores, axis=-1, keepdims=True, initial=-np.inf)
    peak = np.where(np.isfinite(peak), peak, 0) if sink is None else np.maximum(peak, sink)
    e = np.exp(scores - peak)
    total = e.sum(axis=-1, keepdims=True) + (0 if sink is None else np.exp(sink - peak))
    return e / np.where(total == 0, 1, total)


def heads_of(x: Array, count: int) -> Array:
    """[batch, seq, heads * size] as [batch, heads, seq, size]."""
    return x.reshape(*x.shape[:2], count, -1).transpose(0, 2, 1, 3)


def number_of(op: OnnxOp, name: str) -> float:
    value = op.attr(name)
    assert isinstance(value, int | float)
    return value


@defined(
    "Attention",
    "input: T, weights: T, bias?: T, mask_index?: M, past?: T, attention_bias?: T, "
    "past_sequence_length?: M",
    "output: T, present?: T",
    {"T": FLOATS, "M": I32},
    {
        "do_rotary": integer(0),
        "mask_filter_value": number(-10000.0),
        "num_heads": NEEDED,
        "past_present_share_buffer": integer(0),
        "qkv_hidden_sizes": INTS,
        "rotary_embedding_dim": integer(0),
        "scale": number(0.0),
        "unidirectional": integer(0),
    },
)
def attention(op: OnnxOp, inputs: Inputs) -> Sequence[Array]:
    """Attention with its input projection inside; `past` and `present` are [2, B, H, S, D]."""
    x, weight, bias, mask, past, addend, shared = [*inputs, *[None] * (7 - len(inputs))]
    assert x is not None and weight is not None
    if shared is not None or op.attr("do_rotary") or op.attr("qkv_hidden_sizes"):
        raise unsupported(op, "shared buffers, rotary and uneven sizes are not supported")
    packed = np.matmul(x, weight) if bias is None else np.matmul(x, weight) + bias
    return attention_of_packed(op, packed, mask, past, addend)


def attention_of_packed(
    op: OnnxOp, packed: Array, mask: Array | None, past: Array | None, addend: Array | None
) -> Sequence[Array]:
    """What follows the projection that gives query, key and value side by side."""
    count = int(number_of(op, "num_heads"))
    q, k, v = (heads_of(part, count) for part in np.split(packed, 3, axis=-1))
    if past is not None:
        k, v = np.concatenate([past[0], k], axis=2), np.concatenate([past[1], v], axis=2)
    output = _merged(_scores(op, (q, k), mask, addend), v)
    return (output, np.stack([k, v]))[: len(op.results)]


@defined(
    "MultiHeadAttention",
    "query: T, key?: T, value?: T, bias?: T, key_padding_mask?: M, attention_bias?: T, "
    "past_key?: T, past_value?: T, past_sequence_length?: M, cache_indirection?: M",
    "output: T, present_key?: T, present_value?: T, qk?: T",
    {"T": FLOATS, "M": I32},
    {
        "mask_filter_value": number(-10000.0),
        "num_heads": NEEDED,
        "scale": number(0.0),
        "unidirectional": integer(0),
    },
)
def multi_head_attention(op: OnnxOp, inputs: Inputs) -> Sequence[Array]:
    """Attention of projected heads, `[B, S, H * D]`, behind those of a cache, `[B, H, P, D]`."""
    x, k, v, bias, mask, addend, past_k, past_v, *others = [*inputs, *[None] * (10 - len(inputs))]
    if x is None or k is None or v is None or any(other is not None for other in others):
        raise unsupported(op, "packed operands and shared buffers are not supported")
    count, parts, start = int(number_of(op, "num_heads")), list[Array](), 0
    for part in (x, k, v):
        if part.ndim == 4:
            parts.append(part)
            continue
        added = 0 if bias is None else bias[start : start + part.shape[-1]]
        parts.append(heads_of(part + added, count))
        start += part.shape[-1]
    q, k, v = parts
    if past_k is not None and past_v is not None:
        k, v = np.concatenate([past_k, k], axis=2), np.concatenate([past_v, v], axis=2)
    scores = _scores(op, (q, k), mask, addend)
    return (_merged(scores, v), k, v, scores)[: len(op.results)]


def _scores(op: OnnxOp, qk: tuple[Array, Array], mask: Array | None, addend: Array | None) -> Array:
    """Of heads [B, H, S, D] and keys, with what masks leave of them."""
    q, k = qk
    scale = np.float32(number_of(op, "scale") or 1 / np.sqrt(q.shape[-1]))
    scores = np.matmul(q, k.swapaxes(-1, -2)) * scale
    length, total = scores.shape[-2:]
    filler = np.float32(number_of(op, "mask_filter_value"))
    if mask is not None:
        scores = scores + np.where(_visible(op, mask, (len(q), total)), np.float32(0), filler)
    if op.attr("unidirectional"):
        last = np.arange(length, dtype=np.int64)[:, None] + total - length
        seen = np.less_equal(np.arange(total, dtype=np.int64)[None], last)
        scores = np.where(seen, scores, np.finfo(np.float32).min)
    return scores if addend is None else scores + addend


def _merged(scores: Array, v: Array) -> Array:
    """What the heads give, side by side: [B, S, H * D]."""
    out = np.matmul(softmax(scores), v).transpose(0, 2, 1, 3)
    return out.reshape(*out.shape[:2], -1)


def _visible(op: OnnxOp, mask: Array, extents: tuple[int, int]) -> Array:
    """The mask input as booleans that broadcast against [batch, heads, seq, total]."""
    batch, total = extents
    if mask.ndim == 1:
        places, ends = np.arange(total, dtype=np.int64)[None], mask[:batch, None]
        starts = mask[batch:, None] if mask.size > batch else np.zeros_like(ends)
        return ((places < ends) & (places >= starts))[:, None, None]
    if mask.ndim == 2:
        return (mask > 0)[:, None, None]
    if mask.ndim == 3:
        return (mask > 0)[:, None]
    raise unsupported(op, f"a mask of rank {mask.ndim} is not supported")
