"""The element of a sum or product of what no token decides."""

from __future__ import annotations

from xdsl.ir import SSAValue

from dialects.lpu.products import MatmulOp, ReduceOp, ScanOp
from dialects.lpu.tensors import tensor_of
from passes.lpu.causal.intervals import UNKNOWN, Known, point
from passes.lpu.causal.places import ONE, Place, index_of
from passes.lpu.causal.reader import Reader, spread, unbounded, unknown


def reduce_(reader: Reader, op: ReduceOp, place: Place, value: SSAValue) -> Known:
    """Of as many elements in a step; of keys only what adds nothing for those behind the row."""
    dims, found = op.source_tensor().shape, list(place)
    total = _total(reader, op, place)
    if total is not None:
        return total
    for axis in op.axes.data:
        found[axis] = reader.fresh(dims[axis])
        if reader.strict and not dims[axis].is_const:
            later = reader.lenient()
            found[axis] = ((reader.names.key(1), dims[axis]),)
            adds = later.read(op.source, tuple(found))
            if op.fn.data not in ("sum", "max") or adds != point(0):
                reader.blame(op)
            found[axis] = ((reader.names.key(-1), dims[axis]),)
    reader.shifts(op, reader.read(op.source, tuple(found)).line)
    return unbounded(tensor_of(value).dtype)


def _total(reader: Reader, op: ReduceOp, place: Place) -> Known | None:
    """The sum of as many ones as there are tokens."""
    dims = op.source_tensor().shape
    extents = [dims[axis] for axis in op.axes.data if dims[axis] != ONE]
    if op.fn.data != "sum" or not op.result_tensor().dtype.is_int or len(extents) != 1:
        return None
    if dict(extents[0].terms) != {reader.names.past: 1}:
        return None
    summed = [reader.fresh(d) if n in op.axes.data else place[n] for n, d in enumerate(dims)]
    held = reader.lenient().read(op.source, tuple(summed))
    extent = reader.numbers.counted(extents[0], reader.names) if reader.strict else extents[0]
    return Known(extent * held.line.const, 0, 0) if held.is_point and held.is_line else None


def scan(reader: Reader, op: ScanOp, place: Place, value: SSAValue) -> Known:
    """Of one number everywhere it counts."""
    axis = op.axis.value.data
    held = reader.read(op.source, place)
    if not held.is_point or not held.is_line:
        return unknown(reader, op, place, value)
    count = index_of(place[axis]) + (1 - op.exclusive.value.data)
    return Known(count * held.line.const, 0, 0)


def matmul(reader: Reader, op: MatmulOp, place: Place, _value: SSAValue) -> Known:
    inner = tensor_of(op.lhs).shape[-1]
    if not inner.is_const:
        reader.blame(op)
    *batch, row, column = place
    middle = reader.fresh(inner)
    for operand, last in ((op.lhs, (row, middle)), (op.rhs, (middle, column))):
        lead = spread(tensor_of(operand).shape[:-2], tuple(batch))
        reader.shifts(op, reader.read(operand, (*lead, *last)).line)
    return UNKNOWN
