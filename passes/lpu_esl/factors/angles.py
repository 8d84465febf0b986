"""Which values are angles, or made of them: all that they are for is to turn others."""

from __future__ import annotations

from xdsl.ir import Operation, SSAValue

from dialects.lpu.elementwise import CastOp, MapOp
from dialects.lpu.facts import facts_of
from dialects.lpu.fused import RotaryOp
from dialects.lpu.movement import ConcatOp, GatherOp

ANGLES = (GatherOp, ConcatOp, CastOp)


def turns(value: SSAValue) -> bool:
    """Whether all that is made of a value turns something, as a whole or by products with it."""
    readers = [use.operation for use in value.uses]
    return bool(readers) and all(
        is_turning(reader) or (is_passed_on(reader) and turns(reader.results[0]))
        for reader in readers
    )


def is_turning(op: Operation) -> bool:
    """Whether an operation turns what is multiplied with a value."""
    return isinstance(op, RotaryOp) or (isinstance(op, MapOp) and op.fn.data == "mul")


def is_passed_on(op: Operation) -> bool:
    """Whether a table of angles is still one behind an operation."""
    is_unary = isinstance(op, MapOp) and len(op.operands) == 1
    return facts_of(op).moves or is_unary or isinstance(op, ANGLES)
