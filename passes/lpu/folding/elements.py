"""
Which elements a tensor can hold, where they are few: fills, and what selections make of them.

An additive mask of `-max * 0` and `0 * 0` holds nothing but zeros, whatever selects them.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
from xdsl.ir import SSAValue

from dialects.lpu.contents import fill_value
from dialects.lpu.elementwise import CastOp, FillOp, MapOp
from dialects.lpu.tensors import LpuOp
from runtime.numerics.elements import binary, convert, unary
from runtime.traps import Trap

Array = np.ndarray[Any, np.dtype[Any]]

LIMIT = 4
"""More elements than this are not followed."""


class Elements:
    """Answers `of`, each value once."""

    def __init__(self) -> None:
        self.known: dict[SSAValue, Array | None] = {}

    def of(self, value: SSAValue) -> Array | None:
        """The elements that occur, of rank 1, each once by its bits; None when not known."""
        if value not in self.known:
            op = value.owner
            found = _elements(self, op) if isinstance(op, LpuOp) else None
            self.known[value] = None if found is None else _distinct(found)
        return self.known[value]

    def all_of(self, values: Sequence[SSAValue]) -> list[Array] | None:
        """The elements of each; None when those of one are not known."""
        found = [array for value in values if (array := self.of(value)) is not None]
        return found if len(found) == len(values) else None

    def only(self, value: SSAValue) -> Array | None:
        """The element that occurs, when there is only one."""
        found = self.of(value)
        return found[0] if found is not None and found.size == 1 else None


def _distinct(found: Array) -> Array | None:
    elements = {element.tobytes(): element for element in found}
    return np.array(list(elements.values()), found.dtype) if len(elements) <= LIMIT else None


def _elements(elements: Elements, op: LpuOp) -> Array | None:
    match op:
        case FillOp():
            return fill_value(op).reshape(1)
        case MapOp():
            return _map(elements, op)
        case CastOp():
            found = elements.of(op.source)
            return None if found is None else convert(found, op.result_tensor().dtype)
        case _:
            return _carried(elements, op)


def _carried(elements: Elements, op: LpuOp) -> Array | None:
    """What is made of elements of operands, where no index can be out of range."""
    carried = op.operands[op.FACTS.carries] if op.FACTS.is_uniform else ()
    found = elements.all_of(carried)
    return np.concatenate(found) if found else None


def _map(elements: Elements, op: MapOp) -> Array | None:
    found = elements.all_of(op.operands)
    if found is None:
        return None
    columns = [np.array(column) for column in zip(*product(*found), strict=True)]
    types, dtype = [t.dtype for t in op.operand_tensors()], op.result_tensor().dtype
    out = np.empty(columns[0].shape, dtype.dtype)
    make = unary if len(columns) == 1 else binary
    try:
        with np.errstate(all="ignore"):
            make(op.fn.data, dtype, *types)(out, *columns)
    except Trap:
        return None
    return out
