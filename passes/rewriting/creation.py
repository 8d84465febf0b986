"""
Make operations that are right by construction, put them in a block and take them out of it, in less
than half the time of xDSL's `create`, `insert_op_before`, `detach` and `clone`.

A compiler of deep models mostly makes operations: a layer of GPT-2 takes two hundred before layers
are rolled. `make` sets what `Operation.__init__` sets and leaves out what an operation without
regions, successors and default properties has no use for. It knows the fields of `Operation`, which
xDSL keeps private; the project pins xDSL to one minor version, and a test compares both ways.
"""
# pyright: reportPrivateUsage=false

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from xdsl.dialects.builtin import LocationAttr
from xdsl.ir import Attribute, Block, Operation, OpResult, SSAValue, SSAValues, Use

from dialects.reading import operations

OpT = TypeVar("OpT", bound=Operation)


def make(
    cls: type[OpT],
    operands: Sequence[SSAValue],
    types: Sequence[Attribute],
    properties: Mapping[str, Attribute],
    location: LocationAttr,
) -> OpT:
    """An operation that stands in no block yet."""
    op = cls.__new__(cls)
    uses: list[Use] = []
    for operand in operands:
        use = Use(op, len(uses))
        operand.add_use(use)
        uses.append(use)
    results: list[OpResult] = []
    for kind in types:
        results.append(OpResult(kind, op, len(results)))
    op._operands, op._operand_uses = SSAValues(operands), tuple(uses)
    op.results = SSAValues(results)
    op.properties, op.attributes = dict(properties), {}
    op.location, op.regions = location, ()
    return op


def copy_of(op: OpT, values: dict[SSAValue, SSAValue]) -> OpT:
    """
    A copy of an operation, and of all that is in it, that stands in no block.

    In blocks definitions come first. `values` says what stands for a value; results and arguments
    of blocks are added to it.
    """
    if op.successors or any(len(region.blocks) != 1 for region in op.regions):
        return op.clone(values)
    if op.regions:
        copy = op.clone_without_regions(values)
        for old, new in zip(op.regions, copy.regions, strict=True):
            block = Block(arg_types=[argument.type for argument in old.block.args])
            new.add_block(block)
            for before, after in zip(old.block.args, block.args, strict=True):
                values[before], after.name_hint = after, before.name_hint
                after.location = before.location
            for inner in operations(old.block):
                put_last(copy_of(inner, values), block)
        return copy
    operands = [values.get(operand, operand) for operand in op._operands]
    copy = make(type(op), operands, op.result_types, op.properties, op.location)
    copy.attributes = dict(op.attributes)
    for before, after in zip(op.results, copy.results, strict=True):
        values[before], after.name_hint = after, before.name_hint
    return copy


def put_before(op: Operation, before: Operation) -> None:
    """Put an operation that stands in no block in front of one that does."""
    block, previous = before.parent, before._prev_op
    assert block is not None, f"{before.name} stands in no block"
    _check_free(op, block)
    op.parent, op._prev_op, op._next_op = block, previous, before
    before._prev_op = op
    if previous is None:
        block._first_op = op
    else:
        previous._next_op = op


def put_last(op: Operation, block: Block) -> None:
    """Put an operation that stands in no block at the end of one."""
    _check_free(op, block)
    last = block._last_op
    op.parent, op._prev_op, op._next_op = block, last, None
    block._last_op = op
    if last is None:
        block._first_op = op
    else:
        last._next_op = op


def _check_free(op: Operation, block: Block) -> None:
    assert op.parent is None, f"{op.name} stands in a block already"
    assert not op.regions or not op.is_ancestor(block), f"{op.name} does not stand in itself"


def take_away(op: Operation) -> None:
    """Take an operation out of its block."""
    block, previous, following = op.parent, op._prev_op, op._next_op
    assert block is not None, f"{op.name} stands in no block"
    if previous is None:
        block._first_op = following
    else:
        previous._next_op = following
    if following is None:
        block._last_op = previous
    else:
        following._prev_op = previous
    op.parent = op._prev_op = op._next_op = None
