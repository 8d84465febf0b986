"""
What xDSL tells of blocks and operations through views, told directly.

Its iterator over a block calls two functions for each operation, `operands` makes an object for
each question, and `list(block.ops)` walks twice. Code that looks at all of a model asks here.
"""
# pyright: reportPrivateUsage=false

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter

from xdsl.ir import Attribute, Block, Operation, SSAValue

_type_of = attrgetter("_type")


def operations(block: Block) -> list[Operation]:
    """The operations of a block, in order, as they are now."""
    found: list[Operation] = []
    op = block._first_op
    while op is not None:
        found.append(op)
        op = op._next_op
    return found


def all_within(op: Operation) -> list[Operation]:
    """An operation and all that is in it, the outer ones first, as they are now."""
    found = [op]
    for region in op.regions:
        for block in region.blocks:
            for inner in operations(block):
                found += all_within(inner) if inner.regions else (inner,)
    return found


def operands_of(op: Operation) -> Sequence[SSAValue]:
    """The operands of an operation as they are now."""
    return op._operands


def types_of(op: Operation) -> list[Attribute]:
    """The types of the operands, then those of the results."""
    return [*map(_type_of, op._operands), *map(_type_of, op.results)]
