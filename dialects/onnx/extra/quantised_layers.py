"""Layers of transformers on bytes with scales, as ONNX Runtime's quantisers make them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dialects.errors import unsupported
from dialects.onnx.extra.attention import attention_of_packed
from dialects.onnx.extra.definition import (
    F32,
    I32,
    NEEDED,
    U8,
    Array,
    Inputs,
    defined,
    given,
    integer,
    number,
    optional,
)
from dialects.onnx.extra.normalization import embed_layer_norm
from dialects.onnx.ops import OnnxOp

BYTES = U8 | frozenset({"tensor(int8)"})
SEGMENTS = (1, 4, 10, 15)
"""Which segment each token belongs to, their embeddings, and the scale and point of these."""


def _whole(x: Array, point: Array | None) -> Array:
    """Bytes less their zero point, in doubles, whose sums are exact."""
    return x.astype(np.float64) - (0 if point is None else point.astype(np.float64))


def _real(inputs: Inputs, numbers: int, scale: int, point: int) -> Array:
    shifted = _whole(given(inputs, numbers), given(inputs, point).reshape(()))
    return shifted.astype(np.float32) * given(inputs, scale).reshape(())


@defined(
    "QAttention",
    "input: T1, weight: T2, bias: T3, input_scale: T3, weight_scale: T3, mask_index?: T4, "
    "input_zero_point?: T1, weight_zero_point?: T2, past?: T3",
    "output: T3, present?: T3",
    {"T1": U8, "T2": BYTES, "T3": F32, "T4": I32},
    {
        "do_rotary": integer(0),
        "mask_filter_value": number(-10000.0),
        "num_heads": NEEDED,
        "past_present_share_buffer": integer(0),
        "scale": number(0.0),
        "unidirectional": integer(0),
    },
)
def quantised_attention(op: OnnxOp, inputs: Inputs) -> Sequence[Array]:
    """Attention whose input projection is an exact product of bytes, scaled once."""
    if op.attr("do_rotary") or op.attr("past_present_share_buffer"):
        raise unsupported(op, "shared buffers and rotary are not supported")
    x = _whole(given(inputs, 0), optional(inputs, 6))
    weight = _whole(given(inputs, 1), optional(inputs, 7))
    scale = given(inputs, 3) * given(inputs, 4)
    packed = np.matmul(x, weight).astype(np.float32) * scale + given(inputs, 2)
    return attention_of_packed(op, packed, optional(inputs, 5), optional(inputs, 8), None)


@defined(
    "QEmbedLayerNormalization",
    "input_ids: T1, segment_ids?: T1, word_embedding_quant: T2, position_embedding_quant: T2, "
    "segment_embedding?: T2, gamma_quant: T2, beta_quant: T2, mask?: T1, "
    "word_embedding_scale: T, position_embedding_scale: T, segment_embedding_scale?: T, "
    "gamma_scale: T, beta_scale: T, word_embedding_zero_point: T2, "
    "position_embedding_zero_point: T2, segment_embedding_zero_point?: T2, "
    "gamma_zero_point: T2, beta_zero_point: T2",
    "layernorm_out: T, mask_index_out: T1",
    {"T": F32, "T1": I32, "T2": BYTES},
    {"epsilon": number(1e-12)},
)
def quantised_embeddings(op: OnnxOp, inputs: Inputs) -> Sequence[Array]:
    """The layer on the floats that tables, factors and summands stand for."""
    words, positions, gamma, beta = (
        _real(inputs, *places) for places in ((2, 8, 13), (3, 9, 14), (5, 11, 16), (6, 12, 17))
    )
    segments = optional(inputs, SEGMENTS[0])
    table = None if segments is None else _real(inputs, *SEGMENTS[1:])
    slots = (given(inputs, 0), segments, words, positions, table, gamma, beta, optional(inputs, 7))
    return embed_layer_norm(op, slots)[:2]
