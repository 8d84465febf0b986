"""Norms over other axes than the last, and what is pooled over whole images."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.ir import SSAValue

from dialects.affine import Affine
from dialects.lpu.tensors import tensor_of
from passes.onnx.operators.node import Dims, Node
from passes.onnx.operators.normalization import inverse_deviation
from passes.onnx.operators.record import Limit, only, operator
from passes.onnx.operators.reductions import l2_norm, reduce_mean, topk_along
from passes.onnx.operators.terms import along, constant, elements, wide
from passes.rewriting.build import Build
from runtime.numerics.elements import ElementType


def _along_axis(node: Node) -> Sequence[Dims]:
    shape = node.source.shape
    node.require(Affine() not in shape[node.axis(len(shape)) :], "an axis has no elements")
    return [shape]


def _largest(b: Build, x: SSAValue, axis: int) -> SSAValue:
    """1 at the first of the largest elements along an axis, else 0."""
    dims = tensor_of(x).shape
    _, places = topk_along(b, x, axis, 1, largest=True)
    columns = along(b, len(dims), axis, dims[axis])
    return b.select(b.map("eq", columns, places), constant(b, 1.0, x), constant(b, 0.0, x))


@operator("Hardmax", shape=_along_axis)
def hardmax(b: Build, node: Node) -> SSAValue:
    """Along one axis; before opset 13 along that axis and all after it."""
    x, dims, axis = node.first, node.source.shape, node.axis(node.source.rank)
    if node.op.since_version >= 13:
        return _largest(b, x, axis)
    rows = b.reshape(x, (elements(dims[:axis]), elements(dims[axis:])))
    return b.reshape(_largest(b, rows, 1), dims)


@operator("LpNormalization", shape=_along_axis, limits=[only("p", 2, 1)])
def lp_normalization(b: Build, node: Node) -> SSAValue:
    """x over the norm along an axis, 0 where that is 0."""
    x, axes = wide(b, node.first), [node.axis(node.source.rank)]
    size = b.reduce("sum", b.map("abs", x), axes)
    norm = size if node.integer("p") == 1 else l2_norm(b, x, axes)
    zero = constant(b, 0.0, x)
    divided = b.map("div", x, norm)
    return b.cast(b.select(b.map("eq", norm, zero), zero, divided), node.result.dtype)


def _by_channel(b: Build, node: Node, name: str) -> SSAValue:
    """A parameter of each channel as [channels, 1, ..., 1], in f32."""
    value = b.cast(node.value(name), ElementType.F32)
    return b.reshape(value, (*tensor_of(value).shape, *(1,) * (node.source.rank - 2)))


def _channel_dims(node: Node, names: Sequence[str]) -> Sequence[Dims]:
    shape = node.source.shape
    node.require(len(shape) >= 2, "the tensor has no axis of channels")
    for name in names:
        node.expect_dims(name, shape[1:2])
    return [shape] * len(node.op.results)


def _batch_dims(node: Node) -> Sequence[Dims]:
    names = [formal.name for formal in node.op.schema.inputs[1:]]
    return _channel_dims(node, names)


@operator(
    "BatchNormalization",
    shape=_batch_dims,
    limits=[
        only("training_mode", 0, None),
        Limit("more than one result", lambda node: len(node.op.results) > 1),
        only("spatial", 1, None),
        Limit("opset 6 and older", lambda node: node.op.since_version < 7),
    ],
)
def batch_normalization(b: Build, node: Node) -> SSAValue:
    """(x - mean) / sqrt(var + epsilon) * scale + bias, of each channel."""
    _, scale, bias, mean, variance = (formal.name for formal in node.op.schema.inputs)
    x = b.cast(node.first, ElementType.F32)
    spread = _by_channel(b, node, variance)
    spread = b.map("sqrt", b.map("add", spread, constant(b, node.number("epsilon"), spread)))
    centred = b.map("sub", x, _by_channel(b, node, mean))
    factor = b.map("div", _by_channel(b, node, scale), spread)
    total = b.map("add", b.map("mul", centred, factor), _by_channel(b, node, bias))
    return b.cast(total, node.result.dtype)


@operator("InstanceNormalization", shape=lambda node: _channel_dims(node, ("scale", "B")))
def instance_normalization(b: Build, node: Node) -> SSAValue:
    """Each channel of each image on its own."""
    x, axes = b.cast(node.first, ElementType.F32), range(2, node.source.rank)
    centred = b.map("sub", x, reduce_mean(b, x, axes))
    normal = b.map("mul", centred, inverse_deviation(b, centred, axes, node.number("epsilon")))
    scaled = b.map("mul", normal, _by_channel(b, node, "scale"))
    return b.cast(b.map("add", scaled, _by_channel(b, node, "B")), node.result.dtype)


def pooled_dims(node: Node) -> Sequence[Dims]:
    """One number for each image and channel, of all that lies behind."""
    shape = node.source.shape
    node.require(len(shape) >= 3, "the tensor has no axis of space")
    held = Affine() not in shape[1:] or shape[0] == Affine()
    node.require(held, "images without elements have no average and no maximum")
    return [(*shape[:2], *(Affine(1),) * (len(shape) - 2))]


@operator("GlobalAveragePool", "GlobalMaxPool", shape=pooled_dims)
def global_pool(b: Build, node: Node) -> SSAValue:
    x, axes = wide(b, node.first), range(2, node.source.rank)
    average = node.op.OP_TYPE == "GlobalAveragePool"
    pooled = reduce_mean(b, x, axes) if average else b.reduce("max", x, axes)
    return b.cast(pooled, node.result.dtype)
