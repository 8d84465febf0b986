"""Operators that move, repeat or rename elements; extents come from the resolved types."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from xdsl.ir import SSAValue

from dialects.affine import Affine
from dialects.errors import unsupported
from dialects.lpu.ops import tensor_of
from dialects.lpu.weights import Weight, read
from dialects.onnx import OnnxOp
from passes.onnx.operators.registry import (
    attribute,
    decompose,
    elements,
    extent,
    integer,
    known_ints,
    operand,
    optional,
    optional_ints,
    result,
)
from passes.rewriting.build import Build
from runtime.numerics import ElementType


@decompose("Identity")
def identity(_b: Build, op: OnnxOp) -> SSAValue:
    return op.operands[0]


@decompose("Dropout")
def dropout(b: Build, op: OnnxOp) -> tuple[SSAValue | None, ...]:
    """The identity, as everywhere but in training; the mask keeps all elements."""
    training = optional(op, "training_mode")
    if training is not None and known_ints(op, training, "training_mode") != [0]:
        raise unsupported(op, "training_mode is not supported", "export the model for inference")
    mask = b.fill(True, result(op).shape, ElementType.BOOL) if len(op.results) > 1 else None
    return op.operands[0], mask


@decompose("Reshape", "Flatten", "Squeeze", "Unsqueeze")
def reshape(b: Build, op: OnnxOp) -> SSAValue:
    return b.reshape(op.operands[0], result(op).shape)


@decompose("Transpose")
def transpose(b: Build, op: OnnxOp) -> SSAValue:
    rank = tensor_of(op.operands[0]).rank
    return b.transpose(op.operands[0], optional_ints(op, "perm") or list(range(rank))[::-1])


@decompose("Expand")
def expand(b: Build, op: OnnxOp) -> SSAValue:
    return b.broadcast(op.operands[0], result(op).shape)


@decompose("Concat")
def concat(b: Build, op: OnnxOp) -> SSAValue:
    return b.concat(list(op.operands), integer(op, "axis"))


@decompose("Split")
def split(b: Build, op: OnnxOp) -> tuple[SSAValue | None, ...]:
    source, parts, offset = operand(op, "input"), list[SSAValue](), Affine()
    axis = integer(op, "axis") % tensor_of(source).rank
    for value in op.results:
        size = tensor_of(value).shape[axis]
        parts.append(b.slice_axis(source, axis, offset, size))
        offset += size
    return tuple(parts)


@decompose("Slice")
def slice_constant(b: Build, op: OnnxOp) -> SSAValue:
    """Starts, axes and steps are known; ends follow from the type of the result."""
    source, target = tensor_of(op.operands[0]), result(op)
    starts = optional_ints(op, "starts") or []
    axes = optional_ints(op, "axes") or list(range(len(starts)))
    steps = optional_ints(op, "steps") or [1] * len(starts)
    offsets, strides = [Affine()] * source.rank, [1] * source.rank
    for axis, start, step in zip(axes, starts, steps, strict=True):
        if step < 1:
            raise unsupported(op, f"a step of {step} is not supported", "reverse the data instead")
        axis %= source.rank
        strides[axis] = step
        offsets[axis] = _slice_offset(source.shape[axis], start)
    return b.slice(op.operands[0], offsets, target.shape, strides)


def _slice_offset(length: Affine, start: int) -> Affine:
    """Where a slice starts; a start before the first element means the first."""
    if start >= 0:
        return Affine(start)
    offset = length + start
    return Affine(max(offset.const, 0)) if offset.is_const else offset


def _repeats(op: OnnxOp, source: Affine, target: Affine) -> Affine:
    """How often an extent is repeated."""
    if source == Affine(1):
        return target
    if source == target:
        return Affine(1)
    if not source.is_const and target.is_const:
        raise unsupported(op, f"{source} repeated to {target}")
    if source.is_const:
        return target // source.const if source.const else Affine(1)
    symbol, coefficient = source.terms[0]
    return Affine(dict(target.terms)[symbol] // coefficient)


@decompose("Tile")
def tile(b: Build, op: OnnxOp) -> SSAValue:
    source, target = op.operands[0], result(op)
    pairs = list(zip(tensor_of(source).shape, target.shape, strict=True))
    repeated: list[Affine] = []
    single: list[Affine] = []
    for before, after in pairs:
        single += [Affine(1), before]
        repeated += [_repeats(op, before, after), before]
    return b.reshape(b.broadcast(b.reshape(source, single), repeated), target.shape)


@decompose("Shape")
def shape(b: Build, op: OnnxOp) -> SSAValue:
    start, end = attribute(op, "start") or 0, attribute(op, "end")
    assert isinstance(start, int) and isinstance(end, int | None)
    dims = tensor_of(op.operands[0]).shape[start:end]
    if not dims:
        return b.fill(0, (0,), ElementType.I64)
    return b.concat([b.reshape(extent(b, d), (1,)) for d in dims], 0)


@decompose("Size")
def size(b: Build, op: OnnxOp) -> SSAValue:
    return extent(b, elements(op, tensor_of(op.operands[0]).shape))


@decompose("Range")
def arithmetic_range(b: Build, op: OnnxOp) -> SSAValue:
    """start + delta * i; the number of elements follows from the type."""
    start, delta, target = operand(op, "start"), operand(op, "delta"), result(op)
    steps = b.cast(b.iota(0, (1,), target.shape), target.dtype)
    scaled = b.map("mul", steps, b.reshape(delta, ()))
    return b.map("add", scaled, b.reshape(start, ()))


@decompose("ConstantOfShape")
def constant_of_shape(b: Build, op: OnnxOp) -> SSAValue:
    value, target = op.attr("value"), result(op)
    content = 0 if value is None else _only_element(value)
    return b.fill(content, target.shape, target.dtype)


def _only_element(value: object) -> float | int | bool:
    assert isinstance(value, Weight)
    (element,) = read(value, Path()).ravel().tolist()
    return element


@decompose("Pad")
def pad(b: Build, op: OnnxOp) -> SSAValue:
    """Constant padding by concatenation; a negative width cuts off."""
    if op.attr("mode") not in ("constant", None):
        raise unsupported(op, f"mode {op.attr('mode')} is not supported", "pad with a constant")
    source = op.operands[0]
    rank = tensor_of(source).rank
    widths = optional_ints(op, "pads") or []
    axes = [axis % rank for axis in optional_ints(op, "axes") or range(rank)]
    value = _pad_value(b, op)
    for i, axis in enumerate(axes):
        source = _pad_axis(b, source, axis, widths[i], widths[i + len(axes)], value)
    return source


def _pad_value(b: Build, op: OnnxOp) -> SSAValue:
    dtype = result(op).dtype
    given = optional(op, "constant_value")
    if given is not None:
        return b.reshape(given, ())
    value = attribute(op, "value") or 0.0
    assert isinstance(value, int | float)
    return b.scalar(value, dtype)


def _pad_axis(
    b: Build, x: SSAValue, axis: int, before: int, after: int, value: SSAValue
) -> SSAValue:
    cut = max(-before, 0)
    kept = tensor_of(x).shape[axis] - cut - max(-after, 0)
    x = b.slice_axis(x, axis, cut, kept)

    def border(width: int) -> Sequence[SSAValue]:
        dims = list(tensor_of(x).shape)
        dims[axis] = Affine(width)
        return [b.broadcast(value, dims)] if width > 0 else []

    return b.concat([*border(before), x, *border(after)], axis)


@decompose("Constant")
def constant_value(b: Build, op: OnnxOp) -> SSAValue:
    value, target = op.attr("value"), result(op)
    if isinstance(value, Weight):
        return b.constant(value)
    for name in ("value_float", "value_int", "value_floats", "value_ints"):
        given = attribute(op, name)
        if given is not None:
            return b.array(np.asarray(given, target.dtype.dtype))
    raise unsupported(op, "this form of constant is not supported", "use the attribute 'value'")
