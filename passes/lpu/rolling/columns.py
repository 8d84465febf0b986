"""
What the turns of a loop read from outside: one column of values for each use, one for each turn.

`Columns.leaf` says how a body gets its value of a column, without changing anything:

| leaf | the values are | the body reads |
|---|---|---|
| `Same` | one value | that value |
| `Stacked` | weights | row `l` of one stacked weight |
| `Scalars` | fills | element `l` of a small table, repeated |
| `Line` | iotas that grow by the same step per turn | an iota whose coefficients mention `l` |
| `Inlined` | the same operation on columns of operands | the operation |
| `Table` | computed outside, some of them equal | row `l`, or row `which[l]`, of all that differ |
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from xdsl.ir import Operation, SSAValue

from dialects.affine import Affine, NotAffine
from dialects.lpu.contents import fill_value
from dialects.lpu.elementwise import ConstantOp, FillOp, IotaOp
from dialects.lpu.tensors import LpuOp, tensor_of
from dialects.lpu.weights import INLINE_LIMIT, Stack, Weight, inline
from passes.lpu.rolling.graph import Kinds

TABLE_LIMIT = 1 << 20
"""Largest table, in elements where symbols are 0, that is put together in every call."""

Column = tuple[SSAValue, ...]


class NotRolled(Exception):
    """Why layers that look alike cannot become one loop."""


class Same(NamedTuple):
    """One value for all turns."""

    value: SSAValue


class Stacked(NamedTuple):
    """A weight for each turn."""

    column: Column
    weight: Stack


class Scalars(NamedTuple):
    """An element for each turn, which fills a tensor."""

    column: Column
    elements: np.ndarray


class Line(NamedTuple):
    """Coefficients of an iota in the first turn, and how much each grows per turn."""

    column: Column
    first: tuple[Affine, ...]
    steps: tuple[int, ...]


class Inlined(NamedTuple):
    """An operation that every turn does for itself."""

    column: Column
    operands: tuple[Leaf, ...]


class Table(NamedTuple):
    """Distinct values, and which of them each turn reads."""

    column: Column
    variants: Column
    which: tuple[int, ...]


Leaf = Same | Stacked | Scalars | Line | Inlined | Table


class Columns:
    """Classifies columns; equal columns give the same leaf."""

    def __init__(self, kinds: Kinds) -> None:
        self.kinds = kinds
        self._leaves: dict[Column, Leaf] = {}

    def leaf(self, column: Column) -> Leaf:
        """How the body reads a column; `NotRolled` if it cannot."""
        if column not in self._leaves:
            self._leaves[column] = self._classify(column)
        return self._leaves[column]

    def _classify(self, column: Column) -> Leaf:
        if len(set(column)) == 1:
            return Same(column[0])
        leaf = _stacked(column) or _scalars(column) or _line(column)
        if leaf is not None:
            return leaf
        variants = tuple(dict.fromkeys(column))
        if len(variants) == len(column) and self._alike(column):
            return self._inlined(column)
        return _table(column, variants)

    def _alike(self, column: Column) -> bool:
        """Whether every value is the result of one operation on different operands."""
        first = column[0].owner
        if not isinstance(first, LpuOp) or not first.operands or len(first.results) != 1:
            return False
        kind = self.kinds.of_op(first)
        return all(
            isinstance(v.owner, LpuOp)
            and self.kinds.of_op(v.owner) == kind
            and _types(v.owner) == _types(first)
            for v in column
        )

    def _inlined(self, column: Column) -> Leaf:
        owners = tuple(v.owner for v in column if isinstance(v.owner, Operation))
        operands = zip(*(owner.operands for owner in owners), strict=True)
        return Inlined(column, tuple(map(self.leaf, operands)))


def _types(op: Operation) -> list[object]:
    return [v.type for v in op.operands]


def weight_of(value: SSAValue) -> Weight | None:
    """The weight that a value is, views and casts included; None if it is computed otherwise."""
    match value.owner:
        case ConstantOp() as op:
            return op.value.data
        case FillOp() as op:
            return _filled(op)
        case LpuOp() as op if (rule := op.FACTS.weight) is not None:
            source = weight_of(op.operands[0])
            return None if source is None else rule(op, source)
        case _:
            return None


def _filled(op: FillOp) -> Weight | None:
    tensor = op.result_tensor()
    if not tensor.is_static or tensor.elements.const * tensor.dtype.itemsize > INLINE_LIMIT:
        return None
    return inline(np.broadcast_to(fill_value(op), tensor.static_shape()))


def _stacked(column: Column) -> Leaf | None:
    if all(isinstance(v.owner, FillOp) for v in column):
        return None
    weights = [weight_of(v) for v in column]
    known = tuple(w for w in weights if w is not None)
    return Stacked(column, Stack(known)) if len(known) == len(column) else None


def _scalars(column: Column) -> Leaf | None:
    fills = [v.owner for v in column if isinstance(v.owner, FillOp)]
    if len(fills) != len(column):
        return None
    return Scalars(column, np.stack([fill_value(op) for op in fills]))


def _line(column: Column) -> Leaf | None:
    iotas = [v.owner.coefficients.data for v in column if isinstance(v.owner, IotaOp)]
    if len(iotas) != len(column):
        return None
    steps = [b - a for a, b in zip(iotas[0], iotas[1], strict=True)]
    if not all(step.is_const for step in steps):
        return None
    for turn, coefficients in enumerate(iotas):
        expected = tuple(a + s * turn for a, s in zip(iotas[0], steps, strict=True))
        if coefficients != expected:
            return None
    return Line(column, iotas[0], tuple(step.const for step in steps))


def _table(column: Column, variants: Sequence[SSAValue]) -> Table:
    tensor = tensor_of(variants[0])
    try:
        size = tensor.elements.const * len(variants)
    except NotAffine:
        size = TABLE_LIMIT + 1
    if size > TABLE_LIMIT:
        raise NotRolled(f"layers compute an operand of type {tensor} differently")
    order = {value: number for number, value in enumerate(variants)}
    return Table(column, tuple(variants), tuple(order[v] for v in column))
