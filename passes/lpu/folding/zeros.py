"""
Sums with zero that change nothing.

`x - 0` and `x + -0` are `x`. `x + 0` is `x` too but for `x = -0`, so it goes away where nobody can
tell the two zeros apart: an additive mask of zeros in front of a softmax.
"""

from __future__ import annotations

import numpy as np
from xdsl.ir import Operation, SSAValue

from dialects.lpu.elementwise import MapOp
from dialects.lpu.facts import Zeros, zeros_of
from dialects.lpu.tensors import LpuOp, tensor_of
from passes.lpu.folding.elements import Elements

REACH = 6
"""How many operations to look ahead."""


def without_zero(op: LpuOp, elements: Elements) -> SSAValue | None:
    """The operand that a sum with zeros, or a difference from them, equals."""
    if not isinstance(op, MapOp) or op.fn.data not in ("add", "sub"):
        return None
    left, right = op.operands
    is_sum = op.fn.data == "add"
    if _drops(right, elements, negative=is_sum, result=op.result):
        return left
    return right if is_sum and _drops(left, elements, negative=True, result=op.result) else None


def _drops(value: SSAValue, elements: Elements, *, negative: bool, result: SSAValue) -> bool:
    """Whether a value holds zeros alone, all of the sign that changes nothing if it is seen."""
    found = elements.of(value) if tensor_of(value).dtype.is_float else None
    if found is None or found.any():
        return False
    return bool((np.signbit(found) == negative).all()) or is_blind(result)


def is_blind(value: SSAValue, reach: int = REACH) -> bool:
    """Whether no use of a value can tell the zeros in it apart."""
    return reach > 0 and all(_is_blind_use(use.operation, reach) for use in value.uses)


def _is_blind_use(op: Operation, reach: int) -> bool:
    match zeros_of(op):
        case Zeros.LOST:
            return True
        case Zeros.KEPT:
            return all(is_blind(result, reach - 1) for result in op.results)
        case Zeros.SEEN:
            return False
