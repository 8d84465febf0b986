"""Rotary position embedding of com.microsoft, alone and inside attention."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dialects.errors import unsupported
from dialects.onnx.extra.definition import FLOATS, I64, Array, Inputs, defined, integer, number
from dialects.onnx.ops import OnnxOp


def rotate(x: Array, positions: Array, cos: Array, sin: Array, interleaved: bool) -> Array:
    """
    Rotate pairs of the first lanes of each head; the lanes after them stay.

    `x` is [batch, heads, seq, size], `positions` [batch, seq], the caches [positions, pairs].
    """
    pairs = cos.shape[-1]
    c, s = cos[positions][:, None], sin[positions][:, None]
    turned, rest = x[..., : 2 * pairs], x[..., 2 * pairs :]
    if interleaved:
        a, b = turned[..., 0::2], turned[..., 1::2]
    else:
        a, b = turned[..., :pairs], turned[..., pairs:]
    first, second = a * c - b * s, b * c + a * s
    if interleaved:
        out = np.stack([first, second], axis=-1).reshape(turned.shape)
    else:
        out = np.concatenate([first, second], axis=-1)
    return np.concatenate([out, rest], axis=-1)


@defined(
    "RotaryEmbedding",
    "input: T, position_ids: M, cos_cache: T, sin_cache: T",
    "output: T",
    {"T": FLOATS, "M": I64},
    {
        "interleaved": integer(0),
        "is_packed_batching": integer(0),
        "num_heads": integer(0),
        "rotary_embedding_dim": integer(0),
        "scale": number(1.0),
    },
)
def rotary_embedding(op: OnnxOp, inputs: Inputs) -> Sequence[Array]:
    x, ids, cos, sin = inputs
    assert x is not None and ids is not None and cos is not None and sin is not None
    if op.attr("is_packed_batching") or op.attr("scale") != 1.0:
        raise unsupported(op, "packed batches and scales are not supported")
    heads = _split(op, x, cos)
    length = heads.shape[2]
    offsets = np.zeros((x.shape[0], length), np.int64)
    if ids.size == 1:
        offsets += np.arange(length, dtype=np.int64)
    positions = offsets + (ids.reshape(1, 1) if ids.size == 1 else ids)
    out = rotate(heads, positions, cos, sin, bool(op.attr("interleaved")))
    return (out if x.ndim == 4 else out.transpose(0, 2, 1, 3).reshape(x.shape),)


def _split(op: OnnxOp, x: Array, cos: Array) -> Array:
    """The input as [batch, heads, seq, size]."""
    if x.ndim == 4:
        return x
    count = op.attr("num_heads")
    assert isinstance(count, int)
    size = x.shape[-1] // count if count else 2 * cos.shape[-1]
    return x.reshape(*x.shape[:2], -1, size).transpose(0, 2, 1, 3)
