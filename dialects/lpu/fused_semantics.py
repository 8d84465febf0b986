"""
What softmax, norm, rotary embedding and attention compute, in numpy.

All of it in f32, in the order in which the machine does it; results are rounded once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from dialects.lpu import fused
from dialects.lpu.tensors import LpuOp, tensor_of
from runtime.numerics.elements import ElementType

Array = np.ndarray[Any, np.dtype[Any]]

LOWEST = float(np.finfo(np.float32).min)


def _wide(values: Array) -> Array:
    return values.astype(np.float32, copy=False)


def _through(values: Array, element: ElementType) -> Array:
    """Rounded to an element type, and wide again."""
    return _wide(values.astype(element.dtype, copy=False))


def _result(values: Array, op: LpuOp) -> Array:
    return values.astype(op.result_tensor().dtype.dtype, copy=False)


def _powers(scores: Array, empty: str) -> tuple[Array, Array]:
    """exp(x - max) and the sum of each row: 1 at least, unless that is NaN."""
    top = np.asarray(np.max(scores, -1, keepdims=True, initial=-np.inf))
    powers = np.exp(scores - (np.maximum(top, LOWEST) if empty == "zero" else top))
    total = np.asarray(np.sum(powers, -1, keepdims=True, dtype=np.float32))
    if empty == "guarded":
        bad = np.isnan(total)
        powers, total = np.where(bad, np.float32(0), powers), np.where(bad, np.float32(1), total)
    return powers, np.maximum(total, 1)


def softmax(op: fused.SoftmaxOp, inputs: tuple[Array, ...]) -> Array:
    powers, total = _powers(_wide(inputs[0]), op.empty.data)
    return _result(powers / total, op)


def norm(op: fused.NormOp, inputs: tuple[Array, ...]) -> Array:
    x, *parameters = inputs
    x = _wide(x)
    if op.kind.data == "layer":
        x = x - np.mean(x, -1, keepdims=True, dtype=np.float32)
    square = np.mean(x * x, -1, keepdims=True, dtype=np.float32)
    y = x * (np.float32(1) / np.sqrt(square + np.float32(op.epsilon.value.data)))
    element = op.result_tensor().dtype if op.weight is None else tensor_of(op.weight).dtype
    for parameter, combine in zip(parameters, (np.multiply, np.add), strict=False):
        y = combine(_through(y, element), _wide(parameter))
    return _result(_through(y, element), op)


def rotary(op: fused.RotaryOp, inputs: tuple[Array, ...]) -> Array:
    x, cos, sin = map(_wide, inputs)
    half = x.shape[-1] // 2
    low, high = x[..., :half], x[..., half:]
    first = low * cos[..., :half] - high * sin[..., :half]
    second = high * cos[..., -half:] + low * sin[..., -half:]
    return _result(np.concatenate((first, second), -1), op)


def attention(op: fused.AttentionOp, inputs: tuple[Array, ...]) -> Array:
    query, key, value = map(_wide, inputs[:3])
    count = len(op.biases)
    biases, keeps = inputs[3 : 3 + count], inputs[3 + count :]
    batch, heads, rows, _ = query.shape
    _, shared, columns, depth = key.shape
    scaled = _through(query * np.float32(factor(op)), tensor_of(op.key).dtype)
    grouped = scaled.reshape(batch, shared, -1, depth)
    scores = np.matmul(grouped, key.swapaxes(2, 3)).reshape(batch, heads, rows, columns)
    if op.softcap.value.data > 0:
        scores = np.tanh(scores) * np.float32(op.softcap.value.data)
    for bias in biases:
        scores = scores + _wide(bias)
    for keep in keeps:
        scores = np.where(keep, scores, np.float32(-np.inf))
    powers, total = _powers(scores, op.empty.data)
    inverse, element = np.float32(1) / total, tensor_of(op.value).dtype
    if element is not ElementType.F32:
        powers, inverse = _through(powers * inverse, element), np.float32(1)
    mixed = np.matmul(powers.reshape(batch, shared, -1, columns), value)
    return _result(mixed.reshape(batch, heads, rows, -1) * inverse, op)


def factor(op: fused.AttentionOp) -> float:
    """What queries are multiplied with: a softcap divides before its tanh."""
    cap = op.softcap.value.data
    return op.scale.value.data / cap if cap > 0 else op.scale.value.data


SEMANTICS: dict[type[LpuOp], Callable[[Any, tuple[Array, ...]], Array]] = {
    fused.SoftmaxOp: softmax,
    fused.NormOp: norm,
    fused.RotaryOp: rotary,
    fused.AttentionOp: attention,
}
"""For each operation: (operation, operand arrays) -> result array."""
