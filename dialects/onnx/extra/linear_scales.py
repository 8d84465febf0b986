"""Numbers on a linear scale, which `onnx.reference` has from opset 19 on alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dialects.lpu.tensors import tensor_of
from dialects.onnx.extra.definition import SEMANTICS, Array, Inputs, given, optional
from dialects.onnx.ops import OnnxOp


def _spread(op: OnnxOp, x: Array, value: Array) -> Array:
    """A scale or a zero point as f32 that broadcasts: of a tensor, of channels or of blocks."""
    value, axis, block = value.astype(np.float32), op.attr("axis"), op.attr("block_size")
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


SEMANTICS["", "DequantizeLinear"] = dequantize_linear
SEMANTICS["", "QuantizeLinear"] = quantize_linear
