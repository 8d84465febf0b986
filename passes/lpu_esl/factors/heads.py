"""Which weights make the one head of keys or values that all heads of queries share.

Queries are cut by head, and each device needs that head whole for those that it has: there is
nothing to cut. It is what products put into a cache and nowhere else; and all that is read of that
cache is one head, and multiplied from the left by queries, or their weights, that are cut.
"""

from __future__ import annotations

from collections.abc import Iterator

from xdsl.ir import Operation, SSAValue, Use

from dialects.affine import Affine
from dialects.lpu.control import ReadOp, WriteOp
from dialects.lpu.fused import AttentionOp
from dialects.lpu.products import MatmulOp
from dialects.lpu.tensors import LpuOp, tensor_of
from dialects.lpu_esl.types import ShardType
from dialects.reading import operands_of

PRODUCTS = (MatmulOp, AttentionOp)


def makes_shared_head(use: Use) -> bool:
    """Whether all that a product makes of a weight is a head that devices share."""
    if not isinstance(use.operation, MatmulOp):
        return False
    return all(
        isinstance(op := end.operation, WriteOp) and end.index == 1 and _is_shared(op.state)
        for end in _ends(use.operation.results[0])
    )


def _is_shared(state: SSAValue) -> bool:
    """Whether all that is read of a cache is one head for heads that are cut."""
    reads = [use.operation for use in state.uses if not isinstance(use.operation, WriteOp)]
    ends = [end for op in reads if isinstance(op, ReadOp) for end in _ends(op.result)]
    return bool(ends) and all(isinstance(op, ReadOp) for op in reads) and all(map(_meets, ends))


def _meets(end: Use) -> bool:
    """Whether a product takes one head together with a part of those of queries."""
    op = end.operation
    if not isinstance(op, PRODUCTS):
        return False
    query, own = operands_of(op)[0], operands_of(op)[end.index]
    *heads, _, _ = tensor_of(own).shape
    return all(extent == Affine(1) for extent in heads) and _is_cut_by_head(query)


def _is_cut_by_head(query: SSAValue) -> bool:
    """Whether devices have parts of an axis other than that which is multiplied."""
    kind = query.type
    axes = kind.sharding.axes[:-1] if isinstance(kind, ShardType) else ()
    return any(factor.parts > 1 for axis in axes for factor in axis)


def _ends(value: SSAValue) -> Iterator[Use]:
    """Where a value goes: to products, or out of what computes element by element and moves."""
    seen, left = set[Operation](), [value]
    while left:
        for use in left.pop().uses:
            op = use.operation
            if isinstance(op, PRODUCTS) or not isinstance(op, LpuOp) or len(op.results) != 1:
                yield use
            elif op not in seen:
                seen.add(op)
                left.append(op.results[0])
