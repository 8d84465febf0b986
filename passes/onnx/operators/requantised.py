"""
Operators on bytes with scales: computed in floats, and rounded to bytes of another scale.

```
QLinearWhere(c, x, y) = QuantizeLinear(Where(c, DequantizeLinear(x), DequantizeLinear(y)))
```

Sums and products are scaled once, by the scales of the operands and of the result. Of whole numbers
many lie halfway between two others; where scales are multiplied and what is rounded last says which
one is meant, and here that is as ONNX Runtime does it, whose operators these are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from xdsl.ir import SSAValue

from dialects.affine import Affine
from dialects.lpu.tensors import tensor_of
from passes.onnx.operators.integer_convolution import centred
from passes.onnx.operators.integer_products import (
    SINGLE,
    check_single,
    factor,
    integer_product,
    zero_point,
)
from passes.onnx.operators.linear_scales import as_numbers, saturated
from passes.onnx.operators.matrix import gemm_dims, gemm_operands
from passes.onnx.operators.node import Dims, Node
from passes.onnx.operators.normalization import softmax
from passes.onnx.operators.record import MICROSOFT, only, operator
from passes.onnx.operators.statistics import pooled_dims
from passes.onnx.operators.terms import constant, elements, extent
from passes.rewriting.build import Build
from runtime.numerics.elements import ElementType

F32 = ElementType.F32
AXIS_ALONE = 13
"""The opset since which Softmax works along one axis."""


def _real(b: Build, x: SSAValue, scale: SSAValue, point: SSAValue | None) -> SSAValue:
    """The floats that bytes stand for."""
    x = b.cast(x, F32)
    if point is not None:
        x = b.map("sub", x, b.reshape(b.cast(point, F32), ()))
    return b.map("mul", x, b.reshape(scale, ()))


def _operand(b: Build, node: Node, names: Sequence[str]) -> SSAValue:
    """An operand by the names of its numbers, scale and zero point."""
    numbers, scale, point = names
    return _real(b, node.value(numbers), node.value(scale), node.get(point))


def _rounded(b: Build, node: Node, y: SSAValue, scale: str, point: str) -> SSAValue:
    """Floats as numbers of the type of the result."""
    y = b.map("div", y, b.reshape(node.value(scale), ()))
    return as_numbers(b, y, node.get(point), node.result.dtype)


def _pair_dims(node: Node) -> Sequence[Dims]:
    for name in "ABC":
        node.expect_dims(f"{name}_scale", ())
        node.expect_dims(f"{name}_zero_point", ())
    return [node.broadcast(node.dims("A"), node.dims("B"))]


def _as_f32(b: Build, node: Node, name: str) -> SSAValue:
    """One number; 0 where it is left out."""
    value = node.get(name)
    return b.scalar(0.0, F32) if value is None else b.reshape(b.cast(value, F32), ())


@operator("QLinearAdd", domains=[MICROSOFT], shape=_pair_dims)
def qlinear_add(b: Build, node: Node) -> SSAValue:
    """Both times their scale by that of the result; what zero points add is one number."""
    y, rest = _as_f32(b, node, "C_scale"), _as_f32(b, node, "C_zero_point")
    ratios = [b.map("div", _as_f32(b, node, f"{name}_scale"), y) for name in "AB"]
    points = [_as_f32(b, node, f"{name}_zero_point") for name in "AB"]
    taken = [b.map("mul", ratio, point) for ratio, point in zip(ratios, points, strict=True)]
    rest = b.map("sub", rest, b.map("add", *taken))
    left, right = (
        b.map("mul", b.cast(node.value(name), F32), ratio)
        for name, ratio in zip("AB", ratios, strict=True)
    )
    total = b.map("add", b.map("add", rest, left), right)
    return saturated(b, b.map("round", total), node.result.dtype)


@operator("QLinearMul", domains=[MICROSOFT], shape=_pair_dims)
def qlinear_mul(b: Build, node: Node) -> SSAValue:
    """The zero point is added before the product is rounded."""
    scale = b.map("mul", *[_as_f32(b, node, f"{name}_scale") for name in "AB"])
    scale = b.map("div", scale, _as_f32(b, node, "C_scale"))
    factors = [
        b.map("sub", b.cast(node.value(name), F32), _as_f32(b, node, f"{name}_zero_point"))
        for name in "AB"
    ]
    y = b.map("mul", b.map("mul", *factors), scale)
    y = b.map("add", y, _as_f32(b, node, "C_zero_point"))
    return saturated(b, b.map("round", y), node.result.dtype)


def _activation_dims(node: Node) -> Sequence[Dims]:
    check_single(node, "X_scale", "X_zero_point", "Y_scale", "Y_zero_point")
    return [node.source.shape]


def _sigmoid(b: Build, x: SSAValue, _node: Node) -> SSAValue:
    return b.map("sigmoid", x)


def _leaky_relu(b: Build, x: SSAValue, node: Node) -> SSAValue:
    zero, slope = constant(b, 0.0, x), constant(b, node.number("alpha"), x)
    return b.select(b.map("lt", x, zero), b.map("mul", x, slope), x)


ACTIVATIONS: dict[str, Callable[[Build, SSAValue, Node], SSAValue]] = {
    "QLinearSigmoid": _sigmoid,
    "QLinearLeakyRelu": _leaky_relu,
}


@operator(*ACTIVATIONS, domains=[MICROSOFT], shape=_activation_dims)
def qlinear_activation(b: Build, node: Node) -> SSAValue:
    x = _operand(b, node, ("X", "X_scale", "X_zero_point"))
    y = ACTIVATIONS[node.op.OP_TYPE](b, x, node)
    return _rounded(b, node, y, "Y_scale", "Y_zero_point")


def _softmax_axes(node: Node) -> list[int]:
    rank, opset = node.source.rank, node.integer("opset")
    node.require(0 < opset < 1 << 31, f"opset is {opset}")
    first = node.axis(rank)
    return [first] if opset >= AXIS_ALONE else list(range(first, rank))


def _softmax_dims(node: Node) -> Sequence[Dims]:
    check_single(node, "X_scale", "x_zero_point", "y_scale", "y_zero_point")
    _softmax_axes(node)
    return [node.source.shape]


@operator("QLinearSoftmax", domains=[MICROSOFT], shape=_softmax_dims)
def qlinear_softmax(b: Build, node: Node) -> SSAValue:
    """
    Times the whole number of steps that 1 holds, which ONNX Runtime's sums of integers need.

    The zero point of X is in all numbers of a row alike, and makes no difference.
    """
    x = _real(b, node.value("X"), node.value("X_scale"), None)
    steps = b.map("floor", b.map("recip", _as_f32(b, node, "y_scale")))
    y = b.map("mul", softmax(b, x, _softmax_axes(node)), steps)
    return as_numbers(b, y, node.get("y_zero_point"), node.result.dtype)


def _threes(node: Node) -> list[tuple[SSAValue, SSAValue, SSAValue]]:
    """Numbers, scale and zero point of each tensor that is joined."""
    values = node.op.variadic("inputs")
    node.require(len(values) % 3 == 0, f"{len(values)} inputs are no tensors with their scales")
    return list(zip(values[::3], values[1::3], values[2::3], strict=True))


def _joined_dims(node: Node) -> Sequence[Dims]:
    check_single(node, "Y_scale", "Y_zero_point")
    shapes = [tensor_of(numbers).shape for numbers, _, _ in _threes(node)]
    axis, first = node.axis(len(shapes[0])), shapes[0]
    for shape, (numbers, scale, point) in zip(shapes, _threes(node), strict=True):
        node.require(len(shape) == len(first), "the operands differ in rank")
        others = (s[:axis] + s[axis + 1 :] for s in (shape, first))
        node.expect("an operand without the extent of the axis", *others)
        single = all(tensor_of(value).shape in SINGLE for value in (scale, point))
        node.require(single, "a scale or a zero point of an input is no single number")
        kinds = [tensor_of(value).dtype for value in (numbers, scale, point)]
        fits = kinds == [node.result.dtype, F32, node.result.dtype]
        node.require(fits, f"an input is {kinds[0]}, its scale {kinds[1]}, its point {kinds[2]}")
    joined = sum((shape[axis] for shape in shapes), Affine())
    return [(*first[:axis], joined, *first[axis + 1 :])]


@operator("QLinearConcat", domains=[MICROSOFT], shape=_joined_dims)
def qlinear_concat(b: Build, node: Node) -> SSAValue:
    parts = [_real(b, *three) for three in _threes(node)]
    y = b.concat(parts, node.axis(node.result.rank))
    return _rounded(b, node, y, "Y_scale", "Y_zero_point")


SCALED = tuple(f"{name}_{end}" for name in "xyz" for end in ("scale", "zero_point"))


def _where_dims(node: Node) -> Sequence[Dims]:
    check_single(node, *SCALED)
    return [node.broadcast(*[node.dims(name) for name in ("condition", "X", "Y")])]


@operator("QLinearWhere", domains=[MICROSOFT], shape=_where_dims)
def qlinear_where(b: Build, node: Node) -> SSAValue:
    x, y = (_operand(b, node, (n.upper(), f"{n}_scale", f"{n}_zero_point")) for n in "xy")
    return _rounded(b, node, b.select(node.value("condition"), x, y), "z_scale", "z_zero_point")


def _pooled_dims(node: Node) -> Sequence[Dims]:
    check_single(node, "x_scale", "x_zero_point", "y_scale", "y_zero_point")
    return pooled_dims(node)


@operator(
    "QLinearGlobalAveragePool",
    domains=[MICROSOFT],
    shape=_pooled_dims,
    limits=[only("channels_last", 0)],
)
def qlinear_global_average_pool(b: Build, node: Node) -> SSAValue:
    """An exact sum of whole numbers, scaled once."""
    x, axes = centred(b, node.value("X"), node.get("x_zero_point")), range(2, node.source.rank)
    total = b.cast(b.reduce("sum", x, axes), F32)
    count = b.cast(extent(b, elements(node.source.shape[2:])), F32)
    steps = b.map("mul", count, _as_f32(b, node, "y_scale"))
    y = b.map("mul", total, b.map("div", _as_f32(b, node, "x_scale"), steps))
    return as_numbers(b, y, node.get("y_zero_point"), node.result.dtype)


def _gemm_dims(node: Node) -> Sequence[Dims]:
    (found,) = gemm_dims(node)
    check_single(node, "a_scale", "a_zero_point", "y_scale", "y_zero_point")
    node.expect_dims("b_scale", *SINGLE, found[1:])
    node.expect_dims("b_zero_point", node.dims("b_scale"))
    node.expect_pair("y_scale", "y_zero_point")
    point = node.get("y_zero_point")
    is_whole = point is None or tensor_of(point).dtype.is_int
    node.require(is_whole, "the zero point of Y is a float")
    return [found]


@operator("QGemm", domains=[MICROSOFT], shape=_gemm_dims)
def qgemm(b: Build, node: Node) -> SSAValue:
    """C is added to the exact sum, so that it has the scale of the product."""
    points = zero_point(b, node, "a_zero_point", -2), zero_point(b, node, "b_zero_point", -1)
    total, bias = integer_product(b, *gemm_operands(b, node), points), node.get("C")
    total = b.cast(total if bias is None else b.map("add", total, bias), F32)
    scale = b.map("mul", factor(b, node, "a_scale", -2), factor(b, node, "b_scale", -1))
    if node.number("alpha") != 1:
        scale = b.map("mul", scale, constant(b, node.number("alpha"), scale))
    if node.get("y_scale") is None:
        return b.map("mul", total, scale)
    y = b.map("mul", total, b.map("div", scale, factor(b, node, "y_scale", -1)))
    return as_numbers(b, y, node.get("y_zero_point"), node.result.dtype)
