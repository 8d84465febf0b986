"""Products that ONNX Runtime's optimisers make."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dialects.errors import unsupported
from dialects.onnx.extra.definition import (
    FLOATS,
    Array,
    Inputs,
    defined,
    given,
    integer,
    integer_of,
    number,
)
from dialects.onnx.ops import OnnxOp


@defined(
    "FusedMatMul",
    "A: T, B: T",
    "Y: T",
    {"T": FLOATS},
    {
        "alpha": number(1.0),
        "transA": integer(0),
        "transB": integer(0),
        "transBatchA": integer(0),
        "transBatchB": integer(0),
    },
)
def fused_matmul(op: OnnxOp, inputs: Inputs) -> Sequence[Array]:
    if integer_of(op, "transBatchA") or integer_of(op, "transBatchB"):
        raise unsupported(op, "transposed batch axes are not supported")
    a, b, alpha = given(inputs, 0), given(inputs, 1), op.attr("alpha")
    assert isinstance(alpha, float)
    a = a.swapaxes(-1, -2) if integer_of(op, "transA") and a.ndim > 1 else a
    b = b.swapaxes(-1, -2) if integer_of(op, "transB") and b.ndim > 1 else b
    return (np.float32(alpha) * np.matmul(a, b),)
