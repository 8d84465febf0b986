"""Reductions along axes, running sums and selections of the largest."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from xdsl.ir import SSAValue

from dialects.affine import Affine, NotAffine, product
from dialects.lpu.tensors import tensor_of
from passes.analysis.content import Content, Line, as_line, elements
from passes.onnx.operators.node import Dims, Node
from passes.onnx.operators.record import Limit, operator
from passes.onnx.operators.terms import along, as_float, constant, extent, flipped, wide
from passes.rewriting.build import Build
from runtime.numerics.elements import ElementType

Axes = Sequence[int]
Reduction = Callable[[Build, SSAValue, Axes], SSAValue]


def reduce_mean(b: Build, x: SSAValue, axes: Axes) -> SSAValue:
    """
    The sum divided by the number of elements, one axis at a time when extents are symbols.

    Integers are summed in i64. The mean of no elements is 0.
    """
    shape, dtype = tensor_of(x).shape, tensor_of(x).dtype
    total = b.reduce("sum", x if dtype.is_float else b.cast(x, ElementType.I64), axes)
    extents = [shape[axis] for axis in axes]
    static = int(np.prod([e.const for e in extents if e.is_const], dtype=np.int64))
    for count in (Affine(max(static, 1)), *(e for e in extents if not e.is_const)):
        if count != Affine(1):
            total = b.map("div", total, _number(b, count, tensor_of(total).dtype))
    return b.cast(total, dtype)


def _number(b: Build, value: Affine, dtype: ElementType) -> SSAValue:
    """A dimension as a scalar of any type; 1 where it is 0."""
    if value.is_const:
        return b.scalar(value.const, dtype)
    number = extent(b, value)
    if value.const < 1 or any(coefficient < 0 for _, coefficient in value.terms):
        number = b.map("max", number, constant(b, 1, number))
    return b.cast(number, dtype)


def _sum_of_squares(b: Build, x: SSAValue, axes: Axes) -> SSAValue:
    return b.reduce("sum", b.map("mul", x, x), axes)


def _l1(b: Build, x: SSAValue, axes: Axes) -> SSAValue:
    return b.reduce("sum", b.map("abs", x), axes)


def l2_norm(b: Build, x: SSAValue, axes: Axes) -> SSAValue:
    if tensor_of(x).dtype.is_float:
        return b.map("sqrt", _sum_of_squares(b, x, axes))
    return _whole_root(b, _sum_of_squares(b, b.cast(x, ElementType.I64), axes))


def _whole_root(b: Build, x: SSAValue) -> SSAValue:
    """
    The largest integer whose square is not above `x`, an i64.

    The root in f32 is off by less than 2^7; one of Newton's steps makes that 1 at most, upwards.
    """
    one = constant(b, 1, x)
    near = b.map("max", b.cast(b.map("sqrt", as_float(b, x)), ElementType.I64), one)
    root = b.map("div", b.map("add", near, b.map("div", x, near)), constant(b, 2, x))
    above = b.map("gt", b.map("mul", root, root), x)
    return b.select(above, b.map("sub", root, one), root)


def _log_sum(b: Build, x: SSAValue, axes: Axes) -> SSAValue:
    return b.map("log", as_float(b, b.reduce("sum", x, axes)))


def _log_sum_exp(b: Build, x: SSAValue, axes: Axes) -> SSAValue:
    """log(sum(exp(x - m))) + m, where m is the maximum if that is finite, else 0."""
    x = as_float(b, x)
    top = b.reduce("max", x, axes)
    zero = constant(b, 0.0, top)
    finite = b.map("eq", b.map("sub", top, top), zero)
    pivot = b.select(finite, top, zero)
    total = b.reduce("sum", b.map("exp", b.map("sub", x, pivot)), axes)
    return b.map("add", b.map("log", total), pivot)


def _plain(fn: str) -> Reduction:
    return lambda b, x, axes: b.reduce(fn, x, axes)


REDUCTIONS: dict[str, Reduction] = {
    "ReduceSum": _plain("sum"),
    "ReduceProd": _plain("prod"),
    "ReduceMax": _plain("max"),
    "ReduceMin": _plain("min"),
    "ReduceMean": reduce_mean,
    "ReduceSumSquare": _sum_of_squares,
    "ReduceL1": _l1,
    "ReduceL2": l2_norm,
    "ReduceLogSum": _log_sum,
    "ReduceLogSumExp": _log_sum_exp,
}


def _reduced_axes(node: Node, rank: int) -> list[int]:
    """Given axes counted from the start; none given means all, or none if the operator says so."""
    axes = node.axes(rank)
    if axes:
        return axes
    return [] if node.flag("noop_with_empty_axes") else list(range(rank))


def _without(dims: Dims, axes: Axes, keep: bool) -> Dims:
    if keep:
        return tuple([Affine(1) if i in axes else d for i, d in enumerate(dims)])
    return tuple([d for i, d in enumerate(dims) if i not in axes])


def _reduced_dims(node: Node) -> Sequence[Dims]:
    shape = node.dims("data")
    return [_without(shape, _reduced_axes(node, len(shape)), node.flag("keepdims"))]


def _reduced_content(node: Node) -> Content | None:
    """Sum or product of all elements: what turns a shape into a number of elements."""
    known, rank = node.elements("data"), node.source.rank
    if known is None or len(_reduced_axes(node, rank)) < rank:
        return None
    try:
        if node.op.OP_TYPE == "ReduceProd":
            total = product(known.flat())
        elif node.op.OP_TYPE == "ReduceSum":
            total = sum(known.flat(), Affine())
        else:
            return None
    except NotAffine:
        return None
    return elements(np.full(node.result.static_shape(), total, dtype=object))


def _rounds(node: Node) -> bool:
    """Whether an integer is asked for that depends on the last bit of a logarithm."""
    return node.source.dtype.is_int and node.op.OP_TYPE == "ReduceLogSumExp"


@operator(
    *REDUCTIONS,
    shape=_reduced_dims,
    contents=_reduced_content,
    limits=[Limit("ReduceLogSumExp of integers", _rounds, "cast them to f32")],
)
def reduction(b: Build, node: Node) -> SSAValue:
    source, target = node.value("data"), node.result
    axes = _reduced_axes(node, node.source.rank)
    if node.source.rank == 0:
        source = b.reshape(source, (1,))
        axes = [0]
    reduced = REDUCTIONS[node.op.OP_TYPE](b, wide(b, source), axes)
    return b.reshape(b.cast(reduced, target.dtype), target.shape)


def _axis_last(rank: int, axis: int) -> list[int]:
    """The permutation that exchanges an axis with the last; it is its own inverse."""
    perm = list(range(rank))
    perm[axis], perm[-1] = perm[-1], perm[axis]
    return perm


def topk_along(
    b: Build, x: SSAValue, axis: int, k: int, largest: bool
) -> tuple[SSAValue, SSAValue]:
    """The largest or smallest elements along an axis, and where they stand."""
    perm = _axis_last(tensor_of(x).rank, axis)
    values, indices = b.topk(b.transpose(x, perm), k, largest)
    return b.transpose(values, perm), b.transpose(indices, perm)


def _arg_dims(node: Node) -> Sequence[Dims]:
    shape = node.dims("data")
    axis = node.axis(len(shape))
    node.require(shape[axis] != Affine(), f"axis {axis} has no elements")
    return [_without(shape, [axis], node.flag("keepdims"))]


@operator("ArgMax", "ArgMin", shape=_arg_dims)
def arg_extreme(b: Build, node: Node) -> SSAValue:
    x, largest = node.value("data"), node.op.OP_TYPE == "ArgMax"
    axis = node.axis(node.source.rank)
    if node.flag("select_last_index"):
        indices = _last_extreme(b, x, axis, largest)
    else:
        _, indices = topk_along(b, x, axis, 1, largest)
    return b.reshape(indices, node.result.shape)


def _last_extreme(b: Build, x: SSAValue, axis: int, largest: bool) -> SSAValue:
    """The highest index along the axis at which the extreme value stands."""
    shape = tensor_of(x).shape
    best = b.reduce("max" if largest else "min", x, (axis,))
    places = along(b, len(shape), axis, shape[axis])
    held = b.select(b.map("eq", x, best), places, b.scalar(-1, ElementType.I64))
    return b.reduce("max", held, (axis,))


def _count(node: Node) -> int:
    """How many `TopK` selects: an attribute before opset 10."""
    if node.op.since_version < 10:
        node.require(node.integer("k") > 0, f"k is {node.integer('k')}, and must be positive")
        return node.integer("k")
    known = node.numbers("K")
    node.require(known is not None and len(known) == 1, "K must be one number")
    return known[0] if known else 0


def _topk_dims(node: Node) -> Sequence[Dims]:
    shape, count = list(node.dims("X")), _count(node)
    axis = node.axis(len(shape))
    fewest = shape[axis].lower(node.ranges)
    if not 0 <= count <= fewest:
        raise node.refusal(f"K is {count} of {shape[axis]} elements, which may be {fewest}")
    shape[axis] = Affine(count)
    return [tuple(shape)] * 2


@operator("TopK", shape=_topk_dims, limits=[Limit("K that is no constant")])
def topk(b: Build, node: Node) -> tuple[SSAValue, SSAValue]:
    largest = node.attr("largest") != 0
    axis = node.axis(node.source.rank)
    return topk_along(b, node.value("X"), axis, _count(node), largest)


def _running_axis(node: Node) -> int:
    known = node.numbers("axis", scalar=True)
    node.require(known is not None and len(known) == 1, "the axis must be one number")
    return node.at(known[0] if known else 0, node.source.rank)


def _running_dims(node: Node) -> Sequence[Dims]:
    _running_axis(node)
    return [node.source.shape]


def _running_content(node: Node) -> Content | None:
    """The running sum of one number is a line: `n, 2n, 3n, ...`."""
    line = as_line(node.lookup(node.first), node.source)
    if line is None or any(c != Affine() for c in line.coefficients):
        return None
    if node.flag("exclusive") or node.flag("reverse"):
        return None
    coefficients = [Affine()] * node.source.rank
    coefficients[_running_axis(node)] = line.base
    return Line(line.base, tuple(coefficients))


@operator(
    "CumSum",
    shape=_running_dims,
    contents=_running_content,
    limits=[Limit("an axis that is no constant")],
)
def cumulative_sum(b: Build, node: Node) -> SSAValue:
    axis, terms = _running_axis(node), wide(b, node.value("x"))
    if node.flag("reverse"):
        terms = flipped(b, terms, axis)
    sums = b.scan(terms, axis, node.flag("exclusive"))
    return b.cast(flipped(b, sums, axis) if node.flag("reverse") else sums, node.result.dtype)
