"""
What each `lpu` operation computes, in numpy.

Constant folding and the interpreter of this level share these definitions. Rounding follows the
result types: f16 and bf16 operands are widened to f32, and the result is rounded once. Scalar
functions are the machine's own (`runtime.numerics.elements`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from xdsl.ir import Operation

from dialects.affine import Affine
from dialects.lpu import fused_semantics
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
from dialects.lpu.tensors import Array, CollectiveOp, LpuOp, tensor_of
from dialects.lpu.types import Tensor
from dialects.lpu.weights import for_device, read
from runtime.numerics.elements import ElementType, binary, convert, unary
from runtime.traps import Trap, TrapKind

_Op = TypeVar("_Op", bound=LpuOp)


@dataclass(frozen=True)
class Scope:
    """Where an operation is evaluated: values of symbols, folder of weight files, which device."""

    symbols: Mapping[str, int]
    folder: Path
    weights: dict[object, Array] = field(default_factory=dict[object, Array])
    device: int = 0

    def shape(self, extents: Sequence[Affine]) -> tuple[int, ...]:
        return tuple(extent.evaluate(self.symbols) for extent in extents)


Semantics = Callable[[Any, tuple[Array, ...], Scope], tuple[Array, ...]]
SEMANTICS: dict[type[LpuOp], Semantics] = {}
"""For each operation: (operation, operand arrays, scope) -> result arrays."""


def semantics(
    cls: type[_Op],
) -> Callable[[Callable[[_Op, tuple[Array, ...], Scope], Array]], None]:
    """Register the meaning of an operation with one result."""

    def register(function: Callable[[_Op, tuple[Array, ...], Scope], Array]) -> None:
        SEMANTICS[cls] = lambda op, inputs, scope: (function(op, inputs, scope),)

    return register


def _rounded(values: Array, op: LpuOp) -> Array:
    return values.astype(op.result_tensor().dtype.dtype, copy=False)


def _widened(values: Array) -> Array:
    element = ElementType.of(values.dtype)
    assert element is not None
    return values.astype(element.compute, copy=False)


@semantics(ConstantOp)
def _(op: ConstantOp, _inputs: tuple[Array, ...], scope: Scope) -> Array:
    weight = for_device(op.value.data, scope.device)
    if weight not in scope.weights:
        scope.weights[weight] = read(weight, scope.folder)
    return scope.weights[weight]


@semantics(FillOp)
def _(op: FillOp, _inputs: tuple[Array, ...], scope: Scope) -> Array:
    return np.broadcast_to(fill_value(op), scope.shape(op.result_tensor().shape))


@semantics(IotaOp)
def _(op: IotaOp, _inputs: tuple[Array, ...], scope: Scope) -> Array:
    shape = scope.shape(op.result_tensor().shape)
    base, *coefficients = scope.shape(op.coefficients.data)
    values = np.full(shape, base, np.int64)
    for axis, (extent, coefficient) in enumerate(zip(shape, coefficients, strict=True)):
        steps = np.arange(extent, dtype=np.int64) * coefficient
        values += steps.reshape(-1, *(1,) * (len(shape) - axis - 1))
    return _rounded(values, op)


@semantics(MapOp)
def _(op: MapOp, inputs: tuple[Array, ...], scope: Scope) -> Array:
    result = op.result_tensor()
    out = np.empty(scope.shape(result.shape), result.dtype.dtype)
    types = [t.dtype for t in op.operand_tensors()]
    if len(inputs) == 1:
        unary(op.fn.data, result.dtype, types[0])(out, inputs[0])
    else:
        binary(op.fn.data, result.dtype, types[0], types[1])(out, inputs[0], inputs[1])
    return out


@semantics(SelectOp)
def _(_op: SelectOp, inputs: tuple[Array, ...], _scope: Scope) -> Array:
    return np.where(*inputs)


@semantics(CastOp)
def _(op: CastOp, inputs: tuple[Array, ...], _scope: Scope) -> Array:
    return convert(inputs[0], op.result_tensor().dtype)


def _lowest(element: ElementType) -> float | int | bool:
    """What no element is below: where a maximum starts."""
    if element.is_float:
        return -np.inf
    return int(np.iinfo(element.dtype).min) if element.is_int else False


def _highest(element: ElementType) -> float | int | bool:
    """What no element is above: where a minimum starts."""
    if element.is_float:
        return np.inf
    return int(np.iinfo(element.dtype).max) if element.is_int else True


@semantics(ReduceOp)
def _(op: ReduceOp, inputs: tuple[Array, ...], _scope: Scope) -> Array:
    element, axes = op.result_tensor().dtype, op.axes.data
    values = _widened(inputs[0])
    match op.fn.data:
        case "max":
            result = np.max(values, axes, keepdims=True, initial=_lowest(element))
        case "min":
            result = np.min(values, axes, keepdims=True, initial=_highest(element))
        case "prod":
            result = np.prod(values, axes, keepdims=True, dtype=values.dtype)
        case _:
            result = np.sum(values, axes, keepdims=True, dtype=values.dtype)
    return _rounded(result, op)


@semantics(ScanOp)
def _(op: ScanOp, inputs: tuple[Array, ...], _scope: Scope) -> Array:
    axis, values = op.axis.value.data, _widened(inputs[0])
    sums = np.cumsum(values, axis, dtype=values.dtype)
    if op.exclusive.value.data:
        sums = np.roll(sums, 1, axis)
        np.moveaxis(sums, axis, 0)[:1] = 0
    return _rounded(sums, op)


@semantics(MatmulOp)
def _(op: MatmulOp, inputs: tuple[Array, ...], _scope: Scope) -> Array:
    lhs, rhs = map(_widened, inputs)
    dtype = op.result_tensor().dtype
    if dtype.is_int:
        lhs, rhs = lhs.astype(dtype.dtype, copy=False), rhs.astype(dtype.dtype, copy=False)
    return _rounded(np.matmul(lhs, rhs), op)


@semantics(ReshapeOp)
def _(op: ReshapeOp, inputs: tuple[Array, ...], scope: Scope) -> Array:
    return inputs[0].reshape(scope.shape(op.result_tensor().shape))


@semantics(TransposeOp)
def _(op: TransposeOp, inputs: tuple[Array, ...], _scope: Scope) -> Array:
    return inputs[0].transpose(op.perm.data)


@semantics(BroadcastOp)
def _(op: BroadcastOp, inputs: tuple[Array, ...], scope: Scope) -> Array:
    return np.broadcast_to(inputs[0], scope.shape(op.result_tensor().shape))


@semantics(SliceOp)
def _(op: SliceOp, inputs: tuple[Array, ...], scope: Scope) -> Array:
    offsets, extents = scope.shape(op.offsets.data), scope.shape(op.result_tensor().shape)
    ranges: list[slice] = []
    bounds = zip(offsets, extents, op.steps.data, inputs[0].shape, strict=True)
    for offset, extent, step, length in bounds:
        last = offset + (extent - 1) * step
        if extent and not 0 <= offset <= last < length:
            raise Trap(TrapKind.OUT_OF_BOUNDS, f"a slice reads {offset} to {last} of {length}")
        ranges.append(slice(offset, offset + extent * step, step) if extent else slice(0))
    return inputs[0][tuple(ranges)]


@semantics(ConcatOp)
def _(op: ConcatOp, inputs: tuple[Array, ...], _scope: Scope) -> Array:
    return np.concatenate(inputs, op.axis.value.data)


def _rows(indices: Array, limit: int) -> Array:
    """Indices counted from the start; one outside of the axis is a trap."""
    if indices.size and not (indices.min() >= -limit and indices.max() < limit):
        raise Trap(TrapKind.INDEX, f"an index lies outside of an axis of {limit}")
    return np.where(indices < 0, indices + limit, indices)


@semantics(GatherOp)
def _(op: GatherOp, inputs: tuple[Array, ...], _scope: Scope) -> Array:
    source, axis = inputs[0], op.axis.value.data
    return np.take(source, _rows(inputs[1], source.shape[axis]), axis)


@semantics(ScatterOp)
def _(op: ScatterOp, inputs: tuple[Array, ...], _scope: Scope) -> Array:
    source, indices, updates = _widened(inputs[0]).copy(), inputs[1], _widened(inputs[2])
    rows = _rows(indices, source.shape[0])
    if op.fn.data == "set":
        source[rows] = updates
        return _rounded(source, op)
    combine = {"add": np.add, "mul": np.multiply, "max": np.maximum, "min": np.minimum}
    combine[op.fn.data].at(source, rows, updates)
    return _rounded(source, op)


def _topk(op: TopkOp, inputs: tuple[Array, ...], scope: Scope) -> tuple[Array, ...]:
    source = inputs[0]
    (count,) = scope.shape(op.result_tensor().shape[-1:])
    if op.largest.value.data:
        last = source.shape[-1] - 1
        order = last - np.argsort(source[..., ::-1], -1, kind="stable")[..., ::-1]
    else:
        order = np.argsort(source, -1, kind="stable")
    indices = order[..., :count].astype(np.int64)
    return np.take_along_axis(source, indices, -1), indices


SEMANTICS[TopkOp] = _topk


def _without_scope(
    function: Callable[[Any, tuple[Array, ...]], Array],
) -> Semantics:
    return lambda op, inputs, _scope: (function(op, inputs),)


SEMANTICS.update((cls, _without_scope(f)) for cls, f in fused_semantics.SEMANTICS.items())


def evaluate(op: LpuOp, inputs: Sequence[Array], scope: Scope) -> tuple[Array, ...]:
    """The results of one operation; asserts that they have the types it promises."""
    with np.errstate(all="ignore"):
        results = SEMANTICS[type(op)](op, tuple(inputs), scope)
    return _checked(op, results, scope)


def evaluate_together(
    op: CollectiveOp, inputs: Sequence[Sequence[Array]], scope: Scope
) -> tuple[Array, ...]:
    """The results on all devices of what they compute together, from the inputs of each."""
    return _checked(op, op.together(inputs), scope)


def _checked(op: LpuOp, results: tuple[Array, ...], scope: Scope) -> tuple[Array, ...]:
    for value, array in zip(op.results, results, strict=True):
        _check(op, tensor_of(value), array, scope)
    return results


def _check(op: Operation, tensor: Tensor, array: Array, scope: Scope) -> None:
    expected = scope.shape(tensor.shape)
    assert array.shape == expected and array.dtype == tensor.dtype.dtype, (
        f"{op.name} gave {array.shape} of {array.dtype}, its type says {expected} of {tensor}"
    )
