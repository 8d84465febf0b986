"""
Which values of the `lpu` level are affine in their index.

Decompositions compute indices by arithmetic on `lpu.iota`: products with strides, sums, selections
that make negative indices positive. Here that arithmetic is read back: `line_of` says what base and
coefficients a value has, or None.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from xdsl.ir import SSAValue

from dialects.affine import Affine, NotAffine, Ranges
from dialects.lpu.contents import fill_value
from dialects.lpu.elementwise import ConstantOp, FillOp, IotaOp, MapOp, SelectOp
from dialects.lpu.facts import facts_of
from dialects.lpu.movement import BroadcastOp, ConcatOp, ReshapeOp, SliceOp, TransposeOp
from dialects.lpu.tensors import LpuOp, UnaryOp, tensor_of
from dialects.lpu.weights import Inline
from passes.analysis.content import Line, combine_lines, expand_line
from passes.analysis.reshaping import merged_strides, refine

ARITHMETIC = {"add": "Add", "sub": "Sub", "mul": "Mul"}


@dataclass
class Lines:
    """Answers `line_of`, each value once."""

    ranges: Ranges
    known: dict[SSAValue, Line | None] = field(default_factory=dict)

    def line_of(self, value: SSAValue) -> Line | None:
        if value not in self.known:
            self.known[value] = self._derive(value)
        return self.known[value]

    def _derive(self, value: SSAValue) -> Line | None:
        op = value.owner
        if not facts_of(op).lines:
            return None
        try:
            return RULES[type(op)](self, op)
        except NotAffine:
            return None

    def bounds(self, value: SSAValue, line: Line) -> tuple[int, int]:
        """
        Smallest and largest element; of an empty value, the base.

        Where base and last element move together, as `-P + i` for `i < P + 1`, that is seen.
        """
        low, high = line.base.bounds(self.ranges)
        first = last = line.base
        spread = [0, 0]
        for extent, coefficient in zip(tensor_of(value).shape, line.coefficients, strict=True):
            if not coefficient.is_const:
                end = max(extent.upper(self.ranges) - 1, 0)
                steps = [c * end for c in coefficient.bounds(self.ranges)]
                spread = [spread[0] + min(0, *steps), spread[1] + max(0, *steps)]
            elif coefficient.const < 0:
                first = first + coefficient * (extent - 1)
            else:
                last = last + coefficient * (extent - 1)
        low = min(low, first.lower(self.ranges)) + spread[0]
        return low, max(high, last.upper(self.ranges)) + spread[1]


Rule = Callable[[Lines, Any], Line | None]


def _scalar(value: np.ndarray, rank: int) -> Line | None:
    if value.size != 1 or value.dtype.kind not in "iu":
        return None
    return Line(Affine(int(value.reshape(())[()])), (Affine(),) * rank)


def _iota(lines: Lines, op: IotaOp) -> Line:
    base, *coefficients = op.coefficients.data
    return Line(base, tuple(coefficients))


def _fill(lines: Lines, op: FillOp) -> Line | None:
    return _scalar(fill_value(op), op.result_tensor().rank)


def _constant(lines: Lines, op: ConstantOp) -> Line | None:
    weight = op.value.data
    if not isinstance(weight, Inline):
        return None
    array = np.frombuffer(weight.data, weight.dtype.dtype)
    return _scalar(array, len(weight.shape))


def _map(lines: Lines, op: MapOp) -> Line | None:
    fn = ARITHMETIC.get(op.fn.data)
    return None if fn is None else _combined(lines, op, fn)


def _combined(lines: Lines, op: MapOp, fn: str) -> Line | None:
    """The line that an arithmetic function makes of those that its operands are."""
    rank = op.result_tensor().rank
    found: list[Line] = []
    for value in op.operands:
        line = lines.line_of(value)
        if line is None:
            return None
        found.append(expand_line(line, tensor_of(value).shape, rank))
    return combine_lines(fn, *found)


def _holds(lines: Lines, condition: SSAValue) -> bool | None:
    """What a comparison of lines, or several, comes to for all elements; None if it depends."""
    op = condition.owner
    if not isinstance(op, MapOp):
        return None
    if op.fn.data == "and":
        parts = [_holds(lines, part) for part in op.operands]
        return False if False in parts else (None if None in parts else True)
    if op.fn.data not in ("lt", "ge"):
        return None
    difference = _combined(lines, op, "Sub")
    if difference is None:
        return None
    low, high = lines.bounds(condition, difference)
    if low < 0 <= high:
        return None
    return (high < 0) == (op.fn.data == "lt")


def _select(lines: Lines, op: SelectOp) -> Line | None:
    """
    The arm that is chosen everywhere: that of indices which are not negative, in what counts
    negative ones from the end; that of indices which name an element.
    """
    holds = _holds(lines, op.condition)
    if holds is None:
        return None
    chosen = op.on_true if holds else op.on_false
    line = lines.line_of(chosen)
    if line is None:
        return None
    return expand_line(line, tensor_of(chosen).shape, op.result_tensor().rank)


def moved_line(op: LpuOp, line: Line) -> Line | None:
    """The line that a move makes of the line that its operand is."""
    match op:
        case BroadcastOp():
            return expand_line(line, op.source_tensor().shape, op.result_tensor().rank)
        case ReshapeOp():
            source, target = op.source_tensor().shape, op.result_tensor().shape
            refinement = refine(source, target)
            if refinement is None:
                return None
            coefficients = merged_strides(refinement, line.coefficients, target)
            return None if coefficients is None else Line(line.base, coefficients)
        case TransposeOp():
            return Line(line.base, tuple([line.coefficients[p] for p in op.perm.data]))
        case SliceOp():
            base = line.base
            for coefficient, offset in zip(line.coefficients, op.offsets.data, strict=True):
                base = base + coefficient * offset
            steps = zip(line.coefficients, op.steps.data, strict=True)
            return Line(base, tuple([c * s for c, s in steps]))
        case _:
            return None


def _move(lines: Lines, op: UnaryOp) -> Line | None:
    """Also the slice that takes one operand out of a concatenation again."""
    concat = op.source.owner
    if isinstance(op, SliceOp) and isinstance(concat, ConcatOp):
        return _sliced_concat(lines, op, concat)
    line = lines.line_of(op.source)
    return None if line is None else moved_line(op, line)


def _sliced_concat(lines: Lines, op: SliceOp, concat: ConcatOp) -> Line | None:
    axis = concat.axis.value.data
    start = Affine()
    for value in concat.operands:
        dims = tensor_of(value).shape
        others = [o for i, o in enumerate(op.offsets.data) if i != axis]
        whole = op.result_tensor().shape == dims and not any(o != Affine() for o in others)
        if op.offsets.data[axis] == start and whole:
            return lines.line_of(value)
        start = start + dims[axis]
    return None


RULES: dict[type, Rule] = {
    IotaOp: _iota,
    FillOp: _fill,
    ConstantOp: _constant,
    MapOp: _map,
    SelectOp: _select,
    BroadcastOp: _move,
    ReshapeOp: _move,
    TransposeOp: _move,
    SliceOp: _move,
}
