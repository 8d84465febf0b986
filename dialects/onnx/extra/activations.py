"""Activations that ONNX Runtime's optimisers make."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dialects.onnx.extra.definition import FLOATS, Array, Inputs, defined, given, number, optional
from dialects.onnx.ops import OnnxOp
from runtime.numerics.erf import erf


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


@defined("Gelu", "X: T", "Y: T", {"T": FLOATS})
def gelu(_: OnnxOp, inputs: Inputs) -> Sequence[Array]:
    return (_exact(given(inputs, 0)),)


@defined("BiasGelu", "A: T, B: T", "C: T", {"T": FLOATS})
def bias_gelu(_: OnnxOp, inputs: Inputs) -> Sequence[Array]:
    return (_exact(given(inputs, 0) + given(inputs, 1)),)


def _exact(x: Array) -> Array:
    return np.float32(0.5) * x * (np.float32(1) + erf(x * np.float32(0.5**0.5)))


@defined("QuickGelu", "X: T", "Y: T", {"T": FLOATS}, {"alpha": number(1.702)})
def quick_gelu(op: OnnxOp, inputs: Inputs) -> Sequence[Array]:
    x, alpha = given(inputs, 0), op.attr("alpha")
    assert isinstance(alpha, float)
    return (x / (np.float32(1) + np.exp(np.float32(-alpha) * x)),)
