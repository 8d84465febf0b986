"""Which values are made of weights alone, and so are there in any form from the start."""

from __future__ import annotations

from collections.abc import Iterable

from xdsl.ir import Operation, SSAValue

from dialects.lpu.elementwise import CastOp, ConstantOp, FillOp
from dialects.lpu.movement import GatherOp, ReshapeOp, SliceOp, TransposeOp
from dialects.lpu.products import MatmulOp
from dialects.lpu.tensors import LpuOp
from dialects.lpu.weights import Cast, Transpose, Weight


class Reading:
    """What values of a module are made of."""

    def __init__(self) -> None:
        self._made: dict[SSAValue, frozenset[Weight] | None] = {}

    def weights(self, value: SSAValue) -> frozenset[Weight]:
        """The weights that a value is made of; none where anything but constants is in it."""
        return self._made_of(value) or frozenset()

    def is_fixed(self, value: SSAValue) -> bool:
        """Whether a value is made of constants alone."""
        return self._made_of(value) is not None

    def looked_up(self, value: SSAValue) -> frozenset[Weight]:
        """The same, or the weights of which data names the ones that the value has."""
        found = self.weights(value)
        op = value.owner
        if found or not isinstance(op, GatherOp | ReshapeOp | TransposeOp | CastOp | SliceOp):
            return found
        return self.looked_up(op.operands[0])

    def _made_of(self, value: SSAValue) -> frozenset[Weight] | None:
        if value not in self._made:
            self._made[value] = self._of(value.owner)
        return self._made[value]

    def _of(self, owner: object) -> frozenset[Weight] | None:
        if isinstance(owner, ConstantOp):
            return frozenset({owner.value.data})
        if isinstance(owner, FillOp):
            return frozenset()
        if not isinstance(owner, LpuOp) or not owner.operands:
            return None
        parts = [self._made_of(operand) for operand in owner.operands]
        known = [part for part in parts if part is not None]
        together: frozenset[Weight] = frozenset[Weight]().union(*known)
        return together if len(known) == len(parts) else None


def matrices(operations: Iterable[Operation], reading: Reading) -> set[Weight]:
    """The weights of products and tables, and what they are forms of: large, and each one thing."""
    found: set[Weight] = set()
    for op in operations:
        if isinstance(op, MatmulOp):
            found |= reading.looked_up(op.lhs) | reading.looked_up(op.rhs)
        elif isinstance(op, GatherOp):
            found |= reading.weights(op.source)
    return found.union(*(forms(weight) for weight in found))


def forms(weight: Weight) -> set[Weight]:
    """A weight, and what it is transposed or converted from."""
    found = {weight}
    while isinstance(weight, Transpose | Cast):
        weight = weight.source
        found.add(weight)
    return found
