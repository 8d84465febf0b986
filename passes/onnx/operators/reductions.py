"""Reductions along axes, running sums and selections of the largest."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from xdsl.ir import SSAValue

from dialects.affine import Affine
from dialects.errors import unsupported
from dialects.lpu.ops import tensor_of
from dialects.onnx import OnnxOp
from passes.onnx.operators.registry import (
    as_float,
    attribute,
    constant,
    decompose,
    extent,
    integer,
    known_ints,
    operand,
    optional_ints,
    result,
    wide,
)
from passes.rewriting.build import Build
from runtime.numerics import ElementType

Axes = Sequence[int]
Reduction = Callable[[Build, SSAValue, Axes], SSAValue]


def reduce_mean(b: Build, x: SSAValue, axes: Axes) -> SSAValue:
    """The sum divided by the number of elements, one axis at a time when extents are symbols."""
    shape, total = tensor_of(x).shape, b.reduce("sum", x, axes)
    extents = [shape[axis] for axis in axes]
    static = int(np.prod([e.const for e in extents if e.is_const], dtype=np.int64))
    for count in (Affine(static), *(e for e in extents if not e.is_const)):
        if count != Affine(1):
            total = b.map("div", total, _number(b, count, tensor_of(total).dtype))
    return total


def _number(b: Build, value: Affine, dtype: ElementType) -> SSAValue:
    """A dimension as a scalar of any type."""
    return b.scalar(value.const, dtype) if value.is_const else b.cast(extent(b, value), dtype)


def _sum_of_squares(b: Build, x: SSAValue, axes: Axes) -> SSAValue:
    return b.reduce("sum", b.map("mul", x, x), axes)


def _l1(b: Build, x: SSAValue, axes: Axes) -> SSAValue:
    return b.reduce("sum", b.map("abs", x), axes)


def _l2(b: Build, x: SSAValue, axes: Axes) -> SSAValue:
    return b.map("sqrt", as_float(b, _sum_of_squares(b, x, axes)))


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
    "ReduceL2": _l2,
    "ReduceLogSum": _log_sum,
    "ReduceLogSumExp": _log_sum_exp,
}


def _reduced_axes(op: OnnxOp, rank: int) -> list[int]:
    """Given axes counted from the start; none given means all, or none if the operator says so."""
    axes = optional_ints(op, "axes")
    if axes:
        return [axis % rank for axis in axes]
    return [] if attribute(op, "noop_with_empty_axes") else list(range(rank))


@decompose(*REDUCTIONS)
def reduction(b: Build, op: OnnxOp) -> SSAValue:
    source, target = operand(op, "data"), result(op)
    axes = _reduced_axes(op, tensor_of(source).rank)
    if tensor_of(source).rank == 0:
        source = b.reshape(source, (1,))
        axes = [0]
    reduced = REDUCTIONS[op.OP_TYPE](b, wide(b, source), axes)
    return b.reshape(b.cast(reduced, target.dtype), target.shape)


def _axis_last(rank: int, axis: int) -> list[int]:
    """The permutation that exchanges an axis with the last; it is its own inverse."""
    perm = list(range(rank))
    perm[axis], perm[-1] = perm[-1], perm[axis]
    return perm


def _topk_along(
    b: Build, x: SSAValue, axis: int, k: int, largest: bool
) -> tuple[SSAValue, SSAValue]:
    perm = _axis_last(tensor_of(x).rank, axis)
    values, indices = b.topk(b.transpose(x, perm), k, largest)
    return b.transpose(values, perm), b.transpose(indices, perm)


@decompose("ArgMax", "ArgMin")
def arg_extreme(b: Build, op: OnnxOp) -> SSAValue:
    x = operand(op, "data")
    rank, largest = tensor_of(x).rank, op.OP_TYPE == "ArgMax"
    axis = integer(op, "axis") % rank
    if attribute(op, "select_last_index"):
        indices = _last_extreme(b, x, axis, largest)
    else:
        _, indices = _topk_along(b, x, axis, 1, largest)
    return b.reshape(indices, result(op).shape)


def _last_extreme(b: Build, x: SSAValue, axis: int, largest: bool) -> SSAValue:
    """The highest index along the axis at which the extreme value stands."""
    shape = tensor_of(x).shape
    best = b.reduce("max" if largest else "min", x, (axis,))
    coefficients = [int(i == axis) for i in range(len(shape))]
    places = b.iota(0, coefficients, [d if i == axis else 1 for i, d in enumerate(shape)])
    held = b.select(b.map("eq", x, best), places, b.scalar(-1, ElementType.I64))
    return b.reduce("max", held, (axis,))


@decompose("TopK")
def topk(b: Build, op: OnnxOp) -> tuple[SSAValue, SSAValue]:
    x = operand(op, "X")
    axis = integer(op, "axis") % tensor_of(x).rank
    k = result(op).shape[axis]
    if not k.is_const:
        raise unsupported(op, f"k is {k}", "make k a constant")
    largest = attribute(op, "largest") != 0
    return _topk_along(b, x, axis, k.const, largest)


@decompose("CumSum")
def cumulative_sum(b: Build, op: OnnxOp) -> SSAValue:
    if integer(op, "reverse"):
        raise unsupported(op, "reverse = 1 is not supported")
    (axis,) = known_ints(op, operand(op, "axis"), "axis")
    sums = b.scan(wide(b, operand(op, "x")), axis, bool(integer(op, "exclusive")))
    return b.cast(sums, result(op).dtype)
