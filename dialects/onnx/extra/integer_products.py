"""Products of 8-bit integers that ONNX Runtime's optimiser makes, scaled to floats."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dialects.onnx.extra.definition import (
    F32,
    SEMANTICS,
    U8,
    Array,
    Inputs,
    defined,
    given,
    optional,
)
from dialects.onnx.ops import OnnxOp

I8 = frozenset({"tensor(int8)"})


def quantised(x: Array) -> tuple[Array, Array, Array]:
    """u8 numbers for all of a tensor, their scale and zero point, as ONNX Runtime chooses them."""
    low, high = np.minimum(np.min(x, initial=0), 0), np.maximum(np.max(x, initial=0), 0)
    scale = np.float32((high - low) / np.float32(255)) if high != low else np.float32(1)
    point = np.rint(np.clip(-low / scale, 0, 255)).astype(np.uint8)
    numbers = np.clip(np.rint(x / scale) + np.float32(point), 0, 255)
    return numbers.astype(np.uint8), np.asarray(scale, np.float32), point


def dynamic_quantize_linear(_: OnnxOp, inputs: Inputs) -> Sequence[Array]:
    """The scale of a tensor of zeros is 1, which the standard leaves open (0 / 0)."""
    return quantised(given(inputs, 0))


SEMANTICS["", "DynamicQuantizeLinear"] = dynamic_quantize_linear


def _centred(x: Array, point: Array | None) -> Array:
    return x.astype(np.int32) - (0 if point is None else point.astype(np.int32))


def _scaled(total: Array, scale: Array, bias: Array | None) -> Array:
    y = total.astype(np.float32) * scale
    return y if bias is None else y + bias


@defined(
    "MatMulIntegerToFloat",
    "A: T1, B: T2, a_scale: T3, b_scale: T3, a_zero_point?: T1, b_zero_point?: T2, bias?: T3",
    "Y: T3",
    {"T1": I8 | U8, "T2": I8 | U8, "T3": F32},
)
def matmul_integer_to_float(_: OnnxOp, inputs: Inputs) -> Sequence[Array]:
    """(A - a_zero_point) (B - b_zero_point) a_scale b_scale + bias"""
    a = _centred(given(inputs, 0), optional(inputs, 4))
    b = _centred(given(inputs, 1), optional(inputs, 5))
    return (_scaled(a @ b, given(inputs, 2) * given(inputs, 3), optional(inputs, 6)),)


@defined(
    "DynamicQuantizeMatMul",
    "A: T1, B: T2, b_scale: T1, b_zero_point?: T2, bias?: T1",
    "Y: T1",
    {"T1": F32, "T2": I8 | U8},
)
def dynamic_quantize_matmul(_: OnnxOp, inputs: Inputs) -> Sequence[Array]:
    """The same with an A that is quantised first."""
    numbers, scale, point = quantised(given(inputs, 0))
    b = _centred(given(inputs, 1), optional(inputs, 3))
    total = _centred(numbers, point) @ b
    return (_scaled(total, scale * given(inputs, 2), optional(inputs, 4)),)
