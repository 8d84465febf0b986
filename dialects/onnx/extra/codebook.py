"""Products with weights that are entries of a table of sixteen, times a scale for each block."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dialects.onnx.extra.definition import (
    FLOATS,
    NEEDED,
    U8,
    Array,
    Inputs,
    defined,
    given,
    integer,
    integer_of,
)
from dialects.onnx.extra.quantised import unpack
from dialects.onnx.ops import OnnxOp

_THIRDS = np.array([0, 1 / 192, 2 / 3, 1, 1 / 3, 1 / 2, 1 / 6, 1 / 4], np.float32)
FP4: Array = np.concatenate([_THIRDS, -_THIRDS])
"""A sign, two bits of exponent and one of mantissa, so that the largest one is 1."""

NF4: Array = np.array(
    [
        *(-1.0, -0.6961928, -0.52507305, -0.3949175, -0.28444138, -0.18477343, -0.091050036, 0.0),
        *(0.0795803, 0.1609302, 0.2461123, 0.33791524, 0.44070983, 0.562617, 0.72295684, 1.0),
    ],
    np.float32,
)
"""Quantiles of a normal distribution between -1 and 1 with 0 (QLoRA, arXiv:2305.14314, E)."""

CODEBOOKS: dict[int, Array] = {0: FP4, 1: NF4}
"""By `quant_type`."""


@defined(
    "MatMulBnb4",
    "A: T1, B: T2, absmax: T1",
    "Y: T1",
    {"T1": FLOATS, "T2": U8},
    {
        "K": NEEDED,
        "N": NEEDED,
        "block_size": NEEDED,
        "quant_type": NEEDED,
        "training_mode": integer(0),
        "transB": integer(1),
    },
)
def matmul_bnb4(op: OnnxOp, inputs: Inputs) -> Sequence[Array]:
    """Y = A @ W.T; blocks of `[N, K]` go on over the ends of rows, high halves of bytes first."""
    n, k, block = (integer_of(op, name) for name in ("N", "K", "block_size"))
    halves = unpack(given(inputs, 1).reshape(-1, 1), 4)
    codes = halves[:, ::-1].reshape(-1)[: n * k]
    scales = np.repeat(given(inputs, 2).reshape(-1), block)[: n * k]
    weight = CODEBOOKS[integer_of(op, "quant_type")][codes] * scales
    return (np.matmul(given(inputs, 0), weight.reshape(n, k).T),)
