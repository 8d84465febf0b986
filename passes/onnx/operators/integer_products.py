"""
Products of 8-bit integers with zero points, exact in i32, and what scales their operands.

`(A - a) (B - b)` is computed as `A B - a sum(B) - b (sum(A) - K a)`, sums along the inner axis, so
that weights are read as the bytes they are; their sums are constants.
"""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.ir import SSAValue

from dialects.affine import Affine
from dialects.lpu.tensors import tensor_of
from passes.onnx.operators.linear_scales import SINGLE, as_numbers
from passes.onnx.operators.matrix import as_column, as_row, product_dims
from passes.onnx.operators.node import Dims, Node
from passes.onnx.operators.record import MICROSOFT, operator
from passes.onnx.operators.terms import constant, extent
from passes.rewriting.build import Build
from runtime.numerics.elements import ElementType

I32, F32 = ElementType.I32, ElementType.F32
ONE = Affine(1)
LEVELS = 255
"""Steps between the least and the greatest number of 8 bits."""


def integer_product(
    b: Build, lhs: SSAValue, rhs: SSAValue, points: tuple[SSAValue | None, SSAValue | None]
) -> SSAValue:
    """i32 of matrices of bytes; zero points are i32, `[..., M, 1]` and `[..., 1, N]` or scalars."""
    total, (first, second) = b.matmul(lhs, rhs, I32), points
    if first is not None:
        columns = b.reduce("sum", b.cast(rhs, I32), (-2,))
        total = b.map("sub", total, b.map("mul", first, columns))
    if second is not None:
        rows = b.reduce("sum", b.cast(lhs, I32), (-1,))
        if first is not None:
            inner = b.cast(extent(b, tensor_of(lhs).shape[-1]), I32)
            rows = b.map("sub", rows, b.map("mul", first, inner))
        total = b.map("sub", total, b.map("mul", second, rows))
    return total


def zero_point(b: Build, node: Node, name: str, axis: int) -> SSAValue | None:
    """A zero point in i32 as it broadcasts to the product; `axis` is that of a list of them."""
    value = node.get(name)
    known = None if value is None else node.elements(name)
    if value is None or (known is not None and all(e == Affine() for e in known.flat())):
        return None
    dims = tensor_of(value).shape
    if dims in SINGLE:
        return b.reshape(b.cast(value, I32), ())
    spread = (*dims, ONE) if len(dims) == 1 and axis == -2 else dims
    return b.reshape(b.cast(value, I32), spread)


def _check_point(node: Node, name: str, operand: Dims, axis: int) -> None:
    """One number, a list along an axis of a matrix, or the operand with its other axis 1."""
    if node.get(name) is None or len(operand) < 2:
        node.expect_dims(name, *SINGLE)
        return
    whole = (*operand[:-2], operand[-2], ONE) if axis == -2 else (*operand[:-2], ONE, operand[-1])
    listed = ((operand[axis],),) if len(operand) == 2 else ()
    node.expect_dims(name, *SINGLE, *listed, whole)


def _integer_dims(node: Node) -> Sequence[Dims]:
    found = product_dims(node, node.dims("A"), node.dims("B"))
    _check_point(node, "a_zero_point", node.dims("A"), -2)
    _check_point(node, "b_zero_point", node.dims("B"), -1)
    return found


def _product_of(b: Build, node: Node, lhs: SSAValue, first: SSAValue | None) -> SSAValue:
    """With B of a node, in the extents of its result."""
    points = first, zero_point(b, node, "b_zero_point", -1)
    total = integer_product(b, as_row(b, lhs), as_column(b, node.value("B")), points)
    return b.reshape(total, node.result.shape)


@operator("MatMulInteger", shape=_integer_dims)
def matmul_integer(b: Build, node: Node) -> SSAValue:
    return _product_of(b, node, node.value("A"), zero_point(b, node, "a_zero_point", -2))


def _check_scaled(node: Node) -> None:
    """The scale and zero point of B are numbers, or lists of columns, as the bias is."""
    b = node.dims("B")
    node.require(len(b) > 1, "the input 'B' has rank 1, expected a matrix")
    for name in ("b_scale", "b_zero_point"):
        node.expect_dims(name, *SINGLE, *((b[-1:],) if len(b) == 2 else ()))
    node.expect_dims("bias", b[-1:])


def _scaled(b: Build, node: Node, total: SSAValue, factor: SSAValue) -> SSAValue:
    """In floats, times the scales of both operands, plus the bias."""
    scale = b.map("mul", b.reshape(factor, ()), _scalar_or_list(b, node.value("b_scale")))
    y, bias = b.map("mul", b.cast(total, F32), scale), node.get("bias")
    return y if bias is None else b.map("add", y, bias)


def _scalar_or_list(b: Build, value: SSAValue) -> SSAValue:
    return b.reshape(value, ()) if tensor_of(value).shape == (ONE,) else value


def check_single(node: Node, *names: str) -> None:
    """Refuse scales and zero points that are not one number."""
    for name in names:
        node.expect_dims(name, *SINGLE)


def _to_float_dims(node: Node) -> Sequence[Dims]:
    check_single(node, "a_scale", "a_zero_point")
    _check_scaled(node)
    return product_dims(node, node.dims("A"), node.dims("B"))


@operator("MatMulIntegerToFloat", domains=[MICROSOFT], shape=_to_float_dims)
def matmul_integer_to_float(b: Build, node: Node) -> SSAValue:
    total = _product_of(b, node, node.value("A"), zero_point(b, node, "a_zero_point", -2))
    return _scaled(b, node, total, node.value("a_scale"))


def quantised(b: Build, x: SSAValue) -> tuple[SSAValue, SSAValue, SSAValue]:
    """u8 numbers for a whole tensor, their f32 scale and u8 zero point; the scale of zeros is 1."""
    zero, axes = constant(b, 0.0, x), tuple(range(tensor_of(x).rank))
    ends = [b.reshape(b.reduce(fn, x, axes) if axes else x, ()) for fn in ("min", "max")]
    low, high = b.map("min", ends[0], zero), b.map("max", ends[1], zero)
    levels = constant(b, LEVELS, x)
    step = b.map("div", b.map("sub", high, low), levels)
    scale = b.select(b.map("eq", high, low), constant(b, 1.0, x), step)
    point = b.map("div", b.map("neg", low), scale)
    point = b.map("round", b.map("min", b.map("max", point, zero), levels))
    numbers = b.map("add", b.map("round", b.map("div", x, scale)), point)
    numbers = b.map("min", b.map("max", numbers, zero), levels)
    return b.cast(numbers, ElementType.U8), scale, b.cast(point, ElementType.U8)


@operator("DynamicQuantizeLinear", shape=lambda node: [node.source.shape, (), ()])
def dynamic_quantize_linear(b: Build, node: Node) -> Sequence[SSAValue]:
    return quantised(b, node.value("x"))


def _dynamic_dims(node: Node) -> Sequence[Dims]:
    _check_scaled(node)
    return product_dims(node, node.dims("A"), node.dims("B"))


@operator("DynamicQuantizeMatMul", domains=[MICROSOFT], shape=_dynamic_dims)
def dynamic_quantize_matmul(b: Build, node: Node) -> SSAValue:
    numbers, scale, point = quantised(b, node.value("A"))
    total = _product_of(b, node, numbers, b.cast(point, I32))
    return _scaled(b, node, total, scale)


def _requantised_dims(node: Node) -> Sequence[Dims]:
    a, b = node.dims("a"), node.dims("b")
    check_single(node, "y_scale", "y_zero_point")
    for side, dims, axis in (("a", a, -2), ("b", b, -1)):
        for name in (f"{side}_scale", f"{side}_zero_point"):
            _check_point(node, name, dims, axis)
    return product_dims(node, a, b)


def factor(b: Build, node: Node, name: str, axis: int) -> SSAValue:
    """A scale as it broadcasts to the product."""
    value = _scalar_or_list(b, b.cast(node.value(name), F32))
    dims = tensor_of(value).shape
    return b.reshape(value, (*dims, ONE)) if len(dims) == 1 and axis == -2 else value


@operator("QLinearMatMul", shape=_requantised_dims)
def requantised_matmul(b: Build, node: Node) -> SSAValue:
    """The product times a_scale b_scale / y_scale, rounded to even, plus the zero point."""
    points = zero_point(b, node, "a_zero_point", -2), zero_point(b, node, "b_zero_point", -1)
    lhs, rhs = as_row(b, node.value("a")), as_column(b, node.value("b"))
    scale = b.map("mul", factor(b, node, "a_scale", -2), factor(b, node, "b_scale", -1))
    scale = b.map("div", scale, factor(b, node, "y_scale", -1))
    total = b.cast(integer_product(b, lhs, rhs, points), F32)
    y = as_numbers(b, b.map("mul", total, scale), node.value("y_zero_point"), node.result.dtype)
    return b.reshape(y, node.result.shape)
