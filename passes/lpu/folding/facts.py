"""What is known of the values of one function: lines, and tensors of few elements."""

from __future__ import annotations

from dataclasses import dataclass, field

from xdsl.ir import SSAValue

from dialects.affine import Ranges
from dialects.lpu.elementwise import FillOp
from dialects.lpu.tensors import LpuOp
from passes.analysis.lines import Lines
from passes.lpu.folding.elements import Elements
from passes.lpu.folding.indices import compared, fill_of, indexed
from passes.lpu.folding.zeros import without_zero


@dataclass
class Facts:
    """What folding may use once layers are rolled."""

    lines: Lines
    elements: Elements = field(default_factory=Elements)

    @staticmethod
    def of(ranges: Ranges) -> Facts:
        return Facts(Lines(ranges))

    def kept(self, op: LpuOp) -> SSAValue | None:
        """The operand that the result equals."""
        value = without_zero(op, self.elements)
        return value if value is not None and value.type == op.results[0].type else None

    def known(self, op: LpuOp) -> LpuOp | None:
        """An operation without operands that gives the result."""
        found = compared(op, self.lines) or indexed(op, self.lines)
        if found is not None or isinstance(op, FillOp):
            return found
        element = self.elements.only(op.results[0])
        return None if element is None else fill_of(element, op.results[0].type)
