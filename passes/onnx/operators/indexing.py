"""
Operators that read or write at computed places.

All come down to a gather or scatter of rows: places in several dimensions become the row-major
number of a row, `sum(index[d] * stride[d])`, after negative indices have been counted from the end.
An index that leaves its own dimension may still name a row: the number is then `OUTSIDE`, which the
gather or scatter traps on as on any number that is none of a row.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

from xdsl.ir import SSAValue

from dialects.affine import Affine
from dialects.lpu.tensors import tensor_of
from passes.analysis.content import Content, as_line, line_through
from passes.analysis.moves import taken
from passes.onnx.operators.node import Dims, Node
from passes.onnx.operators.record import Limit, operator
from passes.onnx.operators.terms import along, constant, extent, strides
from passes.onnx.operators.terms import elements as count
from passes.rewriting.build import Build
from runtime.numerics.elements import ElementType

OUTSIDE = -(1 << 62)
"""The number of no row, also when it is counted from the end."""
SCATTERS = {"none": "set", "add": "add", "mul": "mul", "max": "max", "min": "min"}


def _gathered_dims(node: Node) -> Sequence[Dims]:
    data = node.dims("data")
    axis, indices = node.axis(len(data)), node.dims("indices")
    held = data[axis] != Affine() or Affine() in indices
    node.require(held, f"axis {axis} has no elements to look up")
    return [(*data[:axis], *indices, *data[axis + 1 :])]


def _gathered(node: Node) -> Content | None:
    """What constant indices take out of a small array."""
    data, indices = node.elements("data"), node.elements("indices")
    if data is None or indices is None:
        return None
    return taken(data, indices, node.axis(data.array.ndim))


@operator("Gather", shape=_gathered_dims, contents=_gathered)
def gather(b: Build, node: Node) -> SSAValue:
    indices = b.cast(node.value("indices"), ElementType.I64)
    return b.gather(node.value("data"), indices, node.axis(node.source.rank))


def from_start(b: Build, indices: SSAValue, length: Affine) -> SSAValue:
    """i64 indices of which negative ones have been counted from the end."""
    indices = b.cast(indices, ElementType.I64)
    negative = b.map("lt", indices, constant(b, 0, indices))
    return b.select(negative, b.map("add", indices, extent(b, length)), indices)


def is_inside(b: Build, indices: SSAValue, length: Affine, *, from_end: bool = True) -> SSAValue:
    """Where indices name one of `length` places; negative ones count from the end, if any may."""
    indices = b.cast(indices, ElementType.I64)
    first = b.map("ge", indices, extent(b, length * -1 if from_end else Affine()))
    return b.map("and", first, b.map("lt", indices, extent(b, length)))


def or_outside(b: Build, inside: SSAValue, places: SSAValue) -> SSAValue:
    """Numbers of rows where a condition holds, and elsewhere one that traps."""
    return b.select(inside, places, constant(b, OUTSIDE, places))


def from_zero(b: Build, indices: SSAValue) -> SSAValue:
    """i64 indices of which negative ones are a trap, not places counted from the end."""
    indices = b.cast(indices, ElementType.I64)
    return or_outside(b, b.map("ge", indices, constant(b, 0, indices)), indices)


def demand(b: Build, holds: SSAValue, value: SSAValue) -> SSAValue:
    """An integer, or a trap at the node where a condition fails: a row that is none is read."""
    zero = b.fill(0, (1,), tensor_of(value).dtype)
    first = b.scalar(0, ElementType.I64)
    row = b.select(holds, first, constant(b, OUTSIDE, first))
    return b.map("add", value, b.gather(zero, row, 0))


def _times(b: Build, x: SSAValue, factor: Affine) -> SSAValue:
    return x if factor == Affine(1) else b.map("mul", x, extent(b, factor))


def _element_places(b: Build, node: Node, axis: int) -> SSAValue:
    """For each index the row-major number of the element it names along `axis`."""
    shape, indices = node.dims("data"), node.value("indices")
    steps = strides(shape)
    if len(shape) == 1:
        return b.cast(indices, ElementType.I64)
    own = _times(b, from_start(b, indices, shape[axis]), steps[axis])
    others = [Affine() if d == axis else step for d, step in enumerate(steps)]
    places = b.map("add", own, b.iota(0, others, tensor_of(indices).shape))
    return or_outside(b, is_inside(b, indices, shape[axis]), places)


def _along_axis(node: Node) -> Dims:
    """Indices of the rank of the data, which reach no further along the other axes."""
    data, indices = node.dims("data"), node.dims("indices")
    axis = node.axis(len(data))
    node.require(len(indices) == len(data), "data and indices differ in rank")
    for at, (held, asked) in enumerate(zip(data, indices, strict=True)):
        if at != axis and (held - asked).lower(node.ranges) < 0:
            raise node.refusal(f"the indices have {asked} rows on axis {at}, the data {held}")
    return indices


@operator("GatherElements", shape=lambda node: [_along_axis(node)])
def gather_elements(b: Build, node: Node) -> SSAValue:
    places = _element_places(b, node, node.axis(node.source.rank))
    return b.gather(b.reshape(node.value("data"), (count(node.source.shape),)), places, 0)


def _combination(node: Node) -> str:
    """The function that puts updates into place."""
    known = "reduction" in node.op.schema.attributes
    reduction = str(node.attr("reduction")) if known else "none"
    if reduction not in SCATTERS:
        raise node.refusal(f"there is no reduction '{reduction}'")
    return SCATTERS[reduction]


def _scatter_rows(
    b: Build, node: Node, rows: Sequence[Affine], rest: Sequence[Affine], places: SSAValue
) -> SSAValue:
    """Scatter `updates` into `data` seen as [rows, rest]."""
    number, width = count(tensor_of(places).shape), count(rest)
    scattered = b.scatter(
        _combination(node),
        b.reshape(node.value("data"), (count(rows), width)),
        b.reshape(places, (number,)),
        b.reshape(node.value("updates"), (number, width)),
    )
    return b.reshape(scattered, node.source.shape)


def _scattered_dims(node: Node) -> Sequence[Dims]:
    _combination(node)
    node.expect_dims("updates", _along_axis(node))
    return [node.source.shape]


@operator("ScatterElements", "Scatter", shape=_scattered_dims)
def scatter_elements(b: Build, node: Node) -> SSAValue:
    shape = node.source.shape
    places = _element_places(b, node, node.axis(len(shape)))
    return _scatter_rows(b, node, shape, (), places)


def _row_places(b: Build, node: Node, dims: Sequence[Affine], batch: int) -> SSAValue:
    """The row numbers named by the last axis of `indices`, after `batch` axes in common."""
    indices = node.value("indices")
    lead, steps = tensor_of(indices).shape[:-1], strides(dims)
    first = [steps[axis] if axis < batch else Affine() for axis in range(len(lead))]
    named = [b.reshape(b.slice_axis(indices, -1, at, 1), lead) for at in range(len(dims) - batch)]
    if not batch and len(named) == 1:
        return b.cast(named[0], ElementType.I64)
    places = b.iota(0, first, lead)
    inside: list[SSAValue] = []
    for axis, index in enumerate(named, start=batch):
        term = _times(b, from_start(b, index, dims[axis]), steps[axis])
        places = b.map("add", places, term)
        inside.append(is_inside(b, index, dims[axis]))
    return or_outside(b, reduce(lambda x, y: b.map("and", x, y), inside), places)


def _depth(node: Node) -> int:
    """How many leading axes index tuples name, those in common included."""
    data, indices = node.dims("data"), node.dims("indices")
    node.require(bool(data and indices), "data and indices of rank 0 are not supported")
    batch, length = _batch_axes(node), indices[-1]
    if not length.is_const or not 0 < length.const <= len(data) - batch:
        raise node.refusal(f"index tuples of length {length} for {len(data) - batch} axes")
    common = batch < len(indices) and data[:batch] == indices[:batch]
    node.require(common, f"data and indices differ in the first {batch} axes")
    return batch + length.const


def _batch_axes(node: Node) -> int:
    value = node.attr("batch_dims") if "batch_dims" in node.op.schema.attributes else 0
    node.require(isinstance(value, int) and value >= 0, f"batch_dims is {value}")
    return value if isinstance(value, int) else 0


def _tuple_dims(node: Node) -> Sequence[Dims]:
    depth = _depth(node)
    return [(*node.dims("indices")[:-1], *node.dims("data")[depth:])]


@operator("GatherND", shape=_tuple_dims, limits=[Limit("index tuples of symbolic length")])
def gather_nd(b: Build, node: Node) -> SSAValue:
    shape, depth = node.source.shape, _depth(node)
    places = _row_places(b, node, shape[:depth], _batch_axes(node))
    rows = b.reshape(node.value("data"), (count(shape[:depth]), *shape[depth:]))
    return b.gather(rows, places, 0)


def _scattered_tuples(node: Node) -> Sequence[Dims]:
    _combination(node)
    node.expect_dims("updates", *_tuple_dims(node))
    return [node.source.shape]


@operator("ScatterND", shape=_scattered_tuples, limits=[Limit("index tuples of symbolic length")])
def scatter_nd(b: Build, node: Node) -> SSAValue:
    shape, depth = node.source.shape, _depth(node)
    if (begin := _run_of_rows(node)) is not None:
        return _put(b, node, begin)
    places = _row_places(b, node, shape[:depth], 0)
    return _scatter_rows(b, node, shape[:depth], shape[depth:], places)


def _run_of_rows(node: Node) -> int | None:
    """Where rows begin that follow each other and are set, as `x[2:5] = y` is exported."""
    indices, rows = node.dims("indices"), node.source.shape[0]
    if _combination(node) != "set" or len(indices) != 2 or indices[1] != Affine(1):
        return None
    content = node.lookup(node.value("indices"))
    held = node.elements("indices") if as_line(content, node.tensor("indices")) is None else None
    line = as_line(content, node.tensor("indices")) if held is None else line_through(held)
    if line is None or not line.base.is_const or not indices[0].is_const:
        return None
    follows = indices[0] == Affine(1) or line.coefficients[0] == Affine(1)
    is_inside = line.base.const >= 0 and (rows - line.base - indices[0]).lower(node.ranges) >= 0
    return line.base.const if follows and is_inside and indices[0].const else None


def _put(b: Build, node: Node, begin: int) -> SSAValue:
    """The rows before, those that are set, and the rows behind."""
    data, updates = node.value("data"), node.value("updates")
    end = begin + node.dims("indices")[0].const
    behind = node.source.shape[0] - end
    parts = [b.slice_axis(data, 0, 0, begin)] if begin else []
    parts += [updates]
    parts += [b.slice_axis(data, 0, end, behind)] if behind != Affine() else []
    return b.concat(parts, 0)


def _one_hot_dims(node: Node) -> Sequence[Dims]:
    shape, depth = list(node.dims("indices")), node.element("depth")
    node.require(bool(shape), "indices of rank 0")
    node.expect_dims("depth", (), (Affine(1),))
    if node.tensor("depth").dtype.is_float:
        real = node.real("depth")
        depth = None if real is None else Affine(int(real))
    if depth is None:
        raise node.refusal("the depth depends on data, not on shapes alone", "make it a constant")
    node.require(depth.lower(node.ranges) > 0, f"the depth is {depth}, and must be positive")
    node.expect_dims("values", (Affine(2),))
    shape.insert(node.axis(len(shape) + 1), depth)
    return [tuple(shape)]


@operator("OneHot", shape=_one_hot_dims, limits=[Limit("a depth that depends on data")])
def one_hot(b: Build, node: Node) -> SSAValue:
    """Compare with the places along the new axis."""
    indices, values, dims = node.value("indices"), node.value("values"), node.result.shape
    axis = node.axis(len(dims))
    lead = tensor_of(indices).shape
    places = b.reshape(from_start(b, indices, dims[axis]), (*lead[:axis], 1, *lead[axis:]))
    columns = along(b, len(dims), axis, dims[axis])
    off = b.reshape(b.slice_axis(values, 0, 0, 1), ())
    on = b.reshape(b.slice_axis(values, 0, 1, 1), ())
    return b.select(b.map("eq", places, columns), on, off)


def _triangle_dims(node: Node) -> Sequence[Dims]:
    node.require(node.source.rank >= 2, "a tensor of rank below 2 has no triangle")
    node.expect_dims("k", (), (Affine(1),))
    return [node.source.shape]


@operator("Trilu", shape=_triangle_dims)
def triangle(b: Build, node: Node) -> SSAValue:
    """Keep elements whose distance from the diagonal, column - row, is >= k or <= k."""
    source, k = node.value("input"), node.get("k")
    rows, columns = tensor_of(source).shape[-2:]
    distance = b.iota(0, (-1, 1), (rows, columns))
    bound = constant(b, 0, distance) if k is None else b.reshape(k, ())
    kept = b.map("ge" if node.flag("upper") else "le", distance, bound)
    return b.select(kept, source, constant(b, 0, source))
