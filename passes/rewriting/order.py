"""Which operation stands before which: blocks are numbered once, while nothing changes."""

from __future__ import annotations

from dataclasses import dataclass, field

from xdsl.ir import Block, Operation, OpResult, SSAValue

from dialects.reading import operands_of, operations

Positions = dict[int, int]
"""The place of each operation, by identity."""


@dataclass
class Order:
    """Positions of operations in their blocks, each block numbered when it is first asked for."""

    _positions: dict[int, Positions] = field(default_factory=dict[int, Positions])
    """By the identity of the block."""

    def dominates(self, value: SSAValue, op: Operation) -> bool:
        """Whether a value is defined wherever an operation reads it."""
        owner = value.owner
        block = owner.parent if isinstance(owner, Operation) else owner
        if block is None:
            return False
        inside: Operation | None = op
        while inside is not None and inside.parent is not block:
            inside = inside.parent_op()
        if inside is None:
            return False
        return not isinstance(owner, Operation) or self.before(owner, inside)

    def undominated(self, op: Operation) -> SSAValue | None:
        """The first operand of an operation that is not defined before it."""
        block = op.parent
        assert block is not None, f"{op.name} stands in no block"
        positions = self._of(block)
        here = positions[id(op)]
        for value in operands_of(op):
            owner = value.op if type(value) is OpResult else value.owner
            if owner is block:
                continue
            place = positions.get(id(owner))
            if place is None:
                if not self.dominates(value, op):
                    return value
            elif place >= here:
                return value
        return None

    def before(self, first: Operation, second: Operation) -> bool:
        """Whether one operation of a block stands before another of it."""
        block = first.parent
        assert block is not None, f"{first.name} stands in no block"
        positions = self._of(block)
        return positions[id(first)] < positions[id(second)]

    def _of(self, block: Block) -> Positions:
        """The positions of a block."""
        positions = self._positions.get(id(block))
        if positions is None:
            positions = {id(op): place for place, op in enumerate(operations(block))}
            self._positions[id(block)] = positions
        return positions
