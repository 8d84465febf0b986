"""
Which values of the `lpu` level are affine in their index.

Decompositions compute indices by arithmetic on `lpu.iota`: products with strides, sums, selections
that make negative indices positive, counts of ones. Here that arithmetic is read back: `line_of`
says what base and coefficients a value has, or None. Sums and products of lines wrap as those of
integers do; where it matters that none wraps, `exact_line` asks for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from xdsl.ir import SSAValue

from dialects.affine import Affine, NotAffine, Ranges, product
from dialects.lpu.contents import fill_value
from dialects.lpu.elementwise import CastOp, ConstantOp, FillOp, IotaOp, MapOp, SelectOp
from dialects.lpu.facts import facts_of
from dialects.lpu.movement import BroadcastOp, ConcatOp, ReshapeOp, SliceOp, TransposeOp
from dialects.lpu.products import ReduceOp
from dialects.lpu.tensors import LpuOp, UnaryOp, tensor_of
from dialects.lpu.weights import Inline
from passes.analysis.content import ELEMENTS_LIMIT, Line, combine_lines, expand_line
from passes.analysis.reshaping import merged_strides, refine
from runtime.numerics.elements import ElementType

INDICES = (ElementType.I64, ElementType.I32)

ARITHMETIC = {"add": "Add", "sub": "Sub", "mul": "Mul"}


class Lines:
    """Answers `line_of`, each value once."""

    def __init__(self, ranges: Ranges) -> None:
        self.ranges = ranges
        self.known: dict[SSAValue, Line | None] = {}

    def line_of(self, value: SSAValue) -> Line | None:
        if value not in self.known:
            self.known[value] = self._derive(value)
        return self.known[value]

    def exact_line(self, value: SSAValue) -> Line | None:
        """The line of a value whose element type, i64 or i32, holds all of it."""
        line = self.line_of(value)
        return line if line is not None and self.fits(value, line) else None

    def fits(self, value: SSAValue, line: Line) -> bool:
        """Whether a value, if it is this line, wraps nowhere."""
        dtype = tensor_of(value).dtype
        low, high = self.bounds(value, line)
        limit = 1 << 8 * dtype.itemsize - 1
        return dtype in INDICES and -limit <= low and high < limit

    def difference(self, op: MapOp) -> tuple[int, int] | None:
        """Bounds of the left operand less the right one, exact where both move together."""
        found = _operands(self, op)
        if found is None or any(self.exact_line(value) is None for value in op.operands):
            return None
        apart = combine_lines("Sub", *found)
        return None if apart is None else self.bounds(op.results[0], apart)

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


def _written(value: np.ndarray) -> Line | None:
    """The line that a few whole numbers make, one by one."""
    if not 0 < value.size <= ELEMENTS_LIMIT or value.dtype.kind not in "iu":
        return None
    steps = list[Affine]()
    for axis in range(value.ndim):
        apart = np.diff(value, axis=axis).reshape(-1)
        if apart.size and (apart != apart[0]).any():
            return None
        steps.append(Affine(int(apart[0]) if apart.size else 0))
    return Line(Affine(int(value.flat[0])), tuple(steps))


def _iota(lines: Lines, op: IotaOp) -> Line:
    base, *coefficients = op.coefficients.data
    return Line(base, tuple(coefficients))


def _fill(lines: Lines, op: FillOp) -> Line | None:
    value = fill_value(op)
    if value.dtype.kind not in "iu":
        return None
    return Line(Affine(int(value)), (Affine(),) * op.result_tensor().rank)


def _constant(lines: Lines, op: ConstantOp) -> Line | None:
    weight = op.value.data
    if not isinstance(weight, Inline):
        return None
    array = np.frombuffer(weight.data, weight.dtype.dtype)
    return _written(array.reshape(weight.shape))


def _map(lines: Lines, op: MapOp) -> Line | None:
    if op.fn.data in ("max", "min"):
        return _greater(lines, op)
    fn = ARITHMETIC.get(op.fn.data)
    found = None if fn is None else _operands(lines, op)
    return None if fn is None or found is None else combine_lines(fn, *found)


def _operands(lines: Lines, op: MapOp) -> tuple[Line, Line] | None:
    """The lines that both operands are, over all axes of the result."""
    rank = op.result_tensor().rank
    found = [(value, lines.line_of(value)) for value in op.operands]
    spread = [
        expand_line(line, tensor_of(value).shape, rank) for value, line in found if line is not None
    ]
    return (spread[0], spread[1]) if len(spread) == len(found) == 2 else None


def _greater(lines: Lines, op: MapOp) -> Line | None:
    """The operand that is nowhere less than the other one, or nowhere more if that is asked."""
    found, difference = _operands(lines, op), lines.difference(op)
    if found is None or difference is None:
        return None
    low, high = difference
    if op.fn.data == "min":
        low, high = -high, -low
    return found[0] if low >= 0 else found[1] if high <= 0 else None


def _holds(lines: Lines, condition: SSAValue) -> bool | None:
    """What a comparison of lines, or several, comes to for all elements; None if it depends."""
    op = condition.owner
    if not isinstance(op, MapOp):
        return None
    if op.fn.data == "and":
        parts = [_holds(lines, part) for part in op.operands]
        return False if False in parts else (None if None in parts else True)
    difference = lines.difference(op) if op.fn.data in ("lt", "ge") else None
    if difference is None:
        return None
    low, high = difference
    if low < 0 <= high:
        return None
    return (high < 0) == (op.fn.data == "lt")


def _select(lines: Lines, op: SelectOp) -> Line | None:
    """
    The arm that is chosen everywhere: that of indices which are not negative, in what counts
    negative ones from the end; that of indices which name an element. Or both, if they are equal.
    """
    holds = _holds(lines, op.condition)
    if holds is not None:
        return _arm(lines, op, op.on_true if holds else op.on_false)
    arms = (_arm(lines, op, op.on_true), _arm(lines, op, op.on_false))
    return arms[0] if arms[0] == arms[1] else None


def _arm(lines: Lines, op: SelectOp, chosen: SSAValue) -> Line | None:
    line = lines.line_of(chosen)
    if line is None:
        return None
    return expand_line(line, tensor_of(chosen).shape, op.result_tensor().rank)


def _cast(lines: Lines, op: CastOp) -> Line | None:
    """The same, where the source does not wrap; the result may, as sums do."""
    return lines.exact_line(op.source) if op.result_tensor().dtype in INDICES else None


def _reduce(lines: Lines, op: ReduceOp) -> Line | None:
    """How many elements a fill has, times what they are."""
    fill = op.source.owner
    if op.fn.data != "sum" or not isinstance(fill, FillOp):
        return None
    element, tensor = fill_value(fill), op.result_tensor()
    if element.dtype.kind not in "iu":
        return None
    count = product(op.source_tensor().shape[axis] for axis in op.axes.data)
    return Line(count * int(element), (Affine(),) * tensor.rank)


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
        dense = not any(o != Affine() for o in others) and set(op.steps.data) <= {1}
        whole = dense and op.result_tensor().shape == dims
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
    CastOp: _cast,
    ReduceOp: _reduce,
    BroadcastOp: _move,
    ReshapeOp: _move,
    TransposeOp: _move,
    SliceOp: _move,
}
