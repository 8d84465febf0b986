"""
Operators that `onnx.reference` lacks or limits, in numpy on f32.

Each function takes the operation and one array per input of the node (None where left out) and
gives one array per result. What ONNX Runtime's variants do beyond is refused by name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from dialects.errors import unsupported
from dialects.onnx.attention_semantics import attention, group_query_attention
from dialects.onnx.ops import OnnxOp
from dialects.onnx.rotary_semantics import rotary_embedding

Array = np.ndarray[Any, np.dtype[Any]]
Inputs = Sequence[Array | None]
Semantics = Callable[[OnnxOp, Inputs], Sequence[Array]]


def _given(inputs: Inputs, position: int) -> Array:
    value = inputs[position]
    assert value is not None, f"input {position} must be given"
    return value


def _optional(inputs: Inputs, position: int) -> Array | None:
    return inputs[position] if position < len(inputs) else None


def _integer(op: OnnxOp, name: str) -> int:
    value = op.attr(name)
    assert isinstance(value, int)
    return value


def _epsilon(op: OnnxOp) -> np.float32:
    value = op.attr("epsilon")
    assert isinstance(value, float)
    return np.float32(value)


def _rms(x: Array, epsilon: np.float32, axis: int) -> tuple[Array, Array]:
    """x / rms(x) over the axes from `axis` on, and 1 / rms(x)."""
    axes = tuple(range(axis % x.ndim, x.ndim))
    mean = np.mean(np.square(x), axis=axes, keepdims=True, dtype=np.float32)
    inverse = np.float32(1) / np.sqrt(mean + epsilon)
    return x * inverse, inverse


def simplified_layer_norm(op: OnnxOp, inputs: Inputs) -> Sequence[Array]:
    normal, inverse = _rms(_given(inputs, 0), _epsilon(op), _integer(op, "axis"))
    return (normal * _given(inputs, 1), inverse)[: len(op.results)]


def _skip_sum(inputs: Inputs, bias: int) -> Array:
    total = _given(inputs, 0) + _given(inputs, 1)
    extra = _optional(inputs, bias)
    return total if extra is None else total + extra


def skip_simplified_layer_norm(op: OnnxOp, inputs: Inputs) -> Sequence[Array]:
    total = _skip_sum(inputs, 3)
    normal, inverse = _rms(total, _epsilon(op), -1)
    results = (normal * _given(inputs, 2), np.zeros_like(inverse), inverse, total)
    return results[: len(op.results)]


def _layer_norm(x: Array, epsilon: np.float32) -> tuple[Array, Array, Array]:
    """Normal values, mean and inverse deviation over the last axis."""
    size = np.float32(x.shape[-1])
    mean = np.sum(x, axis=-1, keepdims=True) / size
    variance = np.sum(np.square(x - mean), axis=-1, keepdims=True) / size
    inverse = np.float32(1) / np.sqrt(variance + epsilon)
    return (x - mean) * inverse, mean, inverse


def skip_layer_norm(op: OnnxOp, inputs: Inputs) -> Sequence[Array]:
    total, beta = _skip_sum(inputs, 4), _optional(inputs, 3)
    normal, mean, inverse = _layer_norm(total, _epsilon(op))
    scaled = normal * _given(inputs, 2)
    results = (scaled if beta is None else scaled + beta, mean, inverse, total)
    return results[: len(op.results)]


def embed_layer_norm(op: OnnxOp, inputs: Inputs) -> Sequence[Array]:
    ids, positions = _given(inputs, 0), _optional(inputs, 8)
    segments, table = _optional(inputs, 1), _optional(inputs, 4)
    if positions is None:
        positions = np.zeros_like(ids) + np.arange(ids.shape[1], dtype=np.int64)
    total = _given(inputs, 2)[ids] + _given(inputs, 3)[positions]
    if segments is not None and table is not None:
        total = total + table[segments]
    normal, _, _ = _layer_norm(total, _epsilon(op))
    mask = _optional(inputs, 7)
    lengths = np.zeros(ids.shape[0], np.int32) if mask is None else mask.sum(axis=1)
    results = (normal * _given(inputs, 5) + _given(inputs, 6), lengths.astype(np.int32), total)
    return results[: len(op.results)]


def fast_gelu(_: OnnxOp, inputs: Inputs) -> Sequence[Array]:
    x, bias = _given(inputs, 0), _optional(inputs, 1)
    x = x if bias is None else x + bias
    inner = np.float32(0.7978845608028654) * (x + np.float32(0.044715) * x * x * x)
    return (np.float32(0.5) * x * (np.float32(1) + np.tanh(inner)),)


def fused_matmul(op: OnnxOp, inputs: Inputs) -> Sequence[Array]:
    if _integer(op, "transBatchA") or _integer(op, "transBatchB"):
        raise unsupported(op, "transposed batch axes are not supported")
    a, b, alpha = _given(inputs, 0), _given(inputs, 1), op.attr("alpha")
    assert isinstance(alpha, float)
    a = a.swapaxes(-1, -2) if _integer(op, "transA") and a.ndim > 1 else a
    b = b.swapaxes(-1, -2) if _integer(op, "transB") and b.ndim > 1 else b
    return (np.float32(alpha) * np.matmul(a, b),)


def unpack(packed: Array, bits: int) -> Array:
    """Unsigned numbers of `bits` bits along the last axis, lowest bits first."""
    per_byte = 8 // bits
    shifts = np.arange(per_byte, dtype=np.uint8) * np.uint8(bits)
    numbers = (packed[..., None] >> shifts) & np.uint8((1 << bits) - 1)
    return numbers.reshape(*packed.shape[:-1], packed.shape[-1] * per_byte)


def _zero_points(points: Array | None, scales: Array, bits: int) -> Array:
    """The zero point of each block, in the shape of the scales."""
    if points is None:
        return np.full(scales.shape, 1 << (bits - 1), np.float32)
    if points.dtype == np.uint8:
        packed = points.reshape(*scales.shape[:-1], -1)
        points = unpack(packed, bits)[..., : scales.shape[-1]]
    return points.reshape(scales.shape).astype(np.float32)


def matmul_n_bits(op: OnnxOp, inputs: Inputs) -> Sequence[Array]:
    """Y = A @ dequantised(B).T + bias; B is [N, blocks, bytes of a block]."""
    bits, block, n, k = (_integer(op, name) for name in ("bits", "block_size", "N", "K"))
    if _optional(inputs, 4) is not None or bits not in (2, 4, 8):
        raise unsupported(op, "g_idx and widths other than 2, 4 and 8 bits are not supported")
    blocks = -(-k // block)
    scales = _given(inputs, 2).reshape(n, blocks)
    zeros = _zero_points(_optional(inputs, 3), scales, bits)
    numbers = unpack(_given(inputs, 1).reshape(n, blocks, -1), bits)[..., :block]
    weight = (numbers.astype(np.float32) - zeros[..., None]) * scales[..., None]
    y = np.matmul(_given(inputs, 0), weight.reshape(n, blocks * block)[:, :k].T)
    bias = _optional(inputs, 5)
    return (y if bias is None else y + bias,)


def gather_block_quantized(op: OnnxOp, inputs: Inputs) -> Sequence[Array]:
    """Rows of a table that is quantised in blocks along its last axis."""
    bits, block = _integer(op, "bits"), _integer(op, "block_size")
    data, scales = _given(inputs, 0), _given(inputs, 2)
    gather_axis = _integer(op, "gather_axis") % data.ndim
    if _integer(op, "quantize_axis") % data.ndim != data.ndim - 1 or gather_axis != 0:
        raise unsupported(op, "only gathers along axis 0 of blocks along the last are supported")
    zeros = _zero_points(_optional(inputs, 3), scales, bits)
    numbers = unpack(data, bits).astype(np.float32)
    wide = [np.repeat(part, block, axis=-1)[..., : numbers.shape[-1]] for part in (zeros, scales)]
    return (((numbers - wide[0]) * wide[1])[_given(inputs, 1)],)


def gather_elements(op: OnnxOp, inputs: Inputs) -> Sequence[Array]:
    """`onnx.reference` has it for axes of 64 elements at most."""
    data, indices = _given(inputs, 0), _given(inputs, 1)
    axis = _integer(op, "axis")
    rows = np.where(indices < 0, indices + data.shape[axis], indices)
    return (np.take_along_axis(data, rows, axis),)


EXTRA_SEMANTICS: dict[tuple[str, str], Semantics] = {
    ("", "SimplifiedLayerNormalization"): simplified_layer_norm,
    ("", "GatherElements"): gather_elements,
    ("com.microsoft", "SkipSimplifiedLayerNormalization"): skip_simplified_layer_norm,
    ("com.microsoft", "SkipLayerNormalization"): skip_layer_norm,
    ("com.microsoft", "EmbedLayerNormalization"): embed_layer_norm,
    ("com.microsoft", "FastGelu"): fast_gelu,
    ("com.microsoft", "FusedMatMul"): fused_matmul,
    ("com.microsoft", "MatMulNBits"): matmul_n_bits,
    ("com.microsoft", "GatherBlockQuantized"): gather_block_quantized,
    ("com.microsoft", "RotaryEmbedding"): rotary_embedding,
    ("com.microsoft", "GroupQueryAttention"): group_query_attention,
    ("com.microsoft", "Attention"): attention,
}
