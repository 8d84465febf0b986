"""Which products make the values, keys and queries of an attention."""

from __future__ import annotations

from collections.abc import Iterable

from xdsl.ir import Operation, SSAValue

from dialects.lpu import control, fused
from dialects.lpu.elementwise import MapOp
from dialects.lpu.facts import facts_of
from dialects.lpu.movement import ConcatOp
from dialects.lpu.products import MatmulOp
from passes.lpu.raising.matching import is_parameter

STEPS = 24
"""Operations between a product and an attention; rotary embedding of a part takes the most."""


def attention_ranks(operations: Iterable[Operation]) -> dict[MatmulOp, int]:
    """0 for products that make values, 1 for keys, 2 for queries."""
    ranks: dict[MatmulOp, int] = {}
    for op in operations:
        if isinstance(op, fused.AttentionOp):
            for rank, operand in enumerate((op.value, op.key, op.query)):
                source = _source(operand)
                if source is not None:
                    ranks.setdefault(source, rank)
    return ranks


def _source(value: SSAValue) -> MatmulOp | None:
    """The product whose result, moved and turned, is the newest part of a value."""
    for _ in range(STEPS):
        op = value.owner
        if isinstance(op, MatmulOp):
            return op
        above = _above(op) if isinstance(op, Operation) else None
        if above is None:
            return None
        value = above
    return None


def _above(op: Operation) -> SSAValue | None:
    match op:
        case ConcatOp():
            return _newest(op)
        case control.ReadOp():
            return _written(op)
        case MapOp() if len(op.operands) == 2:
            data = [operand for operand in op.operands if not is_parameter(operand)]
            return data[0] if len(data) == 1 else None
        case _:
            trunk = facts_of(op).trunk
            return None if trunk is None else op.operands[trunk]


def _newest(op: ConcatOp) -> SSAValue:
    """Of a cache and new rows the rows; of turned and other channels the turned ones."""
    last = op.result_tensor().rank - 1
    return op.operands[0 if op.axis.value.data == last else -1]


def _written(op: control.ReadOp) -> SSAValue | None:
    """What the last write in front of a read puts into the state."""
    before = op.prev_op
    for _ in range(STEPS):
        if before is None:
            return None
        if isinstance(before, control.WriteOp) and before.state == op.state:
            return before.value
        before = before.prev_op
    return None
