"""Attention of com.microsoft: GroupQueryAttention, Attention and MultiHeadAttention."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dialects.errors import unsupported
from dialects.onnx.extra.definition import (
    F32,
    FLOAT,
    FLOATS,
    I32,
    INT,
    INTS,
    NEEDED,
    U8,
    Array,
    Inputs,
    defined,
    integer,
    number,
    string,
)
from dialects.onnx.extra.rotary import rotate
from dialects.onnx.ops import OnnxOp

PLAIN_GQA = {"smooth_softmax": (-1, 0, 1), "sliding_window_cache": (0,), "qk_output": (0,)} | {
    "k_quant_type": ("NONE",),
    "v_quant_type": ("NONE",),
    "causal": (1,),
}
"""Attributes of GroupQueryAttention that must have one of these values."""

GQA_INPUTS = 12
"""Inputs from here on (quantisation, norms) are not supported."""


def _softmax(scores: Array, sink: Array | None = None) -> Array:
    """
    Over the last axis; a row that is masked everywhere gives zeros.

    A sink is one more score of each head, whose weight is left out.
    """
    peak = np.max(scores, axis=-1, keepdims=True, initial=-np.inf)
    peak = np.where(np.isfinite(peak), peak, 0) if sink is None else np.maximum(peak, sink)
    e = np.exp(scores - peak)
    total = e.sum(axis=-1, keepdims=True) + (0 if sink is None else np.exp(sink - peak))
    return e / np.where(total == 0, 1, total)


def _heads(x: Array, count: int) -> Array:
    """[batch, seq, heads * size] as [batch, heads, seq, size]."""
    return x.reshape(*x.shape[:2], count, -1).transpose(0, 2, 1, 3)


def _number(op: OnnxOp, name: str) -> float:
    value = op.attr(name)
    assert isinstance(value, int | float)
    return value


def _check_plain(op: OnnxOp, inputs: Inputs) -> None:
    for name, allowed in PLAIN_GQA.items():
        if op.attr(name) not in allowed:
            raise unsupported(op, f"attribute {name}={op.attr(name)} is not supported")
    for position, value in enumerate(inputs[GQA_INPUTS:], GQA_INPUTS):
        if value is not None:
            name = op.schema.inputs[position].name
            raise unsupported(op, f"input '{name}' is not supported")


def _split_qkv(op: OnnxOp, inputs: Inputs) -> tuple[Array, Array, Array]:
    """Queries, keys and values per head, from three inputs or a packed one."""
    heads, kv_heads = int(_number(op, "num_heads")), int(_number(op, "kv_num_heads"))
    query, key, value = inputs[:3]
    assert query is not None
    if key is None or value is None:
        size = query.shape[-1] // (heads + 2 * kv_heads)
        ends = [heads * size, (heads + kv_heads) * size]
        query, key, value = np.split(query, ends, axis=-1)
    return _heads(query, heads), _heads(key, kv_heads), _heads(value, kv_heads)


@defined(
    "GroupQueryAttention",
    "query: T, key?: T, value?: T, past_key?: C, past_value?: C, seqlens_k: M, "
    "total_sequence_length: M, cos_cache?: T, sin_cache?: T, position_ids?: tensor(int64), "
    "attention_bias?: T, head_sink?: T, k_scale?: S, v_scale?: S, q_norm_weight?: T, "
    "k_norm_weight?: T, query_seqlens?: M",
    "output: T, present_key?: C, present_value?: C, output_qk?: T",
    {"T": FLOATS, "C": FLOATS | U8 | {"tensor(int8)"}, "S": F32, "M": I32},
    {
        "causal": integer(1),
        "do_rotary": integer(0),
        "k_norm_epsilon": FLOAT,
        "k_quant_type": string("NONE"),
        "kv_cache_bit_width": INT,
        "kv_num_heads": NEEDED,
        "local_window_size": integer(-1),
        "num_heads": NEEDED,
        "q_norm_epsilon": FLOAT,
        "qk_norm_epsilon": number(1e-6),
        "qk_output": integer(0),
        "rotary_interleaved": integer(0),
        "scale": number(0.0),
        "sliding_window_cache": integer(0),
        "smooth_softmax": integer(-1),
        "softcap": number(0.0),
        "v_quant_type": string("NONE"),
    },
)
def group_query_attention(op: OnnxOp, inputs: Inputs) -> Sequence[Array]:
    """
    Attention of new tokens to a cache and to each other.

    Of batch entry `b`, `seqlens_k[b] + 1` tokens are valid, the new ones last. Rows of `past`
    behind the valid ones are not carried over; rows of `present` behind them are zero.
    """
    _check_plain(op, inputs)
    slots = [*inputs, *[None] * (GQA_INPUTS - len(inputs))]
    past_k, past_v, lengths, total, cos, sin, positions, bias, sinks = slots[3:12]
    assert lengths is not None and total is not None
    q, k, v = _split_qkv(op, inputs)
    batch, _, length, _ = q.shape
    valid = lengths.reshape(-1).astype(np.int64) + 1
    prompt = int(total.reshape(())) == length
    before = np.zeros_like(valid) if prompt else valid - length
    if op.attr("do_rotary"):
        assert cos is not None and sin is not None
        if positions is None:
            positions = before[:, None] + np.arange(length, dtype=np.int64)
        interleaved = bool(op.attr("rotary_interleaved"))
        q, k = (rotate(x, positions, cos, sin, interleaved) for x in (q, k))
    capacity = max(int(total.reshape(())), 0 if past_k is None else past_k.shape[2])
    keys = _append(past_k, k, before, capacity)
    values = _append(past_v, v, before, capacity)
    out = np.empty_like(q)
    for b in range(batch):
        extra = None if bias is None else bias[b % bias.shape[0]]
        held = (q[b], keys[b], values[b])
        out[b] = _attend(op, held, int(before[b]), int(valid[b]), extra, _sink(op, sinks))
    merged = out.transpose(0, 2, 1, 3).reshape(batch, length, -1)
    return (merged, keys, values)[: len(op.results)]


def _append(past: Array | None, new: Array, before: Array, capacity: int) -> Array:
    batch, heads, length, size = new.shape
    present = np.zeros((batch, heads, capacity, size), new.dtype)
    for b, start in enumerate(before):
        if past is not None:
            present[b, :, :start] = past[b, :, :start]
        present[b, :, start : start + length] = new[b]
    return present


def _sink(op: OnnxOp, given: Array | None) -> Array | None:
    """One more score for each head, [heads, 1, 1] or for all."""
    if given is not None:
        return given.astype(np.float32).reshape(-1, 1, 1)
    return np.zeros((1, 1, 1), np.float32) if op.attr("smooth_softmax") == 1 else None


def _attend(
    op: OnnxOp, held: tuple[Array, Array, Array], before: int, valid: int, bias: Array | None,
    sink: Array | None,
) -> Array:  # fmt: skip
    """One batch entry: [heads, seq, size] against [kv heads, capacity, size]."""
    q, k, v = held
    group, length = q.shape[0] // k.shape[0], q.shape[1]
    scale = np.float32(_number(op, "scale") or 1 / np.sqrt(q.shape[-1]))
    scores = np.matmul(q, np.repeat(k, group, axis=0).swapaxes(-1, -2)) * scale
    softcap, window = np.float32(_number(op, "softcap")), int(_number(op, "local_window_size"))
    if softcap:
        scores = softcap * np.tanh(scores / softcap)
    if bias is not None:
        scores[..., : bias.shape[-1]] += bias
    rows = before + np.arange(length, dtype=np.int64)[:, None]
    columns = np.arange(k.shape[1], dtype=np.int64)[None]
    seen = np.less_equal(columns, rows) & (columns < valid)
    if window >= 0:
        seen = np.logical_and(seen, columns > rows - window)
    weights = _softmax(np.where(seen, scores, np.float32(-np.inf)), sink)
    return np.matmul(weights, np.repeat(v, group, axis=0))


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
    count = int(_number(op, "num_heads"))
    q, k, v = (_heads(part, count) for part in np.split(packed, 3, axis=-1))
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
    count, parts, start = int(_number(op, "num_heads")), list[Array](), 0
    for part in (x, k, v):
        if part.ndim == 4:
            parts.append(part)
            continue
        added = 0 if bias is None else bias[start : start + part.shape[-1]]
        parts.append(_heads(part + added, count))
        start += part.shape[-1]
    q, k, v = parts
    if past_k is not None and past_v is not None:
        k, v = np.concatenate([past_k, k], axis=2), np.concatenate([past_v, v], axis=2)
    scores = _scores(op, (q, k), mask, addend)
    return (_merged(scores, v), k, v, scores)[: len(op.results)]


def _scores(op: OnnxOp, qk: tuple[Array, Array], mask: Array | None, addend: Array | None) -> Array:
    """Of heads [B, H, S, D] and keys, with what masks leave of them."""
    q, k = qk
    scale = np.float32(_number(op, "scale") or 1 / np.sqrt(q.shape[-1]))
    scores = np.matmul(q, k.swapaxes(-1, -2)) * scale
    length, total = scores.shape[-2:]
    filler = np.float32(_number(op, "mask_filter_value"))
    if mask is not None:
        scores = scores + np.where(_visible(op, mask, (len(q), total)), np.float32(0), filler)
    if op.attr("unidirectional"):
        last = np.arange(length, dtype=np.int64)[:, None] + total - length
        seen = np.less_equal(np.arange(total, dtype=np.int64)[None], last)
        scores = np.where(seen, scores, np.finfo(np.float32).min)
    return scores if addend is None else scores + addend


def _merged(scores: Array, v: Array) -> Array:
    """What the heads give, side by side: [B, S, H * D]."""
    out = np.matmul(_softmax(scores), v).transpose(0, 2, 1, 3)
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
