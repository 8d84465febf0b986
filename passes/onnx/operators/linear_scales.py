"""Numbers on a linear scale: to and from integers, for a tensor, for a channel, or for a block."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from xdsl.ir import SSAValue

from dialects.affine import Affine
from dialects.lpu.tensors import tensor_of
from dialects.onnx.elements import ONNX_NUMBERS
from passes.analysis.weights import weight_of
from passes.onnx.operators.dequantising import dequantised, listed_weight, one_for_all
from passes.onnx.operators.node import Dims, Node
from passes.onnx.operators.record import MICROSOFT, Limit, only, operator
from passes.onnx.operators.terms import constant, repeated
from passes.rewriting.build import Build
from runtime.numerics.elements import ElementType

SINGLE: tuple[Dims, ...] = ((), (Affine(1),))
"""How one scale or zero point for all of a tensor is given."""


def _block_size(node: Node) -> int:
    known = "block_size" in node.op.schema.attributes
    size = node.integer("block_size") if known else 0
    node.require(size >= 0, f"block_size is {size}")
    return size


def _scale_axis(node: Node) -> int:
    return 0 if node.attr("axis") is None else node.axis(node.source.rank)


def _scaled_dims(node: Node) -> Sequence[Dims]:
    """A scale is a scalar, one number for each channel, or one for each block along the axis."""
    (scale, point), shape = (formal.name for formal in node.op.schema.inputs[1:]), node.source.shape
    given, size = node.dims(scale), _block_size(node)
    if size:
        axis = _scale_axis(node)
        extent = shape[axis]
        node.require(extent.is_const, f"blocks of {extent} elements")
        blocks = (*shape[:axis], Affine(-(-extent.const // size)), *shape[axis + 1 :])
        node.expect_dims(scale, blocks)
    elif given not in SINGLE:
        node.expect_dims(scale, (shape[_scale_axis(node)],))
    node.expect_dims(point, *(SINGLE if not size and given in SINGLE else (given,)))
    return [shape]


def _spread(b: Build, node: Node, name: str) -> SSAValue:
    """Scales or zero points in f32, so that they broadcast to the tensor."""
    value = b.cast(node.value(name), ElementType.F32)
    size, dims, rank = _block_size(node), tensor_of(value).shape, node.source.rank
    if size:
        axis = _scale_axis(node)
        return repeated(b, value, axis, size, node.source.shape[axis])
    if dims in SINGLE:
        return b.reshape(value, ())
    axis = _scale_axis(node)
    return b.reshape(value, [dims[0] if i == axis else 1 for i in range(rank)])


def _known(b: Build, node: Node) -> SSAValue | None:
    """The numbers of constants."""
    if not node.source.is_static or not node.source.dtype.is_int:
        return None
    shape, size = node.source.static_shape(), _block_size(node)
    if 0 in shape:
        return None
    blocks = [1] * len(shape) if size else list(shape)
    if size or node.dims("x_scale") not in SINGLE:
        blocks[_scale_axis(node)] = size or 1
    counts = tuple(-(-extent // block) for extent, block in zip(shape, blocks, strict=True))
    point = node.get("x_zero_point")
    parts = (
        weight_of(node.first),
        listed_weight(node.value("x_scale"), counts),
        one_for_all(0, len(shape)) if point is None else listed_weight(point, counts),
    )
    return dequantised(b, parts, tuple(blocks), node.result.dtype)


@operator("DequantizeLinear", shape=_scaled_dims, domains=["", MICROSOFT])
def dequantize(b: Build, node: Node) -> SSAValue:
    """(x - zero point) * scale, when the program is made if all three are constants."""
    known = _known(b, node)
    if known is not None:
        return known
    x = b.cast(node.first, ElementType.F32)
    if node.get("x_zero_point") is not None:
        x = b.map("sub", x, _spread(b, node, "x_zero_point"))
    return b.cast(b.map("mul", x, _spread(b, node, "x_scale")), node.result.dtype)


def as_numbers(b: Build, x: SSAValue, point: SSAValue | None, dtype: ElementType) -> SSAValue:
    """Rounded to even, plus a zero point that broadcasts, within the bounds of the type."""
    x = b.map("round", x)
    if point is not None:
        spread = b.reshape(point, ()) if tensor_of(point).shape in SINGLE else point
        x = b.map("add", x, b.cast(spread, ElementType.F32))
    return saturated(b, x, dtype)


def saturated(b: Build, x: SSAValue, dtype: ElementType) -> SSAValue:
    """Whole numbers in f32 as integers, the nearest of those that the type has."""
    limits = np.iinfo(dtype.dtype)
    x = b.map("max", x, constant(b, int(limits.min), x))
    return b.cast(b.map("min", x, constant(b, int(limits.max), x)), dtype)


def _is_whole(node: Node) -> bool:
    return node.tensor("y_scale").dtype.is_int


def _is_torn(node: Node) -> bool:
    """Whether the attribute names another type than the zero point has."""
    named, point = node.attr("output_dtype"), node.get("y_zero_point")
    return bool(named) and point is not None and named != ONNX_NUMBERS[tensor_of(point).dtype]


@operator("QuantizeLinear", shape=_scaled_dims, domains=[MICROSOFT])
@operator(
    "QuantizeLinear",
    shape=_scaled_dims,
    limits=[
        Limit("results of 32 bits, or of floats"),
        Limit("an output_dtype that the zero point does not have", _is_torn),
        Limit("a scale of integers", _is_whole),
        only("precision", 0, 1, None),
    ],
)
def quantize(b: Build, node: Node) -> SSAValue:
    """x / scale, rounded to even, plus the zero point, within the bounds of the type."""
    dtype = node.result.dtype
    node.require(dtype in (ElementType.I8, ElementType.U8), f"results of {dtype}")
    x = b.cast(node.first, ElementType.F32)
    x = b.map("div", x, _spread(b, node, "y_scale"))
    given = node.get("y_zero_point") is not None
    return as_numbers(b, x, _spread(b, node, "y_zero_point") if given else None, dtype)
