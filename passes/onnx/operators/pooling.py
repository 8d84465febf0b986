"""Pooling: the largest, the mean or the norm of each window, and of the channels next to each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from xdsl.ir import SSAValue

from dialects.affine import Affine
from dialects.lpu.tensors import tensor_of
from passes.onnx.operators.node import Dims, Node
from passes.onnx.operators.record import Limit, only, operator
from passes.onnx.operators.terms import constant, elements, extent, wide
from passes.onnx.operators.windows import (
    LARGEST,
    LIMITS,
    SLICES,
    Window,
    check_pieces,
    laid,
    listed,
    windows_of,
)
from passes.rewriting.build import Build
from runtime.numerics.elements import ElementType

SAME = ("SAME_UPPER", "SAME_LOWER")
NOWHERE = (1 << 63) - 1
"""Behind every place of a tensor."""


def _windows(node: Node) -> list[Window]:
    x = node.source.shape
    node.require(len(x) >= 3, f"the input has rank {len(x)}, expected a batch, channels and axes")
    node.require(x[1].lower(node.ranges) > 0, "there are no channels")
    count = len(x) - 2
    node.require(node.attr("kernel_shape") is not None, "the attribute 'kernel_shape' is missing")
    kernel = listed(node, "kernel_shape", count, 1, 1)
    windows = windows_of(node, x[2:], kernel)
    for window in windows:
        inside = max(window.before, window.after) < window.kernel
        given = node.attr("pads") is not None
        node.require(inside or not given, "pads are not smaller than the kernel")
        reach = window.places * window.stride - window.stride + window.span - window.padded
        gaps = reach.upper(node.ranges) < 0 and node.attr("auto_pad") in SAME
        node.require(not gaps, "auto_pad of windows that leave elements out is not supported")
    check_pieces(node, windows)
    return windows


def _pooled_dims(node: Node) -> Sequence[Dims]:
    places = tuple(window.places for window in _windows(node))
    return [(*node.source.shape[:2], *places)] * len(node.op.results)


def _rows(b: Build, x: SSAValue, windows: Sequence[Window], value: float) -> SSAValue:
    """`[..., places, taps]`: the axes of places as they are, all taps as one axis."""
    spread, lead = laid(b, x, 2, windows, value), tensor_of(x).shape[:2]
    count = len(windows)
    order = [0, 1, *(2 + 2 * i for i in range(count)), *(3 + 2 * i for i in range(count))]
    taps = int(np.prod([window.kernel for window in windows]))
    dims = (*lead, *(window.places for window in windows), taps)
    return b.reshape(b.transpose(spread, order), dims)


def _reduced(b: Build, fn: str, rows: SSAValue) -> SSAValue:
    dims = tensor_of(rows).shape
    return b.reshape(b.reduce(fn, rows, (-1,)), dims[:-1])


def _least(dtype: ElementType) -> float:
    """What no element is below."""
    return -np.inf if dtype.is_float else int(np.iinfo(dtype.dtype).min)


@operator("MaxPool", shape=_pooled_dims, limits=[*LIMITS, only("storage_order", 0, 1, None)])
def max_pool(b: Build, node: Node) -> Sequence[SSAValue]:
    x, windows = node.first, _windows(node)
    rows = _rows(b, x, windows, _least(node.source.dtype))
    top = _reduced(b, "max", rows)
    return (top, _places(b, node, rows, top)) if node.is_read(1) else (top,)


def _places(b: Build, node: Node, rows: SSAValue, top: SSAValue) -> SSAValue:
    """Where in the flat input the first of the largest elements of each window stands."""
    windows, dims = _windows(node), node.source.shape
    flat = b.iota(0, (0, 0, *_steps(dims[2:])), (1, 1, *dims[2:]))
    own = _rows(b, flat, windows, NOWHERE)
    largest = b.map("eq", rows, b.reshape(top, (*tensor_of(top).shape, 1)))
    found = b.select(largest, own, constant(b, NOWHERE, own))
    first = _reduced(b, "min", found)
    if node.attr("storage_order") == 1:
        first = _by_columns(b, first, dims[2:])
    count = elements(dims[2:])
    images = b.iota(0, (dims[1] * count, count, *(0,) * (len(dims) - 2)), tensor_of(top).shape)
    return b.map("add", first, images)


def _steps(dims: Dims) -> list[Affine]:
    return [elements(dims[axis + 1 :]) for axis in range(len(dims))]


def _by_columns(b: Build, place: SSAValue, dims: Dims) -> SSAValue:
    """A place that counts the last axis fastest, counting the first axis fastest."""
    total = constant(b, 0, place)
    for axis, step in enumerate(_steps(dims)):
        index = b.map("div", place, extent(b, step))
        place = b.map("sub", place, b.map("mul", index, extent(b, step)))
        total = b.map("add", total, b.map("mul", index, extent(b, elements(dims[:axis]))))
    return total


@operator("AveragePool", shape=_pooled_dims, limits=LIMITS)
def average_pool(b: Build, node: Node) -> SSAValue:
    """The sum of each window over the number of elements that count as its own."""
    x, windows = wide(b, node.first), _windows(node)
    total = _reduced(b, "sum", _rows(b, x, windows, 0.0))
    with_pads = "count_include_pad" in node.op.schema.attributes and node.flag("count_include_pad")
    for axis, window in enumerate(windows, start=2):
        total = b.map("div", total, _counted(b, window, with_pads, axis, len(windows) + 2))
    return b.cast(total, node.result.dtype)


def _counted(b: Build, window: Window, with_pads: bool, axis: int, rank: int) -> SSAValue:
    """How many taps of each place along an axis count: those on elements, or on pads, too."""
    if with_pads:
        window = window._replace(extent=window.extent + window.before + window.after)
        window = window._replace(before=0, after=0)
    if not (window.before or window.after or window.beyond):
        return b.scalar(window.kernel, ElementType.F32)
    ones = b.fill(1.0, (window.extent,), ElementType.F32)
    counts = b.reduce("sum", laid(b, ones, 0, [window], 0.0), (1,))
    return b.reshape(counts, [window.places if i == axis else 1 for i in range(rank)])


def _lp_dims(node: Node) -> Sequence[Dims]:
    _power(node)
    return _pooled_dims(node)


def _power(node: Node) -> int:
    p = node.number("p")
    node.require(p >= 1 and p == int(p), f"p is {p}, expected a whole number above 0")
    return int(p)


def _norm(b: Build, rows: SSAValue, p: int) -> SSAValue:
    """The p-th root of the sum of p-th powers along the last axis."""
    x = b.map("abs", rows)
    if p == 1:
        return _reduced(b, "sum", x)
    if p == 2:
        return b.map("sqrt", _reduced(b, "sum", b.map("mul", x, x)))
    total = _reduced(b, "sum", b.map("pow", x, constant(b, p, x)))
    return b.map("pow", total, constant(b, 1 / p, total))


@operator("LpPool", shape=_lp_dims, limits=LIMITS)
def lp_pool(b: Build, node: Node) -> SSAValue:
    rows = _rows(b, wide(b, node.first), _windows(node), 0.0)
    return b.cast(_norm(b, rows, _power(node)), node.result.dtype)


def _global_dims(node: Node) -> Sequence[Dims]:
    x = node.source.shape
    node.require(len(x) >= 3, f"the input has rank {len(x)}, expected a batch, channels and axes")
    filled = all(extent.lower(node.ranges) > 0 for extent in x[1:])
    node.require(filled, "an axis has no elements")
    _power(node)
    return [(*x[:2], *(Affine(1),) * (len(x) - 2))]


@operator("GlobalLpPool", shape=_global_dims)
def global_lp_pool(b: Build, node: Node) -> SSAValue:
    x, dims = wide(b, node.first), node.source.shape
    rows = b.reshape(x, (*dims[:2], elements(dims[2:])))
    found = b.cast(_norm(b, rows, _power(node)), node.result.dtype)
    return b.reshape(found, node.result.shape)


def _neighbours(node: Node) -> Window:
    channels, size = node.source.shape[1], node.integer("size")
    node.require(0 < size <= LARGEST and size % 2 == 1, f"size is {size}, expected an odd number")
    half = (size - 1) // 2
    return Window(channels, size, before=half, after=half, places=channels)


def _local_dims(node: Node) -> Sequence[Dims]:
    dims = node.dims("X", 4)
    node.require(dims[1].lower(node.ranges) > 0, "there are no channels")
    for name in ("alpha", "beta"):
        node.require(node.number(name) > 0, f"{name} is {node.number(name)}, expected more than 0")
    check_pieces(node, [_neighbours(node)])
    return [dims]


@operator("LRN", shape=_local_dims, limits=[Limit(f"more than {SLICES} neighbours of a channel")])
def local_response_normalization(b: Build, node: Node) -> SSAValue:
    """x / (bias + alpha / size * sum of the squares of the channels around it) ^ beta"""
    x, window = wide(b, node.first), _neighbours(node)
    squares = laid(b, b.map("mul", x, x), 1, [window], 0.0)
    total = b.reshape(b.reduce("sum", squares, (2,)), node.source.shape)
    factor = constant(b, node.number("alpha") / node.integer("size"), total)
    total = b.map("add", b.map("mul", total, factor), constant(b, node.number("bias"), total))
    scale = b.map("pow", total, constant(b, node.number("beta"), total))
    return b.cast(b.map("div", x, scale), node.result.dtype)
