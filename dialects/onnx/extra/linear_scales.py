"""Numbers on a linear scale: `onnx.reference` has them from opset 19 on, and no Microsoft's."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dialects.lpu.tensors import tensor_of
from dialects.onnx.extra.definition import (
    F32,
    I32,
    SEMANTICS,
    U8,
    Array,
    Inputs,
    defined,
    given,
    integer,
    optional,
)
from dialects.onnx.ops import OnnxOp


def _spread(op: OnnxOp, x: Array, value: Array) -> Array:
    """A scale or a zero point as f32 that broadcasts: of a tensor, of channels or of blocks."""
    value, axis = value.astype(np.float32), op.attr("axis")
    block = op.attr("block_size") if "block_size" in op.schema.attributes else 0
    if isinstance(block, int) and block > 0:
        assert isinstance(axis, int)
        return np.repeat(value, block, axis).take(range(x.shape[axis]), axis)
    if value.size == 1 and value.ndim < 2:
        return value.reshape(())
    assert isinstance(axis, int)
    return value.reshape([-1 if at == axis % x.ndim else 1 for at in range(x.ndim)])


def dequantize_linear(op: OnnxOp, inputs: Inputs) -> Sequence[Array]:
    """(x - zero point) * scale"""
    x, point = given(inputs, 0), optional(inputs, 2)
    centred = x.astype(np.float32)
    centred = centred if point is None else centred - _spread(op, x, point)
    return (centred * _spread(op, x, given(inputs, 1)),)


def quantize_linear(op: OnnxOp, inputs: Inputs) -> Sequence[Array]:
    """x / scale, rounded to even, plus the zero point, within the bounds of the type."""
    x, point = given(inputs, 0), optional(inputs, 2)
    numbers = np.rint(x / _spread(op, x, given(inputs, 1)))
    numbers = numbers if point is None else numbers + _spread(op, x, point)
    dtype = tensor_of(op.results[0]).dtype.dtype
    limits = np.iinfo(dtype)
    return (np.clip(numbers, limits.min, limits.max).astype(dtype),)


SHORT = U8 | I32 | frozenset({"tensor(int8)"})
HALF = F32 | frozenset({"tensor(float16)"})
AXIS = {"axis": integer(1)}
defined("DequantizeLinear", "x: T1, x_scale: T2, x_zero_point?: T1", "y: T2",
        {"T1": SHORT, "T2": HALF}, AXIS)(dequantize_linear)  # fmt: skip
defined("QuantizeLinear", "x: T1, y_scale: T1, y_zero_point?: T2", "y: T2",
        {"T1": HALF, "T2": U8 | frozenset({"tensor(int8)"})}, AXIS)(quantize_linear)  # fmt: skip
SEMANTICS["", "DequantizeLinear"] = dequantize_linear
SEMANTICS["", "QuantizeLinear"] = quantize_linear
