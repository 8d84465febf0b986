"""Operators that make values from shapes and numbers alone."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from xdsl.ir import SSAValue

from dialects.affine import Affine, NotAffine, product
from dialects.lpu.types import Tensor
from dialects.lpu.weights import INLINE_LIMIT, read
from passes.analysis.content import (
    Content,
    Elements,
    Fill,
    Line,
    Numbers,
    as_elements,
    elements,
    line_through,
    runs,
    scalar,
)
from passes.analysis.extents import range_extent
from passes.onnx.operators.node import Node
from passes.onnx.operators.record import Limit, operator
from passes.onnx.operators.terms import as_float
from passes.rewriting.build import Build
from runtime.numerics.elements import ElementType


def materialised(b: Build, content: Content, tensor: Tensor) -> SSAValue | None:
    """The `lpu` operation that makes a known content; None when only its operands can tell."""
    if isinstance(content, Fill):
        return b.fill(content.value.item(), tensor.shape, tensor.dtype)
    if tensor.dtype.is_float:
        return None
    known = as_elements(content, tensor)
    if known is not None and all(e.is_const for e in known.flat()):
        numbers = np.array([e.const for e in known.flat()], np.int64).astype(tensor.dtype.dtype)
        small = numbers.nbytes <= INLINE_LIMIT
        return b.array(numbers.reshape(known.array.shape)) if small else None
    if tensor.dtype not in (ElementType.I64, ElementType.I32):
        return None
    assert isinstance(content, Line | Elements)
    line = content if isinstance(content, Line) else line_through(content)
    if line is not None:
        return b.iota(line.base, line.coefficients, tensor.shape, tensor.dtype)
    cut = runs(content.flat()) if isinstance(content, Elements) else []
    parts = [b.iota(run.base, run.coefficients, (count,), tensor.dtype) for run, count in cut]
    return b.reshape(b.concat(parts, 0), tensor.shape) if parts else None


def _shape_content(node: Node) -> Elements:
    start, end = node.attr("start"), node.attr("end")
    assert isinstance(start, int | None)
    assert isinstance(end, int | None)
    return elements(np.array(node.source.shape, dtype=object)[start:end])


@operator(
    "Shape",
    shape=lambda node: [tuple(map(Affine, _shape_content(node).array.shape))],
    contents=_shape_content,
)
def shape(b: Build, node: Node) -> Sequence[SSAValue | None]:
    return [materialised(b, _shape_content(node), node.result)]


def _size_content(node: Node) -> Content | None:
    try:
        return scalar(product(node.source.shape))
    except NotAffine:
        return None


@operator("Size", shape=lambda _: [()], contents=_size_content)
def size(b: Build, node: Node) -> Sequence[SSAValue | None]:
    return [materialised(b, scalar(product(node.source.shape)), node.result)]


@operator("Constant")
def constant_value(b: Build, node: Node) -> SSAValue:
    """A tensor, or one number or list as an attribute."""
    weight = node.weight("value")
    if weight is not None:
        return b.constant(weight)
    for name in ("value_int", "value_ints", "value_float", "value_floats"):
        value = node.attr(name)
        if isinstance(value, int | float | list):
            return b.array(np.asarray(value, np.float32 if "float" in name else np.int64))
    raise node.refusal("a Constant that is neither a tensor nor a number")


@operator("ConstantOfShape", limits=[Limit("a shape that depends on data")])
def constant_of_shape(b: Build, node: Node) -> SSAValue:
    weight, value = node.weight("value"), np.zeros((), np.float32)
    if weight is not None:
        value = read(weight, node.folder)
        node.require(value.shape == (1,), f"the value has the shape {value.shape}, expected (1,)")
    dtype = ElementType.of(value.dtype)
    assert dtype is not None
    dims = node.need("input")
    for extent in dims:
        node.require(extent.lower(node.ranges) >= 0, f"the extent {extent} is negative")
    return b.fill(value.reshape(()).item(), dims, dtype)


@operator("NonZero", limits=[Limit("places that are read other than one by one, or added up")])
def non_zero(b: Build, node: Node) -> SSAValue:
    """The places in an array that is known; `passes.onnx.shapes.selections` has all others."""
    node.require(bool(node.source.shape), "a number has no axes")
    known = node.lookup(node.first)
    held = known.array if isinstance(known, Numbers) else None
    if held is None and (small := node.elements_of(node.first)) is not None:
        numbers = np.array([e.const for e in small.flat()], np.int64).reshape(small.array.shape)
        held = numbers if all(e.is_const for e in small.flat()) else None
    node.require(held is not None, "what is not zero depends on data, not on shapes alone")
    assert held is not None
    return b.array(np.stack(np.nonzero(held)).astype(np.int64))


JOINED = "bounds that depend on data, but for ranges that follow one another and are joined"


@operator("Range", limits=[Limit(JOINED)])
def arithmetic_range(b: Build, node: Node) -> SSAValue:
    """start + delta * i"""
    for name in ("start", "limit", "delta"):
        node.dims(name, 0)
    if node.source.dtype.is_float:
        return _real_range(b, node)
    start, limit, delta = map(node.element, ("start", "limit", "delta"))
    if start is None or limit is None or delta is None:
        raise node.refusal("the bounds of a Range depend on data, not on shapes alone")
    extent = range_extent(start, limit, delta, node.ranges)
    return b.iota(start, (delta,), (extent,), node.source.dtype)


def _real_range(b: Build, node: Node) -> SSAValue:
    """The number of elements has to be known; what they are is computed in f32."""
    start, limit, delta = map(node.real, ("start", "limit", "delta"))
    if start is None or limit is None or delta is None:
        raise node.refusal("the bounds of a Range of floats must be constants")
    node.require(delta != 0, "the step of a Range is 0")
    steps = as_float(b, b.iota(0, (1,), (max(math.ceil((limit - start) / delta), 0),)))
    scaled = b.map("mul", steps, b.scalar(delta, ElementType.F32))
    return b.cast(b.map("add", scaled, b.scalar(start, ElementType.F32)), node.source.dtype)
