"""Operators that put rows where run-time numbers say: static caches, reversed sequences."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.ir import SSAValue

from dialects.lpu.tensors import tensor_of
from passes.onnx.operators.indexing import demand, is_inside, or_outside
from passes.onnx.operators.node import Dims, Node
from passes.onnx.operators.record import only, operator
from passes.onnx.operators.terms import along, constant, elements, extent, strides
from passes.rewriting.build import Build
from runtime.numerics.elements import ElementType


def _cache_axis(node: Node) -> int:
    axis = node.axis(node.source.rank)
    node.require(axis > 0, "the axis of batches cannot be written along")
    return axis


def _cache_dims(node: Node) -> Sequence[Dims]:
    axis, cache, update = _cache_axis(node), list(node.source.shape), node.dims("update")
    node.require(len(update) == len(cache), "the update has another rank than the cache")
    fits = (cache[axis] - update[axis]).lower(node.ranges) >= 0
    node.require(fits, f"an update of {update[axis]} rows in a cache of {cache[axis]}")
    node.expect_dims("update", (*cache[:axis], update[axis], *cache[axis + 1 :]))
    node.expect_dims("write_indices", tuple(cache[:1]))
    return [node.source.shape]


@operator("TensorScatter", shape=_cache_dims, limits=[only("mode", "linear", "circular")])
def tensor_scatter(b: Build, node: Node) -> SSAValue:
    """The cache with the rows of the update behind those that each batch entry has already."""
    cache, update, axis = node.value("past_cache"), node.value("update"), _cache_axis(node)
    dims, written = tensor_of(cache).shape, tensor_of(update).shape
    rows = along(b, axis + 1, axis, written[axis])
    starts = node.get("write_indices")
    if starts is not None:
        starts = b.cast(starts, ElementType.I64)
        rows = b.map("add", rows, b.reshape(starts, (dims[0], *(1,) * axis)))
    if node.attr("mode") == "circular":
        rows = b.map("mod", rows, extent(b, dims[axis]))
    steps = strides(dims[: axis + 1])[:-1]
    places = b.map("add", rows, b.iota(0, (*steps, 0), written[: axis + 1]))
    places = or_outside(b, is_inside(b, rows, dims[axis], from_end=False), places)
    count, width = elements(written[: axis + 1]), elements(dims[axis + 1 :])
    scattered = b.scatter(
        "set",
        b.reshape(cache, (elements(dims[: axis + 1]), width)),
        b.reshape(places, (count,)),
        b.reshape(update, (count, width)),
    )
    return b.reshape(scattered, dims)


def _sequence_axes(node: Node) -> tuple[int, int]:
    axes = node.integer("time_axis"), node.integer("batch_axis")
    node.require(sorted(axes) == [0, 1], f"time and batch are axes {axes}, expected 0 and 1")
    return axes


def _sequence_dims(node: Node) -> Sequence[Dims]:
    _, batch = _sequence_axes(node)
    node.require(node.source.rank >= 2, "sequences have two axes")
    node.expect_dims("sequence_lens", (node.source.shape[batch],))
    return [node.source.shape]


@operator("ReverseSequence", shape=_sequence_dims)
def reverse_sequence(b: Build, node: Node) -> SSAValue:
    """Of each batch entry the first elements, as many as it says, in reverse order."""
    x, dims, (time, batch) = node.first, node.source.shape, _sequence_axes(node)
    lengths = b.cast(node.value("sequence_lens"), ElementType.I64)
    lengths = b.reshape(lengths, [dims[i] if i == batch else 1 for i in (0, 1)])
    lengths = demand(b, is_inside(b, lengths, dims[time] + 1, from_end=False), lengths)
    place = along(b, 2, time, dims[time])
    mirrored = b.map("sub", b.map("sub", lengths, constant(b, 1, lengths)), place)
    taken = b.select(b.map("lt", place, lengths), mirrored, place)
    steps = strides(dims[:2])
    rows = b.map("mul", taken, extent(b, steps[time]))
    rows = b.map("add", rows, b.iota(0, [steps[i] if i == batch else 0 for i in (0, 1)], dims[:2]))
    return b.gather(b.reshape(x, (elements(dims[:2]), *dims[2:])), rows, 0)


def _matrix_dims(node: Node) -> Sequence[Dims]:
    return [node.dims("input", 2)]


@operator("EyeLike", shape=_matrix_dims)
def eye_like(b: Build, node: Node) -> SSAValue:
    """1 on the diagonal that `k` names, else 0."""
    distance = b.iota(0, (-1, 1), node.dims("input"))
    held = b.map("eq", distance, b.scalar(node.integer("k"), ElementType.I64))
    return b.cast(held, node.result.dtype)
