"""Operators on bytes with scales, which ONNX Runtime's static quantiser makes (QOperator)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
from onnx import helper

from dialects.lpu.tensors import tensor_of
from dialects.onnx.extra.definition import (
    F32,
    I32,
    NEEDED,
    SEMANTICS,
    U8,
    Array,
    Inputs,
    defined,
    given,
    integer,
    integer_of,
    number,
    optional,
)
from dialects.onnx.ops import OnnxOp

BYTES = U8 | frozenset({"tensor(int8)"})
BINARY = (
    "A: T, A_scale: tensor(float), A_zero_point: T, B: T, B_scale: tensor(float), "
    "B_zero_point: T, C_scale: tensor(float), C_zero_point?: T"
)
"""
ONNX Runtime's own schema lets A and B lack zero points, and refuses a node where they do; where Y
lacks one in what follows, it dies.
"""
UNARY = "X: T, X_scale: tensor(float), X_zero_point?: T, Y_scale: tensor(float), Y_zero_point: T"
SLIDING = ("auto_pad", "dilations", "group", "kernel_shape", "pads", "strides")
"""What says how a kernel moves."""


def _point(inputs: Inputs, position: int) -> Array:
    """A zero point as a float; 0 where it is left out."""
    point = optional(inputs, position)
    return np.zeros((), np.float32) if point is None else point.astype(np.float32).reshape(())


def _scale(inputs: Inputs, position: int) -> Array:
    return given(inputs, position).reshape(())


def _shifted(inputs: Inputs, position: int) -> Array:
    """Bytes less their zero point, which stands two places behind them."""
    return given(inputs, position).astype(np.float32) - _point(inputs, position + 2)


def _real(inputs: Inputs, position: int) -> Array:
    """The floats that bytes stand for; their scale and zero point follow."""
    return _shifted(inputs, position) * _scale(inputs, position + 1)


def _saturated(op: OnnxOp, y: Array) -> Sequence[Array]:
    """Whole numbers as those of the type of the result that are nearest."""
    dtype = tensor_of(op.results[0]).dtype.dtype
    limits = np.iinfo(dtype)
    return (np.clip(y, limits.min, limits.max).astype(dtype),)


def _quantised(op: OnnxOp, y: Array, inputs: Inputs, position: int) -> Sequence[Array]:
    """Floats as bytes of the scale and the zero point at a position."""
    return _saturated(op, np.rint(y / _scale(inputs, position)) + _point(inputs, position + 1))


@defined("QLinearAdd", BINARY, "C: T", {"T": BYTES})
def qlinear_add(op: OnnxOp, inputs: Inputs) -> Sequence[Array]:
    """Both times their scale by that of the result; what zero points add is one number."""
    y = _scale(inputs, 6)
    first, second = _scale(inputs, 1) / y, _scale(inputs, 4) / y
    rest = _point(inputs, 7) - (first * _point(inputs, 2) + second * _point(inputs, 5))
    left = rest + given(inputs, 0).astype(np.float32) * first
    return _saturated(op, np.rint(left + given(inputs, 3).astype(np.float32) * second))


@defined("QLinearMul", BINARY, "C: T", {"T": BYTES})
def qlinear_mul(op: OnnxOp, inputs: Inputs) -> Sequence[Array]:
    """The zero point is added before the product is rounded."""
    scale = _scale(inputs, 1) * _scale(inputs, 4) / _scale(inputs, 6)
    y = _shifted(inputs, 0) * _shifted(inputs, 3) * scale
    return _saturated(op, np.rint(y + _point(inputs, 7)))


@defined("QLinearSigmoid", UNARY, "Y: T", {"T": BYTES})
def qlinear_sigmoid(op: OnnxOp, inputs: Inputs) -> Sequence[Array]:
    one = np.float32(1)
    return _quantised(op, one / (one + np.exp(-_real(inputs, 0))), inputs, 3)


@defined("QLinearLeakyRelu", UNARY, "Y: T", {"T": BYTES}, {"alpha": number(0.01)})
def qlinear_leaky_relu(op: OnnxOp, inputs: Inputs) -> Sequence[Array]:
    x, alpha = _real(inputs, 0), op.attr("alpha")
    assert isinstance(alpha, float)
    return _quantised(op, np.where(x < 0, np.float32(alpha) * x, x), inputs, 3)


@defined(
    "QLinearSoftmax",
    "X: T, X_scale: tensor(float), x_zero_point?: T, y_scale: tensor(float), y_zero_point: T",
    "Y: T",
    {"T": BYTES},
    {"axis": integer(-1), "opset": NEEDED},
)
def qlinear_softmax(op: OnnxOp, inputs: Inputs) -> Sequence[Array]:
    """
    Along one axis; of opsets before 13 along that and all behind it.

    What is rounded is times the whole number of steps that 1 holds, since ONNX Runtime computes
    with integers.
    """
    x = _real(inputs, 0)
    axis = integer_of(op, "axis") % x.ndim
    axes = (axis,) if integer_of(op, "opset") >= 13 else tuple(range(axis, x.ndim))
    powers = np.exp(x - x.max(axes, keepdims=True, initial=-np.inf))
    steps = np.floor(np.float32(1) / _scale(inputs, 3))
    share = powers / powers.sum(axes, keepdims=True)
    return _saturated(op, np.rint(share * steps) + _point(inputs, 4))


@defined(
    "QLinearConcat",
    "Y_scale: TF, Y_zero_point: T8, inputs*: TV",
    "Y: T8",
    {"TF": F32, "T8": BYTES, "TV": BYTES | F32},
    {"axis": NEEDED},
)
def qlinear_concat(op: OnnxOp, inputs: Inputs) -> Sequence[Array]:
    """Inputs come in threes: numbers, their scale and their zero point."""
    parts = [_real(inputs, position) for position in range(2, len(inputs), 3)]
    return _quantised(op, np.concatenate(parts, integer_of(op, "axis")), inputs, 0)


@defined(
    "QLinearWhere",
    "condition: B, X: T, x_scale: TF, x_zero_point: T, Y: T, y_scale: TF, y_zero_point: T, "
    "z_scale: TF, z_zero_point: T",
    "Z: T",
    {"B": frozenset({"tensor(bool)"}), "T": BYTES, "TF": F32},
)
def qlinear_where(op: OnnxOp, inputs: Inputs) -> Sequence[Array]:
    chosen = np.where(given(inputs, 0), _real(inputs, 1), _real(inputs, 4))
    return _quantised(op, chosen, inputs, 7)


@defined(
    "QLinearGlobalAveragePool",
    "X: T, x_scale: tensor(float), x_zero_point: T, y_scale: tensor(float), y_zero_point: T",
    "Y: T",
    {"T": BYTES},
    {"channels_last": integer(0)},
)
def qlinear_global_average_pool(op: OnnxOp, inputs: Inputs) -> Sequence[Array]:
    """An exact sum of whole numbers, scaled once."""
    x = _shifted(inputs, 0)
    axes = tuple(range(1, x.ndim - 1) if integer_of(op, "channels_last") else range(2, x.ndim))
    count = np.float32(np.prod([x.shape[axis] for axis in axes]))
    total = x.sum(axes, np.float64, keepdims=True).astype(np.float32)
    y = total * (_scale(inputs, 1) / (count * _scale(inputs, 3)))
    return _saturated(op, np.rint(y) + _point(inputs, 4))


@defined(
    "QGemm",
    "A: TA, a_scale: T, a_zero_point: TA, B: TB, b_scale: T, b_zero_point: TB, C?: TC, "
    "y_scale?: T, y_zero_point?: TYZ",
    "Y: TYZ",
    {"T": F32, "TA": BYTES, "TB": BYTES, "TC": I32, "TYZ": BYTES | F32},
    {"alpha": number(1.0), "transA": integer(0), "transB": integer(0)},
)
def qgemm(op: OnnxOp, inputs: Inputs) -> Sequence[Array]:
    """`alpha` times the scales of A and B times an exact sum; floats where Y has no scale."""
    turns = (integer_of(op, "transA"), integer_of(op, "transB"))
    a, b = (
        given(inputs, at).T if turned else given(inputs, at)
        for at, turned in zip((0, 3), turns, strict=True)
    )
    alpha, bias, y_scale = op.attr("alpha"), optional(inputs, 6), optional(inputs, 7)
    assert isinstance(alpha, float)
    total = _centred(a, inputs[2]) @ _centred(b, inputs[5])
    total = total if bias is None else total + bias
    scale = np.float32(alpha) * _scale(inputs, 1) * given(inputs, 4)
    if y_scale is None:
        return (total.astype(np.float32) * scale,)
    scaled = total.astype(np.float32) * (scale / y_scale.reshape(()))
    return _saturated(op, np.rint(scaled) + _point(inputs, 8))


def _centred(x: Array, point: Array | None) -> Array:
    return x.astype(np.int32) - (0 if point is None else point.astype(np.int32))


def _by_channel(x: Array, rank: int) -> Array:
    """One number, or a list that runs along the first axis of so many."""
    return x.reshape(()) if x.size == 1 else x.reshape(-1, *[1] * (rank - 1))


def qlinear_conv(op: OnnxOp, inputs: Inputs) -> Sequence[Array]:
    """`onnx.reference` does not take points of channels, nor groups; sums are exact in doubles."""
    x, w, bias = given(inputs, 0), given(inputs, 3), optional(inputs, 8)
    x = _centred(x, given(inputs, 2).reshape(())).astype(np.float64)
    w = _centred(w, _by_channel(given(inputs, 5), w.ndim)).astype(np.float64)
    total = _convolved(op, x, w)
    total = total if bias is None else total + _by_channel(bias, x.ndim - 1)
    scale = _scale(inputs, 1) * _by_channel(given(inputs, 4), x.ndim - 1)
    scale = scale / _scale(inputs, 6)
    return _saturated(op, np.rint(total.astype(np.float32) * scale) + _point(inputs, 7))


def _convolved(op: OnnxOp, x: Array, w: Array) -> Array:
    """The convolution of doubles that an operator of its attributes is."""
    from onnx.reference import ReferenceEvaluator  # loads every operator of the standard

    node = helper.make_node("Conv", ["x", "w"], ["y"])
    given = {name: op.attr(name) for name in SLIDING}
    node.attribute.extend(helper.make_attribute(n, v) for n, v in given.items() if v is not None)
    evaluator: Any = ReferenceEvaluator(node)
    return cast("Array", evaluator.run(None, {"x": x, "w": w})[0])


SEMANTICS["", "QLinearConv"] = qlinear_conv
