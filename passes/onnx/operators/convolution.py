"""
Convolutions: windows of the input as rows of a matrix, times the weights of each group.

Where every channel has a kernel of its own, as decoders mix neighbouring tokens, products are
summed along the taps alone.
"""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.ir import SSAValue

from dialects.affine import Affine
from dialects.lpu.tensors import tensor_of
from passes.onnx.operators.node import Dims, Node
from passes.onnx.operators.record import operator
from passes.onnx.operators.terms import elements, flipped, wide
from passes.onnx.operators.windows import (
    LIMITS,
    SLIDING,
    Window,
    check_pieces,
    laid,
    listed,
    padded,
    windows_of,
)
from passes.rewriting.build import Build

ONE = Affine(1)


def _checked(node: Node, x: Dims, w: Dims) -> tuple[int, list[int]]:
    """Groups and kernel; refused where ranks or extents do not fit."""
    node.require(len(x) >= 3, f"the input has rank {len(x)}, expected a batch, channels and axes")
    node.require(len(w) == len(x), f"weights of rank {len(w)} for an input of rank {len(x)}")
    fixed = all(extent.is_const and extent.const > 0 for extent in (x[1], *w))
    node.require(fixed, "channels and extents of the weights must be numbers above 0")
    groups, kernel = node.integer("group"), [extent.const for extent in w[2:]]
    given = node.numbers("kernel_shape")
    fits = given in (None, kernel)
    node.require(fits, f"the kernel_shape {given} is not that of the weights, {kernel}")
    divides = 0 < groups <= x[1].const and x[1].const % groups == 0
    node.require(divides, f"{x[1]} channels do not make {groups} groups")
    return groups, kernel


def convolution_windows(node: Node, x: Dims, w: Dims) -> tuple[int, list[Window]]:
    """Groups, and how the kernel slides; all operands but the bias are checked."""
    groups, kernel = _checked(node, x, w)
    node.expect("the channels of the weights", w[1] * groups, x[1])
    divides = w[0].const % groups == 0
    node.require(divides, f"{w[0]} results do not make {groups} groups")
    windows = windows_of(node, x[2:], kernel)
    check_pieces(node, windows)
    return groups, windows


def _conv_dims(node: Node) -> Sequence[Dims]:
    x, w = node.dims("X"), node.dims("W")
    _, windows = convolution_windows(node, x, w)
    node.expect_dims("B", w[:1])
    return [(x[0], w[0], *(window.places for window in windows))]


@operator("Conv", shape=_conv_dims, limits=LIMITS)
def conv(b: Build, node: Node) -> SSAValue:
    x, w = node.value("X"), node.value("W")
    groups, windows = convolution_windows(node, tensor_of(x).shape, tensor_of(w).shape)
    return _with_bias(b, node, convolved(b, x, w, groups, windows))


def _with_bias(b: Build, node: Node, y: SSAValue) -> SSAValue:
    bias = node.get("B")
    if bias is None:
        return y
    spread = (*tensor_of(bias).shape, *(1,) * (tensor_of(y).rank - 2))
    return b.map("add", y, b.reshape(bias, spread))


def convolved(
    b: Build, x: SSAValue, w: SSAValue, groups: int, windows: Sequence[Window]
) -> SSAValue:
    """`[N, C, ...]` with `[M, C / groups, ...]`, as `[N, M, ...]`."""
    dims, weights = tensor_of(x).shape, tensor_of(w).shape
    spread = laid(b, x, 2, windows, 0.0)
    places = [window.places for window in windows]
    count, taps = len(windows), elements(weights[2:])
    at, tap = [2 + 2 * i for i in range(count)], [3 + 2 * i for i in range(count)]
    if weights[1] == ONE and weights[0] == dims[1]:
        rows = b.transpose(spread, [0, 1, *at, *tap])
        rows = b.reshape(rows, (*dims[:2], elements(places), taps))
        return b.reshape(_by_channel(b, rows, w), (*dims[:2], *places))
    own = (dims[1] // groups, weights[0] // groups)
    spread = b.reshape(spread, (dims[0], groups, own[0], *tensor_of(spread).shape[2:]))
    order = [0, 1, *(i + 1 for i in at), 2, *(i + 1 for i in tap)]
    rows = b.transpose(spread, order)
    rows = b.reshape(rows, (dims[0], groups, elements(places), own[0] * taps))
    matrices = b.transpose(b.reshape(w, (groups, own[1], own[0] * taps)), (0, 2, 1))
    found = b.transpose(b.matmul(rows, matrices), (0, 1, 3, 2))
    return b.reshape(found, (dims[0], weights[0], *places))


def _by_channel(b: Build, rows: SSAValue, w: SSAValue) -> SSAValue:
    """`[N, C, places, taps]` with one kernel for each channel."""
    dims = tensor_of(rows).shape
    kernels = b.reshape(w, (dims[1], 1, dims[3]))
    products = b.map("mul", wide(b, rows), wide(b, kernels))
    return b.cast(b.reduce("sum", products, (3,)), tensor_of(rows).dtype)


def _transposed_windows(node: Node) -> tuple[int, list[Window]]:
    """Groups, and windows of a kernel that slides over the input once it is spread."""
    x, w = node.dims("X"), node.dims("W")
    groups, kernel = _checked(node, x, w)
    node.expect("the inputs of the weights", w[0], x[1])
    count, mode = len(kernel), node.attr("auto_pad")
    strides, dilations = (listed(node, name, count, 1, 1) for name in ("strides", "dilations"))
    more = listed(node, "output_padding", count, 0, 0)
    pads = listed(node, "pads", 2 * count, 0, 0)
    node.require(mode == "NOTSET" or node.attr("pads") is None, "auto_pad and pads are given")
    asked = _asked(node, x[2:], strides)
    found: list[Window] = []
    for i, (extent, taps) in enumerate(zip(x[2:], kernel, strict=True)):
        node.require(extent.lower(node.ranges) > 0, f"axis {i + 2} has no elements")
        own = Window((extent - 1) * strides[i] + 1, taps, strides[i], dilations[i])
        whole = own.extent + own.span - 1 + more[i]
        ends = (pads[i], pads[count + i])
        if asked is not None:
            ends = _cut(node, whole - asked[i], mode == "SAME_UPPER")
        fits = more[i] - min(*ends, 0) < strides[i] and (mode == "NOTSET" or min(ends) >= 0)
        node.require(fits, f"axis {i + 2} gets more elements than its stride leaves room for")
        places = whole - sum(ends)
        node.require(places.lower(node.ranges) > 0, f"the pads leave {places} on axis {i + 2}")
        before, after = own.span - 1 - ends[0], own.span - 1 - ends[1] + more[i]
        found.append(own._replace(before=before, after=after, places=places))
    return groups, found


def _asked(node: Node, axes: Dims, strides: Sequence[int]) -> list[Affine] | None:
    """The extents of the result where the node says them, rather than pads."""
    given = node.numbers("output_shape")
    if given is not None:
        node.require(len(given) == len(axes), f"output_shape {given} for {len(axes)} axes")
        node.require(min(given) > 0, f"output_shape {given} holds what is not above 0")
        return [Affine(extent) for extent in given]
    if not str(node.attr("auto_pad")).startswith("SAME"):
        return None
    return [extent * stride for extent, stride in zip(axes, strides, strict=True)]


def _cut(node: Node, total: Affine, upper: bool) -> tuple[int, int]:
    """What is cut off before and behind, so that the result has the extent that is asked for."""
    node.require(total.is_const, "an output_shape beside an extent that depends on a symbol")
    if total.const < 0:
        return 0, total.const
    small, large = total.const // 2, total.const - total.const // 2
    return (small, large) if upper else (large, small)


def _transposed_dims(node: Node) -> Sequence[Dims]:
    groups, windows = _transposed_windows(node)
    x, results = node.dims("X"), node.dims("W")[1] * groups
    check_pieces(node, [window._replace(stride=1) for window in windows])
    node.expect_dims("B", (results,))
    return [(x[0], results, *(window.places for window in windows))]


@operator("ConvTranspose", shape=_transposed_dims, limits=SLIDING)
def conv_transpose(b: Build, node: Node) -> SSAValue:
    """A convolution of the input with zeros between its elements, with the kernel turned round."""
    groups, windows = _transposed_windows(node)
    x, w = node.value("X"), node.value("W")
    for axis, window in enumerate(windows, start=2):
        x = _spread(b, x, axis, window.stride)
        w = flipped(b, w, axis) if window.kernel > 1 else w
    inputs, own, *kernel = tensor_of(w).shape
    w = b.reshape(w, (groups, inputs // groups, own, *kernel))
    w = b.transpose(w, (0, 2, 1, *range(3, 3 + len(kernel))))
    w = b.reshape(w, (own * groups, inputs // groups, *kernel))
    dense = [window._replace(stride=1) for window in windows]
    return _with_bias(b, node, convolved(b, x, w, groups, dense))


def _spread(b: Build, x: SSAValue, axis: int, stride: int) -> SSAValue:
    """With zeros between the elements of an axis, none behind the last."""
    if stride == 1:
        return x
    dims = tensor_of(x).shape
    lead, length, rest = dims[:axis], dims[axis], dims[axis + 1 :]
    column = b.reshape(x, (*lead, length, 1, *rest))
    filled = padded(b, column, axis + 1, (0, stride - 1), 0.0)
    whole = b.reshape(filled, (*lead, length * stride, *rest))
    return b.slice_axis(whole, axis, 0, (length - 1) * stride + 1)
