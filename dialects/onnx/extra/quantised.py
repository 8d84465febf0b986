"""Products with weights and rows of tables that are quantised in blocks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dialects.errors import unsupported
from dialects.onnx.extra.definition import (
    FLOATS,
    I32,
    I64,
    NEEDED,
    U8,
    Array,
    Inputs,
    defined,
    given,
    integer,
    integer_of,
    optional,
)
from dialects.onnx.ops import OnnxOp


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


@defined(
    "MatMulNBits",
    "A: T1, B: T2, scales: T1, zero_points?: T3, g_idx?: T4, bias?: T1",
    "Y: T1",
    {"T1": FLOATS, "T2": U8, "T3": FLOATS | U8, "T4": I32},
    {
        "K": NEEDED,
        "N": NEEDED,
        "accuracy_level": integer(0),
        "bits": integer(4),
        "block_size": NEEDED,
        "weight_prepacked": integer(0),
    },
)
def matmul_n_bits(op: OnnxOp, inputs: Inputs) -> Sequence[Array]:
    """Y = A @ dequantised(B).T + bias; B is [N, blocks, bytes of a block]."""
    bits, block, n, k = (integer_of(op, name) for name in ("bits", "block_size", "N", "K"))
    if optional(inputs, 4) is not None or bits not in (2, 4, 8):
        raise unsupported(op, "g_idx and widths other than 2, 4 and 8 bits are not supported")
    blocks = -(-k // block)
    scales = given(inputs, 2).reshape(n, blocks)
    zeros = _zero_points(optional(inputs, 3), scales, bits)
    numbers = unpack(given(inputs, 1).reshape(n, blocks, -1), bits)[..., :block]
    weight = (numbers.astype(np.float32) - zeros[..., None]) * scales[..., None]
    y = np.matmul(given(inputs, 0), weight.reshape(n, blocks * block)[:, :k].T)
    bias = optional(inputs, 5)
    return (y if bias is None else y + bias,)


@defined(
    "GatherBlockQuantized",
    "data: T1, indices: I, scales: T2, zero_points?: T1",
    "output: T2",
    {"T1": U8, "T2": FLOATS, "I": I32 | I64},
    {
        "bits": integer(4),
        "block_size": integer(128),
        "gather_axis": integer(0),
        "quantize_axis": integer(1),
    },
)
def gather_block_quantized(op: OnnxOp, inputs: Inputs) -> Sequence[Array]:
    """Rows of a table that is quantised in blocks along its last axis."""
    bits, block = integer_of(op, "bits"), integer_of(op, "block_size")
    data, scales = given(inputs, 0), given(inputs, 2)
    gather_axis = integer_of(op, "gather_axis") % data.ndim
    if integer_of(op, "quantize_axis") % data.ndim != data.ndim - 1 or gather_axis != 0:
        raise unsupported(op, "only gathers along axis 0 of blocks along the last are supported")
    zeros = _zero_points(optional(inputs, 3), scales, bits)
    numbers = unpack(data, bits).astype(np.float32)
    wide = [np.repeat(part, block, axis=-1)[..., : numbers.shape[-1]] for part in (zeros, scales)]
    return (((numbers - wide[0]) * wide[1])[given(inputs, 1)],)
