"""
By how much a right run may differ from another: bounds on the rounding of one operation.

A sum of `n` products in any order differs from the exact one by a walk of `n` roundings, each of a
partial sum: in the root mean square `sqrt(n) u ||x * w||_2`, with `u` the unit roundoff of the type
(Higham and Mary, A New Approach to Probabilistic Rounding Error Analysis, 2019). The bound
`n u sum |x| |w|` that holds for certain is hundreds of times as wide and finds no fault. All else
rounds once for each step of its definition, relative to the result.

`local_bound` gives this for the result of one operation, from the operands that it had.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from xdsl.ir import Operation

from dialects.lpu.fused import AttentionOp, NormOp, RotaryOp, SoftmaxOp
from dialects.lpu.products import MatmulOp, ReduceOp, ScanOp
from dialects.onnx.ops import OnnxOp
from runtime.numerics.elements import ElementType

Array = np.ndarray[Any, np.dtype[Any]]
Operands = Sequence[Array | None]

ROUNDOFF = {ElementType.F32: 2.0**-24, ElementType.F16: 2.0**-11, ElementType.BF16: 2.0**-8}
"""Half the distance from 1 to the next number."""

UNDERFLOW = {ROUNDOFF[ElementType.F16]: 2.0**-25}
"""What rounding to a type changes a number at most that is too small to be relative to; else 0."""

STEPS = 4
"""Roundings in an elementwise function, relative to its result; `exp` and `erf` take two."""
FUSED_STEPS = 32
"""The same in what is fused, besides its sums."""


def roundoff(array: Array) -> float:
    """The unit roundoff of what an array holds; 0 where nothing is rounded."""
    element = ElementType.of(array.dtype)
    return ROUNDOFF.get(element, 0.0) if element is not None else 0.0


def _squared(array: Array) -> Array:
    return np.square(np.abs(array).astype(np.float64))


def _product(left: Array, right: Array) -> Array:
    """`sqrt(n) ||x * w||_2` for each element of a product."""
    n = left.shape[-1] if left.ndim else 1
    return np.sqrt(n * np.matmul(_squared(left), _squared(right)))


def _along(array: Array, axes: tuple[int, ...]) -> Array:
    """`sqrt(n) ||x||_2` for each sum over axes."""
    n = int(np.prod([array.shape[axis] for axis in axes]))
    return np.sqrt(n * np.sum(_squared(array), axes, keepdims=True))


def _matmul(_op: MatmulOp, operands: Operands, _result: Array) -> Array | float:
    left, right = operands
    assert left is not None and right is not None
    return _product(left, right)


def _reduce(op: ReduceOp, operands: Operands, result: Array) -> Array | float:
    source = operands[0]
    assert source is not None
    if op.fn.data == "sum":
        return _along(source, op.axes.data)
    return 0.0 if op.fn.data in ("max", "min") else STEPS * np.abs(result) * source.size


def _scan(_op: ScanOp, operands: Operands, result: Array) -> Array | float:
    source = operands[0]
    assert source is not None
    return np.sqrt(source.size * np.sum(_squared(source))) + np.zeros(result.shape)


def _rows(_op: Operation, operands: Operands, result: Array) -> Array | float:
    """Rows of what is summed along its last axis: relative to the largest of a row."""
    source = operands[0]
    assert source is not None
    n = source.shape[-1] if source.ndim else 1
    return (FUSED_STEPS + np.sqrt(n)) * _largest(result)


def _largest(array: Array) -> Array:
    """The largest magnitude of each row, NaN and infinities aside."""
    size = np.where(np.isfinite(array), np.abs(array.astype(np.float64)), 0)
    return np.max(size, -1, keepdims=True, initial=0.0) if array.ndim else size


def _attention(_op: AttentionOp, operands: Operands, result: Array) -> Array | float:
    """A score is off by its product's bound, a probability relatively by as much."""
    query, key, value = operands[:3]
    assert query is not None and key is not None and value is not None
    depth, columns = query.shape[-1], key.shape[2]
    longest = [np.sqrt(np.max(np.sum(_squared(x), -1), initial=0.0)) for x in (query, key)]
    score = np.sqrt(depth) * longest[0] * longest[1] * abs(float(_op.scale.value.data))
    size = np.max(np.abs(value.astype(np.float64)), initial=0.0, where=np.isfinite(value))
    return (FUSED_STEPS + np.sqrt(columns) + 2 * score) * size + np.zeros(result.shape)


_Bound = Callable[[Any, Operands, Array], Array | float]

LPU: dict[type[Operation], _Bound] = {
    MatmulOp: _matmul,
    ReduceOp: _reduce,
    ScanOp: _scan,
    SoftmaxOp: _rows,
    NormOp: _rows,
    RotaryOp: _rows,
    AttentionOp: _attention,
}
"""In units of roundoff; operations of `lpu` that are not here round each element `STEPS` times."""

MOVES = frozenset(
    {
        "lpu.reshape", "lpu.transpose", "lpu.broadcast", "lpu.slice", "lpu.concat", "lpu.gather",
        "lpu.constant", "lpu.fill", "lpu.iota", "lpu.select", "lpu.read", "lpu.topk",
        "lpu_esl.all_gather", "lpu_esl.unshard",
        "onnx.Reshape", "onnx.Transpose", "onnx.Expand", "onnx.Slice", "onnx.Concat",
        "onnx.Gather", "onnx.Constant", "onnx.Where", "onnx.Identity", "onnx.Squeeze",
        "onnx.Unsqueeze", "onnx.Split", "onnx.Initializer", "onnx.Flatten",
    }
)  # fmt: skip
"""What computes nothing, and rounds nothing."""


def is_sum(op: Operation) -> bool:
    """Whether the order of additions may matter to an operation."""
    return type(op) in LPU or (isinstance(op, OnnxOp) and op.name not in MOVES)


def _onnx(op: OnnxOp, operands: Operands, result: Array) -> Array | float:
    """Products by their factors; of all others no more is known than the largest size."""
    floats = [x for x in operands if x is not None and x.dtype.kind == "f" and x.ndim]
    if op.name == "onnx.MatMul" and len(floats) == 2 and min(x.ndim for x in floats) >= 2:
        return _product(floats[0], floats[1])
    if op.name == "onnx.Gemm" and len(floats) >= 2:
        return _gemm(op, floats, result)
    n = max((x.shape[-1] for x in floats), default=1)
    largest = float(np.max(_largest(result), initial=0.0))
    return (FUSED_STEPS + np.sqrt(n)) * largest + np.zeros(result.shape)


def _gemm(op: OnnxOp, floats: Sequence[Array], result: Array) -> Array | float:
    """A product that is scaled, and what is added to it, which is one term more."""
    left, right = (
        np.swapaxes(x, -1, -2) if op.attr(name) else x
        for x, name in zip(floats, ("transA", "transB"), strict=False)
    )
    scale, added = op.attr("alpha"), floats[2:]
    assert isinstance(scale, float)
    terms = abs(scale) * _product(left, right)
    return sum((np.abs(x.astype(np.float64)) for x in added), terms) + np.abs(result)


class Coarser(NamedTuple):
    """Unit roundoffs above those of the types that an operation has."""

    computed: float = 0.0
    """Of what it computes with."""
    stored: float = 0.0
    """Of what its result is rounded to."""


FINE = Coarser()
"""None is."""


def rounding(result: Array, unit: float) -> Array:
    """By how much at most numbers change that are rounded once to a type with a unit roundoff."""
    return np.maximum(unit * _size(result), UNDERFLOW.get(unit, 0.0))


def _size(array: Array) -> Array:
    return np.abs(np.where(np.isfinite(array), array, 0).astype(np.float64))


def local_bound(op: Operation, operands: Operands, result: Array, coarser: Coarser = FINE) -> Array:
    """
    The rounding of one result of an operation that had these operands, an array like the result.

    Sums are kept in f32 and rounded once, unless what they are of is coarser.
    """
    own, (unit, stored) = roundoff(result), coarser
    if result.dtype.kind not in "fV" or (op.name in MOVES and max(unit, stored) <= own):
        return np.zeros(result.shape)
    kept = rounding(result, max(own, unit, stored))
    if op.name in MOVES:
        return kept
    with np.errstate(all="ignore"):
        if isinstance(op, OnnxOp):
            terms = _onnx(op, operands, result)
        else:
            found = LPU.get(type(op))
            terms = STEPS * _size(result) if found is None else found(op, operands, result)
        bound = max(unit, 2.0**-24) * np.nan_to_num(terms) + kept
    return np.broadcast_to(bound, result.shape)
