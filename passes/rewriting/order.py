"""Which operation stands before which: blocks are numbered once, while nothing changes."""

from __future__ import annotations

from dataclasses import dataclass, field

from xdsl.ir import Block, Operation, SSAValue


@dataclass
class Order:
    """Positions of operations in their blocks, each block numbered when it is first asked for."""

    _positions: dict[Block, dict[Operation, int]] = field(
        default_factory=dict[Block, dict[Operation, int]]
    )

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
        here = positions[op]
        for value in op.operands:
            owner = value.owner
            if owner is block:
                continue
            if isinstance(owner, Operation) and owner.parent is block:
                if positions[owner] >= here:
                    return value
            elif not self.dominates(value, op):
                return value
        return None

    def before(self, first: Operation, second: Operation) -> bool:
        """Whether one operation of a block stands before another of it."""
        block = first.parent
        assert block is not None, f"{first.name} stands in no block"
        positions = self._of(block)
        return positions[first] < positions[second]

    def _of(self, block: Block) -> dict[Operation, int]:
        """The positions of a block."""
        positions = self._positions.get(block)
        if positions is None:
            positions = {op: index for index, op in enumerate(block.ops)}
            self._positions[block] = positions
        return positions
