"""
The integer content of what an ONNX operator computes, from the content of what it reads.

A rule answers None when the content is not known; that is never an error here. Whoever needs the
content (a Reshape its target, a Slice its bounds) reports what it misses.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from xdsl.ir import SSAValue

from dialects.affine import Affine, NotAffine, Ranges, product
from dialects.lpu.ops import tensor_of
from dialects.lpu.types import Tensor
from dialects.onnx.ops import OnnxOp
from passes.analysis.content import (
    Content,
    Elements,
    Fill,
    Line,
    as_elements,
    as_line,
    broadcast,
    combine_elements,
    combine_lines,
    elements,
    expand_line,
    of_shape,
    scalar,
)
from passes.analysis.extents import range_extent

Lookup = Callable[[SSAValue | None], Content | None]
Rule = Callable[[OnnxOp, Lookup, Ranges], Content | None]

RULES: dict[str, Rule] = {}


def rule(*op_types: str) -> Callable[[Rule], Rule]:
    """Register a content rule for operators."""

    def register(function: Rule) -> Rule:
        RULES.update(dict.fromkeys(op_types, function))
        return function

    return register


def known_elements(value: SSAValue | None, lookup: Lookup) -> Elements | None:
    """The elements of an operand, if all are known."""
    return None if value is None else as_elements(lookup(value), tensor_of(value))


def known_scalar(value: SSAValue | None, lookup: Lookup) -> Affine | None:
    """The one element of an operand, if it has one and that is known."""
    known = known_elements(value, lookup)
    return known.flat()[0] if known is not None and known.array.size == 1 else None


def _optional_int(op: OnnxOp, name: str) -> int | None:
    value = op.attr(name) if name in op.schema.attributes else None
    assert value is None or isinstance(value, int)
    return value


@rule("Shape")
def shape(op: OnnxOp, lookup: Lookup, ranges: Ranges) -> Content | None:
    dims = tensor_of(op.operands[0]).shape
    return elements(dims[_optional_int(op, "start") : _optional_int(op, "end")])


@rule("Size")
def size(op: OnnxOp, lookup: Lookup, ranges: Ranges) -> Content | None:
    try:
        return scalar(product(tensor_of(op.operands[0]).shape))
    except NotAffine:
        return None


@rule("Identity")
def identity(op: OnnxOp, lookup: Lookup, ranges: Ranges) -> Content | None:
    return lookup(op.operands[0])


@rule("Cast")
def cast(op: OnnxOp, lookup: Lookup, ranges: Ranges) -> Content | None:
    content, target = lookup(op.operands[0]), tensor_of(op.results[0]).dtype
    source = tensor_of(op.operands[0]).dtype
    if isinstance(content, Fill):
        return Fill(content.value.astype(target.dtype))
    if content is None or source.is_float or target.is_float or not (target.itemsize > 1):
        return content if content is not None and target == source else None
    return content


@rule("Gather")
def gather(op: OnnxOp, lookup: Lookup, ranges: Ranges) -> Content | None:
    data = known_elements(op.get("data"), lookup)
    indices = known_elements(op.get("indices"), lookup)
    axis = _optional_int(op, "axis") or 0
    if data is None or indices is None or not all(i.is_const for i in indices.flat()):
        return None
    numbers = np.array([i.const for i in indices.flat()], np.int64).reshape(indices.array.shape)
    extent = data.array.shape[axis]
    if numbers.size and not (-extent <= numbers.min() and numbers.max() < extent):
        return None
    return elements(np.take(data.array, numbers, axis=axis))


@rule("Concat")
def concat(op: OnnxOp, lookup: Lookup, ranges: Ranges) -> Content | None:
    parts = [known_elements(v, lookup) for v in op.operands]
    axis = _optional_int(op, "axis")
    arrays = [p.array for p in parts if p is not None]
    if len(arrays) < len(parts):
        return None
    return elements(np.concatenate(arrays, axis=axis or 0))


@rule("Range")
def range_(op: OnnxOp, lookup: Lookup, ranges: Ranges) -> Content | None:
    start = known_scalar(op.operands[0], lookup)
    delta = known_scalar(op.operands[2], lookup)
    return None if start is None or delta is None else Line(start, (delta,))


def range_dims(op: OnnxOp, lookup: Lookup, ranges: Ranges) -> Affine | None:
    """The extent of a Range whose operands are known."""
    bounds = [known_scalar(v, lookup) for v in op.operands]
    start, limit, delta = bounds
    if start is None or limit is None or delta is None:
        return None
    return range_extent(start, limit, delta, ranges)


@rule("Add", "Sub", "Mul", "Div", "Mod", "And", "Or", "Xor", "Equal", "Less", "LessOrEqual")
def binary(op: OnnxOp, lookup: Lookup, ranges: Ranges) -> Content | None:
    if op.OP_TYPE == "Mod" and op.attr("fmod"):
        return None
    return _pairwise(op.OP_TYPE, op.operands[0], op.operands[1], lookup, ranges)


RULES["Greater"] = RULES["GreaterOrEqual"] = RULES["Add"]


@rule("Min", "Max")
def extreme(op: OnnxOp, lookup: Lookup, ranges: Ranges) -> Content | None:
    if len(op.operands) != 2:
        return lookup(op.operands[0]) if len(op.operands) == 1 else None
    return _pairwise(op.OP_TYPE, op.operands[0], op.operands[1], lookup, ranges)


def _pairwise(fn: str, a: SSAValue, b: SSAValue, lookup: Lookup, ranges: Ranges) -> Content | None:
    if tensor_of(a).dtype.is_float:
        return None
    left, right = known_elements(a, lookup), known_elements(b, lookup)
    if left is not None and right is not None:
        combined = combine_elements(fn, left, right, ranges)
        if combined is not None:
            return combined
    rank = max(tensor_of(a).rank, tensor_of(b).rank)
    lines = [_line(v, lookup, rank) for v in (a, b)]
    known = [line for line in lines if line is not None]
    return combine_lines(fn, *known) if len(known) == 2 else None


def _line(value: SSAValue, lookup: Lookup, rank: int) -> Line | None:
    tensor = tensor_of(value)
    line = as_line(lookup(value), tensor)
    return None if line is None else expand_line(line, tensor.shape, rank)


@rule("Neg")
def negate(op: OnnxOp, lookup: Lookup, ranges: Ranges) -> Content | None:
    content = lookup(op.operands[0])
    if isinstance(content, Elements):
        return elements(-content.array)
    if isinstance(content, Line):
        return Line(-content.base, tuple(-c for c in content.coefficients))
    return None


@rule("Not")
def invert(op: OnnxOp, lookup: Lookup, ranges: Ranges) -> Content | None:
    known = known_elements(op.operands[0], lookup)
    return None if known is None else elements(1 - known.array)


@rule("Where")
def where(op: OnnxOp, lookup: Lookup, ranges: Ranges) -> Content | None:
    parts = [known_elements(v, lookup) for v in op.operands]
    known = [p for p in parts if p is not None]
    if len(known) < 3:
        return None
    condition, on_true, on_false = broadcast(*known)
    rows = zip(condition.flat(), on_true.flat(), on_false.flat(), strict=True)
    return of_shape([t if c.const else f for c, t, f in rows], condition.array.shape)


@rule("ReduceProd", "ReduceSum")
def reduce_all(op: OnnxOp, lookup: Lookup, ranges: Ranges) -> Content | None:
    """Only the form that turns a shape into a number of elements: one axis, all of it."""
    known = known_elements(op.operands[0], lookup)
    if known is None or known.array.ndim != 1 or tensor_of(op.operands[0]).dtype.is_float:
        return None
    try:
        total = product(known.flat()) if op.OP_TYPE == "ReduceProd" else sum(known.flat(), Affine())
    except NotAffine:
        return None
    return elements([total]) if tensor_of(op.results[0]).rank else scalar(total)


@rule("CumSum")
def running_sum(op: OnnxOp, lookup: Lookup, ranges: Ranges) -> Content | None:
    """The running sum of a constant line is a line: `n, 2n, 3n, ...`."""
    tensor = tensor_of(op.operands[0])
    line = as_line(lookup(op.operands[0]), tensor)
    axis = known_scalar(op.operands[1], lookup)
    if line is None or axis is None or any(c != Affine() for c in line.coefficients):
        return None
    if op.attr("exclusive") or op.attr("reverse"):
        return None
    coefficients = [Affine()] * tensor.rank
    coefficients[axis.const % tensor.rank] = line.base
    return Line(line.base, tuple(coefficients))


def moved(content: Content | None, source: Tensor, dims: Sequence[Affine]) -> Content | None:
    """The content after a reshape that keeps it a line, a fill or a small array."""
    if isinstance(content, Fill):
        return content
    target = Tensor.of(dims, source.dtype)
    known = as_elements(content, source)
    if known is not None and target.is_static:
        return Elements(known.array.reshape(target.static_shape()))
    if isinstance(content, Line):
        return _moved_line(content, source.shape, dims)
    return None


def _moved_line(line: Line, old: Sequence[Affine], new: Sequence[Affine]) -> Line | None:
    """Insert or drop axes of extent 1; anything else is no line (or is not worth knowing)."""
    pairs = [(d, c) for d, c in zip(old, line.coefficients, strict=True) if d != Affine(1)]
    coefficients: list[Affine] = []
    for extent in new:
        if extent == Affine(1):
            coefficients.append(Affine())
        elif pairs and pairs[0][0] == extent:
            coefficients.append(pairs.pop(0)[1])
        else:
            return None
    return None if pairs else Line(line.base, tuple(coefficients))
