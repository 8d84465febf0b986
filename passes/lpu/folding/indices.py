"""
What index arithmetic says without being run: lines, and comparisons that bounds decide.

`0 <= k <= P` for every `k` of an axis of `P + 1` is true whatever `P` is: a causal mask of one new
token is no mask.
"""

from __future__ import annotations

import operator
from collections.abc import Callable

import numpy as np
from xdsl.dialects.builtin import StringAttr
from xdsl.ir import Attribute, SSAValue

from dialects.affine import Affine, NotAffine, product
from dialects.lpu.attributes import AffineListAttr
from dialects.lpu.contents import fill_value
from dialects.lpu.elementwise import FillOp, IotaOp, MapOp
from dialects.lpu.products import ReduceOp, ScanOp
from dialects.lpu.tensors import LpuOp, UnaryOp, tensor_of
from passes.analysis.content import Line
from passes.analysis.lines import INDICES, Lines
from runtime.numerics.elements import ElementType

EXACT = 1 << 24
"""Counts up to this one are exact in f32."""

Interval = tuple[float, float]

_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "lt": operator.lt, "le": operator.le, "gt": operator.gt, "ge": operator.ge,
}  # fmt: skip


def counted(op: LpuOp) -> LpuOp | None:
    """The running sum of an integer fill is an iota."""
    if not isinstance(op, ScanOp) or not isinstance(op.source.owner, FillOp):
        return None
    tensor = op.result_tensor()
    if tensor.dtype not in INDICES:
        return None
    step = int(fill_value(op.source.owner))
    base = 0 if op.exclusive.value.data else step
    steps = [step if axis == op.axis.value.data else 0 for axis in range(tensor.rank)]
    return _iota(Line(Affine(base), tuple(map(Affine, steps))), op.result)


def _iota(line: Line, result: SSAValue) -> IotaOp:
    attribute = AffineListAttr((line.base, *line.coefficients))
    return IotaOp.create(result_types=[result.type], properties={"coefficients": attribute})


def fill_of(element: np.ndarray, kind: Attribute) -> FillOp:
    """One element, of rank 0, everywhere."""
    properties = {"value": StringAttr(element.tobytes().hex())}
    return FillOp.create(result_types=[kind], properties=properties)


def _fill(value: int, result: SSAValue) -> FillOp:
    return fill_of(np.asarray(value).astype(tensor_of(result).dtype.dtype), result.type)


def indexed(op: LpuOp, lines: Lines) -> LpuOp | None:
    """Integers that are affine in their index, without the operations that computed them."""
    result = op.results[0]
    line = None if op.FACTS.is_source else lines.exact_line(result)
    if line is None:
        return None
    if line.base.is_const and not any(line.coefficients):
        return _fill(line.base.const, result)
    return _iota(line, result)


def compared(op: LpuOp, lines: Lines) -> LpuOp | None:
    """A comparison that comes out the same for all elements and all values of the symbols."""
    if not isinstance(op, MapOp) or op.fn.data not in _COMPARE:
        return None
    outcome = _outcome(op, lines)
    return None if outcome is None else _fill(outcome, op.result)


def _outcome(op: MapOp, lines: Lines) -> bool | None:
    compare = _COMPARE[op.fn.data]
    found = lines.difference(op) or _distance(op, lines)
    if found is None:
        return None
    outcomes = {compare(end, 0) for end in found}
    return outcomes.pop() if len(outcomes) == 1 else None


def _distance(op: MapOp, lines: Lines) -> Interval | None:
    """Bounds of left less right from those of each."""
    left, right = (_interval(value, lines) for value in op.operands)
    if left is None or right is None:
        return None
    return left[0] - right[1], left[1] - right[0]


def _interval(value: SSAValue, lines: Lines) -> Interval | None:
    """Bounds of the elements of a fill, a line, or a sum over a fill."""
    match value.owner:
        case FillOp() as fill:
            element = float(fill_value(fill))
            return element, element
        case ReduceOp() as reduce if reduce.fn.data == "sum":
            return _sum(reduce, lines)
        case UnaryOp() as view if view.FACTS.moves:
            return _interval(view.source, lines)
        case _:
            line = lines.exact_line(value)
            return None if line is None else lines.bounds(value, line)


def _sum(op: ReduceOp, lines: Lines) -> Interval | None:
    if not isinstance(op.source.owner, FillOp) or op.result_tensor().dtype not in (
        ElementType.F32,
        *INDICES,
    ):
        return None
    element = float(fill_value(op.source.owner))
    try:
        count = product(op.source_tensor().shape[axis] for axis in op.axes.data)
    except NotAffine:
        return None
    ends = sorted(element * end for end in count.bounds(lines.ranges))
    exact = element.is_integer() and max(map(abs, ends)) <= EXACT
    return (ends[0], ends[1]) if exact else None
