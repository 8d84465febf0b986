"""What is known of the elements of `lpu` operations that make integers or move elements."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from xdsl.ir import Operation, SSAValue

from dialects.affine import NotAffine
from dialects.lpu.contents import fill_value
from dialects.lpu.elementwise import ConstantOp, FillOp, IotaOp
from dialects.lpu.movement import BroadcastOp, ConcatOp, GatherOp, ReshapeOp, SliceOp, TransposeOp
from dialects.lpu.tensors import LpuOp, UnaryOp
from dialects.lpu.weights import Inline, WeightAttr
from passes.analysis.content import (
    ELEMENTS_LIMIT,
    Content,
    Elements,
    Fill,
    Line,
    Numbers,
    as_elements,
    as_line,
    elements,
    is_small,
)
from passes.analysis.lines import moved_line

Array = np.ndarray[Any, np.dtype[Any]]


def content_of_array(array: Array) -> Content | None:
    """A small array as content."""
    if array.size > ELEMENTS_LIMIT:
        return None
    return elements(array.astype(np.int64)) if array.dtype.kind in "iub" else Numbers(array)


def content_made(op: Operation) -> Content | None:
    """What an operation without operands holds: an iota, a fill, a small constant."""
    match op:
        case IotaOp():
            base, *coefficients = op.coefficients.data
            return Line(base, tuple(coefficients))
        case FillOp():
            return Fill(fill_value(op))
        case ConstantOp(value=WeightAttr(data=Inline() as weight)):
            array = np.frombuffer(weight.data, weight.dtype.dtype)
            return content_of_array(array.reshape(weight.shape))
        case _:
            return None


def content_at(value: SSAValue) -> Content | None:
    """What a value holds by the operation that makes it, if that has no operands."""
    owner = value.owner
    return content_made(owner) if isinstance(owner, Operation) else None


def content_moved(op: Operation, lookup: Callable[[SSAValue], Content | None]) -> Content | None:
    """What a source or a move gives, from what its operands hold."""
    parts = [lookup(value) for value in op.operands]
    if not parts:
        return content_made(op)
    known = [part for part in parts if part is not None]
    if len(known) < len(parts):
        return None
    match op:
        case ConcatOp():
            return _joined(op, known)
        case GatherOp():
            return _taken(op, known)
        case ReshapeOp() | TransposeOp() | BroadcastOp() | SliceOp():
            return _moved(op, known[0])
        case _:
            return None


def _taken(op: GatherOp, parts: Sequence[Content]) -> Elements | None:
    """What constant indices take out of a small array of integers."""
    data, places = map(as_elements, parts, op.operand_tensors())
    if data is None or places is None or not is_small(op.result_tensor()):
        return None
    return taken(data, places, op.axis.value.data)


def taken(data: Elements, places: Elements, axis: int) -> Elements | None:
    """Elements along an axis; None where an index is not known or outside of it."""
    numbers = np.array([place.const for place in places.flat()], np.int64)
    length, known = data.array.shape[axis], all(place.is_const for place in places.flat())
    if not known or (numbers.size and not -length <= numbers.min() <= numbers.max() < length):
        return None
    return elements(np.take(data.array, numbers.reshape(places.array.shape), axis=axis))


def _moved(op: UnaryOp, content: Content) -> Content | None:
    if isinstance(content, Fill):
        return content
    if isinstance(content, Numbers):
        array = _moved_array(op, content.array)
        return None if array is None else Numbers(array)
    line = as_line(content, op.source_tensor())
    try:
        moved = None if line is None else moved_line(op, line)
    except NotAffine:
        moved = None
    if moved is not None:
        return moved
    known = as_elements(content, op.source_tensor())
    array = None if known is None else _moved_array(op, known.array)
    return None if array is None else Elements(array)


def _joined(op: ConcatOp, parts: Sequence[Content]) -> Content | None:
    if not is_small(op.result_tensor()):
        return None
    axis, tensors = op.axis.value.data, op.operand_tensors()
    if tensors[0].dtype.is_float:
        arrays = [part.array for part in parts if isinstance(part, Numbers)]
        return Numbers(np.concatenate(arrays, axis)) if len(arrays) == len(parts) else None
    known = [as_elements(part, tensor) for part, tensor in zip(parts, tensors, strict=True)]
    held = [part.array for part in known if part is not None]
    return Elements(np.concatenate(held, axis)) if len(held) == len(parts) else None


def _moved_array(op: LpuOp, array: Array) -> Array | None:
    """The elements of a small value in their new places."""
    if not is_small(op.result_tensor()):
        return None
    shape = op.result_tensor().static_shape()
    match op:
        case ReshapeOp():
            return array.reshape(shape)
        case TransposeOp():
            return array.transpose(op.perm.data)
        case BroadcastOp():
            return np.broadcast_to(array, shape)
        case SliceOp() if all(offset.is_const for offset in op.offsets.data):
            places = zip(op.offsets.data, shape, op.steps.data, strict=True)
            return array[tuple([slice(o.const, o.const + n * s, s) for o, n, s in places])]
        case _:
            return None
