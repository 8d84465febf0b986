"""
How softmax, norm, rotary embedding and attention are bufferised: a few passes each, through f32.

Attention reads keys and values where they lie: query heads that share a key head are rows of one
product, whose panel is the transposed view of the keys. What depends on the length of the context
is one buffer of scores, changed in place; where values are f32, the division by their sum comes
last, when only `[.., E]` elements are left.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from xdsl.dialects.builtin import StringAttr

from dialects.affine import Affine
from dialects.lpu import fused
from dialects.lpu.attributes import IntsAttr
from dialects.lpu.contents import fill_hex
from dialects.lpu.fused_semantics import LOWEST, factor
from dialects.lpu.tensors import tensor_of
from dialects.lpu.types import Tensor
from dialects.lpu_mem import ops as mem
from dialects.lpu_mem.access import View
from passes.lpu.bufferise.bufferiser import Bufferiser, rule
from passes.lpu.bufferise.casts import result_as_read
from passes.rewriting.places import Place, number
from runtime.numerics.elements import ElementType

F32 = ElementType.F32
NONE = Affine()


def _new(b: Bufferiser, dims: Sequence[Affine], dtype: ElementType = F32) -> Place:
    return b.build.new(Tensor.of(dims, dtype))


def _scalar(b: Bufferiser, value: float) -> Place:
    return b.scalar(fill_hex(value, F32), F32)


def _map(b: Bufferiser, fn: str, target: Place, *sources: Place) -> Place:
    """`target = fn(sources)`, broadcasting; the target itself."""
    operands = [(target.buffer, target.view())]
    operands += [(s.buffer, s.broadcast(target.dims)) for s in sources]
    b.build.data(mem.MapOp, target.dims, operands, fn=StringAttr(fn))
    return target


def _reduce(b: Bufferiser, fn: str, source: Place) -> Place:
    """Along the last axis, which stays with extent 1."""
    target, last = _new(b, (*source.dims[:-1], Affine(1))), len(source.dims) - 1
    operands = [(target.buffer, target.broadcast(source.dims)), (source.buffer, source.view())]
    properties = {"axes": IntsAttr((last,)), "accumulate": number(0)}
    b.build.data(mem.ReduceOp, source.dims, operands, fn=StringAttr(fn), **properties)
    return target


def _powers(b: Bufferiser, scores: Place, source: Place, empty: str) -> Place:
    """The scores become exp(source - max); the result is one over the sum of each row."""
    top = _reduce(b, "max", source)
    if empty == "zero":
        _map(b, "max", top, top, _scalar(b, LOWEST))
    _map(b, "sub", scores, source, top)
    _map(b, "exp", scores, scores)
    total = _reduce(b, "sum", scores)
    if empty == "guarded":
        bad = _map(b, "isnan", _new(b, total.dims, ElementType.BOOL), total)
        _select(b, scores, bad, _scalar(b, 0.0), scores)
        _select(b, total, bad, _scalar(b, 1.0), total)
    if empty == "zero" or scores.dims[-1].lower(b.build.ranges) < 1:
        _map(b, "max", total, total, _scalar(b, 1.0))
    return _map(b, "recip", total, total)


def _select(b: Bufferiser, target: Place, where: Place, yes: Place, no: Place) -> None:
    """`target = yes where it holds, else no`, broadcasting."""
    sources = [(s.buffer, s.broadcast(target.dims)) for s in (where, yes, no)]
    b.build.data(mem.SelectOp, target.dims, [(target.buffer, target.view()), *sources])


@rule(fused.SoftmaxOp)
def softmax(b: Bufferiser, op: fused.SoftmaxOp) -> None:
    target, source = result_as_read(b, op), b.place(op.source)
    scores = _new(b, source.dims)
    _map(b, "mul", target, scores, _powers(b, scores, source, op.empty.data))


def _mean(b: Bufferiser, source: Place) -> Place:
    total = _reduce(b, "sum", source)
    return _map(b, "div", total, total, _scalar(b, float(source.dims[-1].const)))


@rule(fused.NormOp)
def norm(b: Bufferiser, op: fused.NormOp) -> None:
    target, x = result_as_read(b, op), b.place(op.source)
    if op.kind.data == "layer":
        x = _map(b, "sub", _new(b, x.dims), x, _mean(b, x))
    inverse = _mean(b, _map(b, "mul", _new(b, x.dims), x, x))
    _map(b, "add", inverse, inverse, _scalar(b, op.epsilon.value.data))
    _map(b, "sqrt", inverse, inverse)
    _map(b, "recip", inverse, inverse)
    steps = [("mul", inverse)]
    parameters = [value for value in (op.weight, op.bias) if value is not None]
    steps += [(fn, b.place(value)) for fn, value in zip(("mul", "add"), parameters, strict=False)]
    element = tensor_of(parameters[0]).dtype if parameters else F32
    for index, (fn, operand) in enumerate(steps):
        last = index == len(steps) - 1
        x = _map(b, fn, target if last else _new(b, x.dims, element), x, operand)


def _half(place: Place, index: int, width: Affine) -> Place:
    """The first or second `width` channels of the last axis; all of them if there are no more."""
    if place.dims[-1] == width:
        return place
    tensor = place.tensor.with_dims((*place.dims[:-1], width))
    offset = place.offset + place.strides[-1] * (width * index)
    return Place(place.buffer, tensor, offset, place.strides)


@rule(fused.RotaryOp)
def rotary(b: Bufferiser, op: fused.RotaryOp) -> None:
    target, x = result_as_read(b, op), b.place(op.source)
    cos, sin = b.place(op.cos), b.place(op.sin)
    width = x.dims[-1] // 2
    for index, fn in enumerate(("sub", "add")):
        same, other = _half(x, index, width), _half(x, 1 - index, width)
        dims = same.dims
        straight = _map(b, "mul", _new(b, dims), same, _half(cos, index, width))
        crossed = _map(b, "mul", _new(b, dims), other, _half(sin, index, width))
        _map(b, fn, _half(target, index, width), straight, crossed)


def _grouped(place: Place, shared: int) -> Place:
    """`[B, H, S, X]` as `[B, Hk, G * S, X]`, or as `[B, Hk, G, S, X]` where S is no number."""
    batch, heads, rows, last = place.dims
    group = heads.const // shared
    outer, head, row, inner = place.strides
    if rows.is_const and head == row * rows:
        dims = (batch, Affine(shared), rows * group, last)
        strides = (outer, head * group, row, inner)
    else:
        dims = (batch, Affine(shared), Affine(group), rows, last)
        strides = (outer, head * group, head, row, inner)
    return Place(place.buffer, place.tensor.with_dims(dims), place.offset, strides)


def _product(b: Bufferiser, target: Place, x: Place, panel: Place, *, transposed: bool) -> None:
    """`x @ panel` head by head; a transposed panel is `[B, Hk, N, K]`."""
    outer, head, first, second = panel.strides
    within = (second, first) if transposed else (first, second)
    shared = (NONE,) * (len(x.dims) - 4)
    operands = [
        (target.buffer, View(target.offset, (*target.strides[:-1], NONE, target.strides[-1]))),
        (x.buffer, View(x.offset, (*x.strides, NONE))),
        (panel.buffer, View(panel.offset, (outer, head, *shared, NONE, *within))),
    ]
    extents = (*x.dims, target.dims[-1])
    b.build.data(mem.VecmatOp, extents, operands, accumulate=number(0))


def _mask(b: Bufferiser, scores: Place, op: fused.AttentionOp) -> None:
    for bias in op.biases:
        _map(b, "add", scores, scores, b.place(bias))
    for keep in op.keeps:
        _select(b, scores, b.place(keep), scores, _scalar(b, -np.inf))


@rule(fused.AttentionOp)
def attention(b: Bufferiser, op: fused.AttentionOp) -> None:
    target = b.result(op)
    query, key, value = b.place(op.query), b.place(op.key), b.place(op.value)
    shared, columns = key.dims[1].const, key.dims[2]
    scaled = _new(b, query.dims, key.tensor.dtype)
    _map(b, "mul", scaled, query, _scalar(b, factor(op)))
    scores = _new(b, (*query.dims[:3], columns))
    _product(b, _grouped(scores, shared), _grouped(scaled, shared), key, transposed=True)
    if op.softcap.value.data > 0:
        _map(b, "tanh", scores, scores)
        _map(b, "mul", scores, scores, _scalar(b, op.softcap.value.data))
    _mask(b, scores, op)
    inverse, element = _powers(b, scores, scores, op.empty.data), value.tensor.dtype
    if element is F32:
        mixed = _new(b, target.dims)
        _product(b, _grouped(mixed, shared), _grouped(scores, shared), value, transposed=False)
        _map(b, "mul", target, mixed, inverse)
    else:
        powers = _map(b, "mul", _new(b, scores.dims, element), scores, inverse)
        _product(b, _grouped(target, shared), _grouped(powers, shared), value, transposed=False)
