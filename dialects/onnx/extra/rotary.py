"""Rotary position embedding of com.microsoft, alone and inside attention."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dialects.errors import unsupported
from dialects.onnx.extra.definition import FLOATS, I64, Array, Inputs, defined, integer, number
from dialects.onnx.ops import OnnxOp
from dialects.onnx.schemas import AttributeSpec


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


@defined(
    "MRotaryEmbedding",
    "input: T, position_ids: M, cos_cache: T, sin_cache: T",
    "output: T",
    {"T": FLOATS, "M": I64},
    {
        "interleaved": integer(0),
        "is_packed_batching": integer(0),
        "mrope_layout": integer(0),
        "mrope_section": AttributeSpec("INTS", required=True),
        "num_heads": integer(0),
        "rotary_embedding_dim": integer(0),
        "scale": number(1.0),
    },
)
def sectioned_rotary_embedding(op: OnnxOp, inputs: Inputs) -> Sequence[Array]:
    """Each angle of one of three positions: of time, height or width."""
    x, ids, cos, sin = inputs
    assert x is not None and ids is not None and cos is not None and sin is not None
    if op.attr("is_packed_batching") or op.attr("scale") != 1.0:
        raise unsupported(op, "packed batches and scales are not supported")
    streams, (batch, length) = streams_of(op, cos.shape[-1]), ids.shape[1:]
    angles = np.arange(len(streams), dtype=np.int64)
    rows = ids[streams].reshape(len(streams), -1).T
    places = np.arange(batch * length, dtype=np.int64).reshape(batch, length)
    found: list[Array] = [table[rows, angles] for table in (cos, sin)]
    out = rotate(_split(op, x, cos), places, found[0], found[1], bool(op.attr("interleaved")))
    return (out if x.ndim == 4 else out.transpose(0, 2, 1, 3).reshape(x.shape),)


def streams_of(op: OnnxOp, angles: int) -> Array:
    """Which of the three positions each angle belongs to: in three runs, or in turns."""
    sections = op.attr("mrope_section")
    assert isinstance(sections, list)
    counts = [int(count) for count in sections]
    if not op.attr("mrope_layout"):
        return np.array([i for i, count in enumerate(counts) for _ in range(count)], np.int64)
    turns = [(i % 3, i // 3) for i in range(angles)]
    return np.array([turn if at < counts[turn] else 0 for turn, at in turns], np.int64)


def _split(op: OnnxOp, x: Array, cos: Array) -> Array:
    """The input as [batch, heads, seq, size]."""
    if x.ndim == 4:
        return x
    count = op.attr("num_heads")
    assert isinstance(count, int)
    size = x.shape[-1] // count if count else 2 * cos.shape[-1]
    return x.reshape(*x.shape[:2], -1, size).transpose(0, 2, 1, 3)
