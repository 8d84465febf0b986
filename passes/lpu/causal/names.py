"""What expressions call the tokens of a prompt, and the numbers that a step has, too."""

from __future__ import annotations

import math
from dataclasses import dataclass

from xdsl.ir import Operation

from dialects.affine import Affine
from dialects.lpu.contents import fill_hex, fill_value
from dialects.lpu.elementwise import ConstantOp, FillOp, IotaOp
from dialects.lpu.movement import SliceOp
from dialects.lpu.weights import WeightAttr
from dialects.reading import all_within
from passes.lpu.causal.intervals import Known, point
from runtime.numerics.elements import ElementType


class NotShown(Exception):
    """It is not shown that an operation treats a token of a prompt as a step does."""

    def __init__(self, op: Operation | None) -> None:
        super().__init__()
        self.op = op


@dataclass(frozen=True)
class Names:
    """What the tokens in the cache and the rows of a prompt are called in expressions."""

    past: str
    row: str = "row"
    behind: str = "behind"
    """How far a key lies in front of a row, or behind it."""
    ahead: str = "ahead"
    """How many keys come behind one, whatever the row."""
    count: str = "count"
    """How many tokens the prompt has."""

    @property
    def any_key(self) -> Affine:
        """A key, whatever the row."""
        last = Affine.symbol(self.past) + Affine.symbol(self.count) - 1
        return last - Affine.symbol(self.ahead)

    def key(self, side: int) -> Affine:
        """A key behind the row (1), or not behind it (-1)."""
        row = Affine.symbol(self.past) + Affine.symbol(self.row)
        return row + Affine.symbol(self.behind, side) + int(side > 0)


@dataclass(frozen=True)
class Numbers:
    """The numbers that occur in a step, and how many tokens a prompt has where a step has one."""

    count: int
    fills: frozenset[tuple[str, ElementType]]
    indices: frozenset[Affine]
    """Where counting begins, and slices."""
    constants: frozenset[WeightAttr]

    @staticmethod
    def of(step: Operation, past: str, count: int) -> Numbers:
        """Besides those of the step, what masks and positions of a prompt are made of.

        One token needs no mask: what is compared with 0 in a prompt, chosen between or masked with
        the least number may have gone in a step.
        """
        fills = {
            (fill_hex(number, dtype), dtype)
            for dtype in ElementType
            for number in ((0, 1, -math.inf) if dtype.is_float else (0, 1))
        }
        indices, constants = {Affine(), Affine.symbol(past)}, set[WeightAttr]()
        for op in all_within(step):
            if isinstance(op, FillOp):
                fills.add((op.value.data, op.result_tensor().dtype))
            elif isinstance(op, IotaOp):
                indices.add(op.coefficients.data[0])
            elif isinstance(op, SliceOp):
                indices.update(op.offsets.data)
            elif isinstance(op, ConstantOp):
                constants.add(op.value)
        return Numbers(count, frozenset(fills), frozenset(indices), frozenset(constants))

    def index(self, index: Affine, names: Names) -> Affine | None:
        """An index in which the number of tokens is a symbol; None if no step has one like it."""
        if index in self.indices:
            return index
        if index - (self.count - 1) in self.indices:
            return self.counted(index, names)
        return None

    def counted(self, expression: Affine, names: Names) -> Affine:
        """An expression that holds the number of tokens once, as a symbol."""
        return expression - self.count + Affine.symbol(names.count)

    def fill(self, op: FillOp, names: Names) -> Known | None:
        """What a fill holds; None if no step has one like it."""
        dtype, value = op.result_tensor().dtype, fill_value(op)
        if (op.value.data, dtype) in self.fills:
            return point(float(value))
        if dtype.is_int and (fill_hex(int(value) - self.count + 1, dtype), dtype) in self.fills:
            return Known(self.counted(Affine(int(value)), names), 0, 0)
        return None
