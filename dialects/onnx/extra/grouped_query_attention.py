"""GroupQueryAttention of com.microsoft: positions, cache and causal attention in one node."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dialects.errors import unsupported
from dialects.onnx.extra.attention import heads_of, number_of, softmax
from dialects.onnx.extra.definition import (
    F32,
    FLOAT,
    FLOATS,
    I32,
    INT,
    NEEDED,
    U8,
    Array,
    Inputs,
    defined,
    integer,
    number,
    optional,
    string,
)
from dialects.onnx.extra.rotary import rotate
from dialects.onnx.ops import OnnxOp

PLAIN_GQA = {"smooth_softmax": (-1, 0, 1), "sliding_window_cache": (0,), "qk_output": (0,)} | {
    "k_quant_type": ("NONE",),
    "v_quant_type": ("NONE",),
}
"""Attributes of GroupQueryAttention that must have one of these values."""

OTHERS = ("k_scale", "v_scale", "query_seqlens")
"""Inputs that must be left out."""


def _check_plain(op: OnnxOp, inputs: Inputs) -> None:
    for name, allowed in PLAIN_GQA.items():
        if op.attr(name) not in allowed:
            raise unsupported(op, f"attribute {name}={op.attr(name)} is not supported")
    for name in OTHERS:
        if optional(inputs, op.schema.input_index[name]) is not None:
            raise unsupported(op, f"input '{name}' is not supported")


def _split_qkv(op: OnnxOp, inputs: Inputs) -> tuple[Array, Array, Array]:
    """Queries, keys and values per head, from three inputs or a packed one."""
    heads, kv_heads = int(number_of(op, "num_heads")), int(number_of(op, "kv_num_heads"))
    query, key, value = inputs[:3]
    assert query is not None
    if key is None or value is None:
        size = query.shape[-1] // (heads + 2 * kv_heads)
        ends = [heads * size, (heads + kv_heads) * size]
        query, key, value = np.split(query, ends, axis=-1)
    return heads_of(query, heads), heads_of(key, kv_heads), heads_of(value, kv_heads)


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
    slots = [*inputs, *[None] * (len(op.schema.inputs) - len(inputs))]
    past_k, past_v, lengths, total, cos, sin, positions, bias, sinks = slots[3:12]
    assert lengths is not None and total is not None
    q, k, v = _split_qkv(op, inputs)
    q, k = (_normal(op, name, x, slots) for name, x in zip("qk", (q, k), strict=True))
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


def _normal(op: OnnxOp, name: str, x: Array, inputs: Inputs) -> Array:
    """Each head over its root mean square, times a weight that may be left out."""
    weight = inputs[op.schema.input_index[f"{name}_norm_weight"]]
    if weight is None:
        return x
    own = op.attr(f"{name}_norm_epsilon")
    epsilon = np.float32(own if isinstance(own, float) else number_of(op, "qk_norm_epsilon"))
    mean = np.mean(np.square(x), axis=-1, keepdims=True, dtype=np.float32)
    return x / np.sqrt(mean + epsilon) * weight


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
    scale = np.float32(number_of(op, "scale") or 1 / np.sqrt(q.shape[-1]))
    scores = np.matmul(q, np.repeat(k, group, axis=0).swapaxes(-1, -2)) * scale
    softcap, window = np.float32(number_of(op, "softcap")), int(number_of(op, "local_window_size"))
    if softcap:
        scores = softcap * np.tanh(scores / softcap)
    if bias is not None:
        scores[..., : bias.shape[-1]] += bias
    rows = before + np.arange(length, dtype=np.int64)[:, None]
    columns = np.arange(k.shape[1], dtype=np.int64)[None]
    seen = np.less_equal(columns, rows if op.attr("causal") else valid) & (columns < valid)
    if window >= 0:
        seen = np.logical_and(seen, columns > rows - window)
    weights = softmax(np.where(seen, scores, np.float32(-np.inf)), sink)
    return np.matmul(weights, np.repeat(v, group, axis=0))
