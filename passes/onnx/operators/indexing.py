"""
Operators that read or write at computed places.

All come down to a gather or scatter of rows: places in several dimensions become the row-major
number of a row, `sum(index[d] * stride[d])`, after negative indices have been counted from the end.
"""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.ir import SSAValue

from dialects.affine import Affine
from dialects.errors import unsupported
from dialects.lpu.ops import tensor_of
from dialects.onnx import OnnxOp
from passes.onnx.operators.registry import (
    attribute,
    constant,
    decompose,
    elements,
    extent,
    integer,
    operand,
    result,
    strides,
)
from passes.rewriting.build import Build
from runtime.numerics import ElementType

SCATTERS = {"none": "set", "add": "add", "mul": "mul", "max": "max", "min": "min"}


@decompose("Gather")
def gather(b: Build, op: OnnxOp) -> SSAValue:
    indices = b.cast(operand(op, "indices"), ElementType.I64)
    return b.gather(operand(op, "data"), indices, integer(op, "axis"))


def from_start(b: Build, indices: SSAValue, length: Affine) -> SSAValue:
    """i64 indices of which negative ones have been counted from the end."""
    indices = b.cast(indices, ElementType.I64)
    negative = b.map("lt", indices, constant(b, 0, indices))
    return b.select(negative, b.map("add", indices, extent(b, length)), indices)


def _times(b: Build, x: SSAValue, factor: Affine) -> SSAValue:
    return x if factor == Affine(1) else b.map("mul", x, extent(b, factor))


def _element_places(b: Build, op: OnnxOp, indices: SSAValue, axis: int) -> SSAValue:
    """For each index the row-major number of the element it names along `axis`."""
    shape = tensor_of(operand(op, "data")).shape
    steps = strides(op, shape)
    own = _times(b, from_start(b, indices, shape[axis]), steps[axis])
    others = [Affine() if d == axis else step for d, step in enumerate(steps)]
    return b.map("add", own, b.iota(0, others, tensor_of(indices).shape))


@decompose("GatherElements")
def gather_elements(b: Build, op: OnnxOp) -> SSAValue:
    data, indices = operand(op, "data"), operand(op, "indices")
    tensor = tensor_of(data)
    places = _element_places(b, op, indices, integer(op, "axis") % tensor.rank)
    return b.gather(b.reshape(data, (elements(op, tensor.shape),)), places, 0)


def _scatter_rows(
    b: Build, op: OnnxOp, rows: Sequence[Affine], rest: Sequence[Affine], places: SSAValue
) -> SSAValue:
    """Scatter `updates` into `data` seen as [rows, rest]."""
    data, updates = operand(op, "data"), operand(op, "updates")
    fn = SCATTERS.get(str(attribute(op, "reduction") or "none"))
    if fn is None:
        raise unsupported(op, f"reduction {op.attr('reduction')} is not supported")
    count, width = elements(op, tensor_of(places).shape), elements(op, rest)
    scattered = b.scatter(
        fn,
        b.reshape(data, (elements(op, rows), width)),
        b.reshape(places, (count,)),
        b.reshape(updates, (count, width)),
    )
    return b.reshape(scattered, tensor_of(data).shape)


@decompose("ScatterElements", "Scatter")
def scatter_elements(b: Build, op: OnnxOp) -> SSAValue:
    shape = tensor_of(operand(op, "data")).shape
    places = _element_places(b, op, operand(op, "indices"), integer(op, "axis") % len(shape))
    return _scatter_rows(b, op, shape, (), places)


def _row_places(
    b: Build, op: OnnxOp, dims: Sequence[Affine], indices: SSAValue, batch: int
) -> SSAValue:
    """The row numbers named by the last axis of `indices`, after `batch` axes in common."""
    lead, steps = tensor_of(indices).shape[:-1], strides(op, dims)
    first = [steps[axis] if axis < batch else Affine() for axis in range(len(lead))]
    places = b.iota(0, first, lead) if any(step != Affine() for step in first) else None
    for component, axis in enumerate(range(batch, len(dims))):
        index = b.reshape(b.slice_axis(indices, -1, component, 1), lead)
        term = _times(b, from_start(b, index, dims[axis]), steps[axis])
        places = term if places is None else b.map("add", places, term)
    assert places is not None, "indices name one axis at least"
    return places


@decompose("GatherND")
def gather_nd(b: Build, op: OnnxOp) -> SSAValue:
    data, indices = operand(op, "data"), operand(op, "indices")
    shape, batch = tensor_of(data).shape, attribute(op, "batch_dims") or 0
    assert isinstance(batch, int)
    depth = batch + _depth(op, indices)
    places = _row_places(b, op, shape[:depth], indices, batch)
    rows = b.reshape(data, (elements(op, shape[:depth]), *shape[depth:]))
    return b.gather(rows, places, 0)


def _depth(op: OnnxOp, indices: SSAValue) -> int:
    """How many axes an index tuple names."""
    last = tensor_of(indices).shape[-1]
    if not last.is_const or last == Affine():
        raise unsupported(op, f"index tuples of length {last} are not supported")
    return last.const


@decompose("ScatterND")
def scatter_nd(b: Build, op: OnnxOp) -> SSAValue:
    shape, indices = tensor_of(operand(op, "data")).shape, operand(op, "indices")
    depth = _depth(op, indices)
    places = _row_places(b, op, shape[:depth], indices, 0)
    return _scatter_rows(b, op, shape[:depth], shape[depth:], places)


@decompose("OneHot")
def one_hot(b: Build, op: OnnxOp) -> SSAValue:
    """Compare with the places along the new axis, whose extent is in the type of the result."""
    indices, values = operand(op, "indices"), operand(op, "values")
    dims = result(op).shape
    axis = integer(op, "axis") % len(dims)
    lead = tensor_of(indices).shape
    places = b.reshape(from_start(b, indices, dims[axis]), (*lead[:axis], 1, *lead[axis:]))
    coefficients = [int(d == axis) for d in range(len(dims))]
    columns = b.iota(0, coefficients, [n if d == axis else 1 for d, n in enumerate(dims)])
    off = b.reshape(b.slice_axis(values, 0, 0, 1), ())
    on = b.reshape(b.slice_axis(values, 0, 1, 1), ())
    return b.select(b.map("eq", places, columns), on, off)


@decompose("Trilu")
def triangle(b: Build, op: OnnxOp) -> SSAValue:
    """Keep elements whose distance from the diagonal, column - row, is >= k or <= k."""
    source, k = operand(op, "input"), op.get("k")
    rows, columns = tensor_of(source).shape[-2:]
    distance = b.iota(0, (-1, 1), (rows, columns))
    bound = constant(b, 0, distance) if k is None else b.reshape(k, ())
    kept = b.map("ge" if integer(op, "upper") else "le", distance, bound)
    return b.select(kept, source, constant(b, 0, source))
