"""Which values are angles, or made of them: all that they are for is to turn others.

What is turned comes from products: queries and keys. A table of rows that are scaled, or masked, is
none of angles.
"""

from __future__ import annotations

from xdsl.ir import Operation, SSAValue, Use

from dialects.lpu.elementwise import CastOp, MapOp
from dialects.lpu.facts import facts_of
from dialects.lpu.fused import RotaryOp
from dialects.lpu.movement import ConcatOp, GatherOp
from dialects.lpu.products import MatmulOp
from dialects.reading import operands_of

ANGLES = (GatherOp, ConcatOp, CastOp)


def turns(value: SSAValue) -> bool:
    """Whether all that is made of a value turns something, as a whole or by products with it."""
    readers = list(value.uses)
    return bool(readers) and all(
        is_turning(use) or (is_passed_on(use.operation) and turns(use.operation.results[0]))
        for use in readers
    )


def is_turning(use: Use) -> bool:
    """Whether an operation turns its other operands by this one."""
    op = use.operation
    if not isinstance(op, MapOp) or op.fn.data != "mul":
        return isinstance(op, RotaryOp)
    others = (value for index, value in enumerate(operands_of(op)) if index != use.index)
    return any(map(_is_computed, others))


def _is_computed(value: SSAValue) -> bool:
    """Whether a product is behind a value, in its function or the body of its loop."""
    seen, left = set[Operation](), [value.owner]
    while left:
        op = left.pop()
        if isinstance(op, MatmulOp):
            return True
        if isinstance(op, Operation) and op not in seen:
            seen.add(op)
            left += (operand.owner for operand in operands_of(op))
    return False


def is_passed_on(op: Operation) -> bool:
    """Whether a table of angles is still one behind an operation, scaled ones, too."""
    is_map = isinstance(op, MapOp) and (len(op.operands) == 1 or op.fn.data == "mul")
    return facts_of(op).moves or is_map or isinstance(op, ANGLES)
