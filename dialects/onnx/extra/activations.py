"""Activations that ONNX Runtime's optimisers make."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dialects.onnx.extra.definition import FLOATS, Array, Inputs, defined, given, optional
from dialects.onnx.ops import OnnxOp


@defined(
    "FastGelu",
    "X: T, bias?: T",
    "Y: T",
    {"T": FLOATS},
)
def fast_gelu(_: OnnxOp, inputs: Inputs) -> Sequence[Array]:
    x, bias = given(inputs, 0), optional(inputs, 1)
    x = x if bias is None else x + bias
    inner = np.float32(0.7978845608028654) * (x + np.float32(0.044715) * x * x * x)
    return (np.float32(0.5) * x * (np.float32(1) + np.tanh(inner)),)
