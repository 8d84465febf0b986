"""The element of a result that no token decides, from those of the operands: a rule for a class."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import numpy as np
from xdsl.ir import SSAValue

from dialects.affine import Affine, NotAffine
from dialects.lpu.contents import fill_value
from dialects.lpu.elementwise import CastOp, ConstantOp, FillOp, IotaOp, MapOp, SelectOp
from dialects.lpu.movement import (
    BroadcastOp,
    ConcatOp,
    GatherOp,
    ReshapeOp,
    ScatterOp,
    SliceOp,
    TransposeOp,
)
from dialects.lpu.products import MatmulOp, ReduceOp, ScanOp, TopkOp
from dialects.lpu.semantics import Scope, evaluate
from dialects.lpu.tensors import tensor_of
from passes.analysis.content import Line
from passes.analysis.lines import Lines
from passes.lpu.causal.element_sums import matmul, reduce_, scan
from passes.lpu.causal.intervals import NOTHING, Known, cast, lines_of, mapped, point
from passes.lpu.causal.places import FIRST, ONE, Coordinate, Place, index_of, regrouped
from passes.lpu.causal.reader import Reader, spread, unbounded, unknown
from runtime.numerics.elements import ElementType

LARGEST_TABLE = 1 << 24
"""Elements of a constant that is read for the bounds of some: a mask of 4096 positions."""

SMALL_TABLE = 64
"""The same where bounds are worth little."""


Rule = Callable[[Reader, Any, Place, SSAValue], Known]


def _iota(reader: Reader, op: IotaOp, place: Place, value: SSAValue) -> Known:
    first, *coefficients = op.coefficients.data
    base = reader.numbers.index(first, reader.names) if reader.strict else first
    if base is None:
        return unknown(reader, op, place, value)
    for coefficient, coordinate in zip(coefficients, place, strict=True):
        if coefficient != NOTHING:
            base = base + coefficient * index_of(coordinate)
    return Known(base, 0, 0)


def _fill(reader: Reader, op: FillOp, place: Place, value: SSAValue) -> Known:
    held = reader.numbers.fill(op, reader.names) if reader.strict else point(float(fill_value(op)))
    return unknown(reader, op, place, value) if held is None else held


def _constant(reader: Reader, op: ConstantOp, place: Place, value: SSAValue) -> Known:
    """Bounds of the elements that may be meant; where two indices differ by so much, of those."""
    indices, tensor = [index_of(coordinate) for coordinate in place], tensor_of(value)
    line = Lines(reader.ranges).line_of(value)
    counts = any(step != NOTHING for step in line.coefficients) if line is not None else False
    if line is not None and (counts or op.value in reader.numbers.constants):
        steps = zip(line.coefficients, indices, strict=True)
        return Known(sum((index * step for step, index in steps), line.base), 0, 0)
    if op.value not in reader.numbers.constants:
        reader.blame(op)
    for index in indices:
        reader.shifts(op, index)
    if tensor.elements.const > (SMALL_TABLE if reader.strict else LARGEST_TABLE):
        return unbounded(tensor.dtype)
    (table,) = evaluate(op, (), Scope({}, reader.folder))
    bounds = [index.bounds(reader.ranges) for index in indices]
    bounds = [(max(a, 0), min(b, n - 1)) for (a, b), n in zip(bounds, table.shape, strict=True)]
    window = table[tuple([slice(a, b + 1) for a, b in bounds])]
    held = window[_together(reader, indices, bounds)]
    if not held.size or (tensor.dtype.is_float and np.isnan(held).any()):
        return unbounded(tensor.dtype)
    return Known(low=float(held.min()), high=float(held.max()))


def _together(
    reader: Reader, indices: list[Affine], bounds: list[tuple[int, int]]
) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Which elements of a window have indices that go with each other."""
    axes = np.ogrid[tuple([slice(a, b + 1) for a, b in bounds])]
    kept = np.ones([max(b - a + 1, 0) for a, b in bounds], np.bool_)
    moving = [n for n, index in enumerate(indices) if not index.is_const]
    for first, second in pairwise(moving):
        low, high = (indices[second] - indices[first]).bounds(reader.ranges)
        apart = axes[second] - axes[first]
        kept &= (low <= apart) & (apart <= high)
    return kept


def _map(reader: Reader, op: MapOp, place: Place, value: SSAValue) -> Known:
    tensor = tensor_of(value)
    inputs = reader.spread(op.inputs, place)
    found = mapped(op.fn.data, inputs, tensor.dtype is ElementType.BOOL, reader.ranges)
    for line in lines_of(op.fn.data, inputs, found):
        reader.shifts(op, line)
    return found


def _select(reader: Reader, op: SelectOp, place: Place, _value: SSAValue) -> Known:
    """Where both are one number, it does not matter which."""
    before = reader.blamed
    (holds,) = reader.spread([op.condition], place)
    if holds.is_point:
        chosen = op.on_true if holds.number else op.on_false
        return reader.spread([chosen], place)[0]
    blamed, reader.blamed = reader.blamed, before
    arms = reader.spread([op.on_true, op.on_false], place)
    if arms[0] == arms[1] and arms[0].is_line:
        return arms[0]
    reader.blamed = reader.blamed or blamed
    return reader.one_of(op, arms)


def _cast(reader: Reader, op: CastOp, place: Place, value: SSAValue) -> Known:
    dtype = tensor_of(value).dtype
    known = reader.read(op.source, place)
    if dtype is ElementType.BOOL or not known.is_line:
        reader.shifts(op, known.line)
    return cast(known, dtype is ElementType.BOOL, dtype.is_int, reader.ranges)


def _reshape(reader: Reader, op: ReshapeOp, place: Place, value: SSAValue) -> Known:
    found = regrouped(place, op.source_tensor().shape, reader.split)
    if found is None:
        return unknown(reader, op, place, value)
    return reader.read(op.source, found)


def _transpose(reader: Reader, op: TransposeOp, place: Place, value: SSAValue) -> Known:
    found = [FIRST] * tensor_of(value).rank
    for axis, source in enumerate(op.perm.data):
        found[source] = place[axis]
    return reader.read(op.source, tuple(found))


def _broadcast(reader: Reader, op: BroadcastOp, place: Place, _value: SSAValue) -> Known:
    return reader.read(op.source, spread(op.source_tensor().shape, place))


def _slice(reader: Reader, op: SliceOp, place: Place, value: SSAValue) -> Known:
    dims, found = op.source_tensor().shape, list[Coordinate]()
    taken = zip(place, op.offsets.data, op.steps.data, dims, tensor_of(value).shape, strict=True)
    for coordinate, offset, step, dim, kept in taken:
        if (offset, step, dim) == (NOTHING, 1, kept):
            found.append(coordinate)
        else:
            start = reader.numbers.index(offset, reader.names) if reader.strict else offset
            if start is None:
                return unknown(reader, op, place, value)
            found.append(((index_of(coordinate) * step + start, dim),))
    return reader.read(op.source, tuple(found))


def _concat(reader: Reader, op: ConcatOp, place: Place, value: SSAValue) -> Known:
    """One part, or any of several; parts that tokens tell apart hold the same there."""
    axis, start = op.axis.value.data, NOTHING
    index, found = index_of(place[axis]), list[Known]()
    line = _counted(reader, op, place, index)
    if line is not None:
        return line
    for part in op.inputs:
        extent = tensor_of(part).shape[axis]
        inside = index - start
        low, high = inside.lower(reader.ranges), (inside - extent).lower(reader.ranges)
        if inside.upper(reader.ranges) >= 0 and high < 0 and extent != NOTHING:
            own = FIRST if extent == ONE else ((inside, extent),)
            found.append(reader.read(part, (*place[:axis], own, *place[axis + 1 :])))
            if low >= 0 and (inside - extent).upper(reader.ranges) < 0:
                break
        start = start + extent
    alike = len(set(found)) == 1 and found[0].is_point
    if len(found) != 1 and reader.moves(place[axis]) and not alike:
        reader.blame(op)
    return reader.one_of(op, found) if found else unbounded(tensor_of(value).dtype)


def _counted(reader: Reader, op: ConcatOp, place: Place, index: Affine) -> Known | None:
    """The line of numbers that are written one by one: `P, P + 1, P + 2`."""
    axis, parts = op.axis.value.data, list(op.inputs)
    alone = all(tensor_of(part).shape[axis] == ONE for part in parts)
    if not alone or len(parts) < 2 or index.is_const:
        return None
    bounds = reader.lenient()
    at = (*place[:axis], FIRST, *place[axis + 1 :])
    found = [bounds.read(part, at) for part in parts]
    if not all(known.is_line for known in found):
        return None
    step = found[1].line - found[0].line
    if any(b.line - a.line != step for a, b in pairwise(found)) or not step.is_const:
        return None
    return Known(found[0].line + step * index, 0, 0)


def _gather(reader: Reader, op: GatherOp, place: Place, value: SSAValue) -> Known:
    axis, dims = op.axis.value.data, tensor_of(op.source).shape
    rank = tensor_of(value).rank + 1 - len(dims)
    index = reader.read(op.indices, place[axis : axis + rank])
    at = reader.fresh(dims[axis])
    if not index.is_line:
        reader.shifts(op, index.line)
    if index.is_line and index.line.lower(reader.ranges) >= 0:
        at = ((index.line, dims[axis]),)
    return reader.read(op.source, (*place[:axis], at, *place[axis + rank :]))


def _scatter(reader: Reader, op: ScatterOp, place: Place, value: SSAValue) -> Known:
    """Of all elements, each in its place: what is put there."""
    line = Lines(reader.ranges).line_of(op.indices)
    rows = tensor_of(op.indices).shape[0] == tensor_of(value).shape[0]
    if op.fn.data != "set" or line != Line(NOTHING, (ONE,)) or not rows:
        return unknown(reader, op, place, value)
    return reader.read(op.updates, place)


def _topk(reader: Reader, op: TopkOp, place: Place, value: SSAValue) -> Known:
    if value is op.indices and not reader.strict:
        return Known(low=0, high=tensor_of(op.source).shape[-1].upper(reader.ranges) - 1)
    return unknown(reader, op, place, value)


RULES: Mapping[type, Rule] = {
    IotaOp: _iota,
    FillOp: _fill,
    ConstantOp: _constant,
    MapOp: _map,
    SelectOp: _select,
    CastOp: _cast,
    ReshapeOp: _reshape,
    TransposeOp: _transpose,
    BroadcastOp: _broadcast,
    SliceOp: _slice,
    ConcatOp: _concat,
    GatherOp: _gather,
    ScatterOp: _scatter,
    ReduceOp: reduce_,
    ScanOp: scan,
    MatmulOp: matmul,
    TopkOp: _topk,
}


def element(reader: Reader, value: SSAValue, place: Place) -> Known:
    """What is known of the element at a place."""
    rule = RULES.get(type(value.owner), unknown)
    try:
        return rule(reader, value.owner, place, value)
    except NotAffine:
        return unknown(reader, value.owner, place, value)
