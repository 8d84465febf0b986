"""Norms together with the sums before them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dialects.onnx.extra.definition import (
    F32,
    FLOATS,
    I32,
    Array,
    Inputs,
    defined,
    given,
    integer,
    integer_of,
    number,
    optional,
)
from dialects.onnx.ops import OnnxOp


def epsilon_of(op: OnnxOp) -> np.float32:
    value = op.attr("epsilon")
    assert isinstance(value, float)
    return np.float32(value)


def rms(x: Array, epsilon: np.float32, axis: int) -> tuple[Array, Array]:
    """x / rms(x) over the axes from `axis` on, and 1 / rms(x)."""
    axes = tuple(range(axis % x.ndim, x.ndim))
    mean = np.mean(np.square(x), axis=axes, keepdims=True, dtype=np.float32)
    inverse = np.float32(1) / np.sqrt(mean + epsilon)
    return x * inverse, inverse


@defined(
    "SimplifiedLayerNormalization",
    "X: T, scale: V",
    "Y: V, inv_std_var?: U",
    {"T": FLOATS, "V": FLOATS, "U": F32},
    {"axis": integer(-1), "epsilon": number(1e-5), "stash_type": integer(1)},
    domain="",
)
def simplified_layer_norm(op: OnnxOp, inputs: Inputs) -> Sequence[Array]:
    normal, inverse = rms(given(inputs, 0), epsilon_of(op), integer_of(op, "axis"))
    return (normal * given(inputs, 1), inverse)[: len(op.results)]


def _skip_sum(inputs: Inputs, bias: int) -> Array:
    total = given(inputs, 0) + given(inputs, 1)
    extra = optional(inputs, bias)
    return total if extra is None else total + extra


@defined(
    "SkipSimplifiedLayerNormalization",
    "input: T, skip: T, gamma: T, bias?: T",
    "output: T, mean?: U, inv_std_var?: U, input_skip_bias_sum?: T",
    {"T": FLOATS, "U": F32},
    {"epsilon": number(1e-12)},
)
def skip_simplified_layer_norm(op: OnnxOp, inputs: Inputs) -> Sequence[Array]:
    total = _skip_sum(inputs, 3)
    normal, inverse = rms(total, epsilon_of(op), -1)
    results = (normal * given(inputs, 2), np.zeros_like(inverse), inverse, total)
    return results[: len(op.results)]


def _layer_norm(x: Array, epsilon: np.float32) -> tuple[Array, Array, Array]:
    """Normal values, mean and inverse deviation over the last axis."""
    size = np.float32(x.shape[-1])
    mean = np.sum(x, axis=-1, keepdims=True) / size
    variance = np.sum(np.square(x - mean), axis=-1, keepdims=True) / size
    inverse = np.float32(1) / np.sqrt(variance + epsilon)
    return (x - mean) * inverse, mean, inverse


@defined(
    "SkipLayerNormalization",
    "input: T, skip: T, gamma: T, beta?: T, bias?: T",
    "output: T, mean?: U, inv_std_var?: U, input_skip_bias_sum?: T",
    {"T": FLOATS, "U": F32},
    {"epsilon": number(1e-12)},
)
def skip_layer_norm(op: OnnxOp, inputs: Inputs) -> Sequence[Array]:
    total, beta = _skip_sum(inputs, 4), optional(inputs, 3)
    normal, mean, inverse = _layer_norm(total, epsilon_of(op))
    scaled = normal * given(inputs, 2)
    results = (scaled if beta is None else scaled + beta, mean, inverse, total)
    return results[: len(op.results)]


@defined(
    "EmbedLayerNormalization",
    "input_ids: T1, segment_ids?: T1, word_embedding: T, position_embedding: T, "
    "segment_embedding?: T, gamma: T, beta: T, mask?: T1, position_ids?: T1",
    "output: T, mask_index?: T1, embedding_sum?: T",
    {"T": FLOATS, "T1": I32},
    {"epsilon": number(1e-12), "mask_index_type": integer(0)},
)
def embed_layer_norm(op: OnnxOp, inputs: Inputs) -> Sequence[Array]:
    ids, positions = given(inputs, 0), optional(inputs, 8)
    segments, table = optional(inputs, 1), optional(inputs, 4)
    if positions is None:
        positions = np.zeros_like(ids) + np.arange(ids.shape[1], dtype=np.int64)
    total = given(inputs, 2)[ids] + given(inputs, 3)[positions]
    if segments is not None and table is not None:
        total = total + table[segments]
    normal, _, _ = _layer_norm(total, epsilon_of(op))
    mask = optional(inputs, 7)
    lengths = np.zeros(ids.shape[0], np.int32) if mask is None else (mask == 1).sum(axis=1)
    results = (normal * given(inputs, 5) + given(inputs, 6), lengths.astype(np.int32), total)
    return results[: len(op.results)]
