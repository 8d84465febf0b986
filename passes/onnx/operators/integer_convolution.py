"""Convolutions of bytes with zero points, exact in i32, and what scales them to bytes again."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.ir import SSAValue

from dialects.lpu.tensors import tensor_of
from passes.onnx.operators.convolution import convolution_windows, convolved
from passes.onnx.operators.integer_products import check_single, factor
from passes.onnx.operators.linear_scales import SINGLE, as_numbers
from passes.onnx.operators.node import Dims, Node
from passes.onnx.operators.record import operator
from passes.onnx.operators.windows import LIMITS
from passes.rewriting.build import Build
from runtime.numerics.elements import ElementType

I32, F32 = ElementType.I32, ElementType.F32


def centred(b: Build, x: SSAValue, point: SSAValue | None) -> SSAValue:
    """Bytes less their zero point, in i32; one number, or one for each of the first axis."""
    x = b.cast(x, I32)
    if point is None:
        return x
    spread = (*tensor_of(point).shape, *(1,) * (tensor_of(x).rank - 1))
    shape = () if tensor_of(point).shape in SINGLE else spread
    return b.map("sub", x, b.reshape(b.cast(point, I32), shape))


def _integer_conv(b: Build, node: Node) -> SSAValue:
    """What is outside of the input is 0 as a number, so zero points are taken off before."""
    x, w = node.value("x"), node.value("w")
    groups, windows = convolution_windows(node, tensor_of(x).shape, tensor_of(w).shape)
    x, w = (centred(b, v, node.get(n)) for v, n in ((x, "x_zero_point"), (w, "w_zero_point")))
    return convolved(b, x, w, groups, windows)


def _conv_dims(node: Node) -> Sequence[Dims]:
    dims, weights = node.dims("x"), node.dims("w")
    _, windows = convolution_windows(node, dims, weights)
    check_single(node, "x_zero_point")
    node.expect_dims("w_zero_point", *SINGLE, weights[:1])
    return [(dims[0], weights[0], *(window.places for window in windows))]


@operator("ConvInteger", shape=_conv_dims, limits=LIMITS)
def conv_integer(b: Build, node: Node) -> SSAValue:
    return _integer_conv(b, node)


def _requantised_dims(node: Node) -> Sequence[Dims]:
    found = _conv_dims(node)
    check_single(node, "x_scale", "y_scale", "y_zero_point")
    node.expect_dims("w_scale", *SINGLE, node.dims("w")[:1])
    node.expect_dims("B", node.dims("w")[:1])
    return found


@operator("QLinearConv", shape=_requantised_dims, limits=LIMITS)
def qlinear_conv(b: Build, node: Node) -> SSAValue:
    """The bias has the scale of the product and is added to the exact sum."""
    total, bias = _integer_conv(b, node), node.get("B")
    behind = (1,) * (node.source.rank - 2)
    if bias is not None:
        total = b.map("add", total, b.reshape(bias, (*tensor_of(bias).shape, *behind)))
    scale = b.map("mul", b.reshape(node.value("x_scale"), ()), factor(b, node, "w_scale", -1))
    scale = b.map("div", scale, b.reshape(node.value("y_scale"), ()))
    if tensor_of(scale).shape != ():
        scale = b.reshape(scale, (*tensor_of(scale).shape, *behind))
    y = b.map("mul", b.cast(total, F32), scale)
    return as_numbers(b, y, node.get("y_zero_point"), node.result.dtype)
