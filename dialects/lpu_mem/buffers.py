"""
What the operations of the `lpu_mem` level share: buffers, and one pass of an engine over them.

`lpu_mem.alloc` and `lpu_mem.param` make buffers; the operations over data that derive from `DataOp`
are in `dialects.lpu_mem.ops`.
"""

from __future__ import annotations

from math import prod
from typing import ClassVar

from xdsl.dialects.builtin import I64, IntegerAttr
from xdsl.ir import SSAValue
from xdsl.irdl import (
    IRDLOperation,
    opt_prop_def,
    prop_def,
    result_def,
    traits_def,
    var_operand_def,
)
from xdsl.traits import Pure

from dialects.affine import Affine
from dialects.definition import op_definition
from dialects.lpu.weights import WeightAttr
from dialects.lpu_mem.access import AccessAttr
from dialects.lpu_mem.types import Buffer, BufferType
from dialects.refusal import require
from runtime.numerics.elements import ElementType


def buffer_of(value: SSAValue) -> Buffer:
    assert isinstance(value.type, BufferType), f"not a buffer: {value.type}"
    return value.type.data


class MemOp(IRDLOperation):
    """What all operations of the level share."""

    def require(self, holds: bool, message: str) -> None:
        require(self, holds, message)


@op_definition
class AllocOp(MemOp):
    """A buffer with undefined content; `address` (bytes) once `lpu-mem-allocate` has chosen it."""

    name = "lpu_mem.alloc"
    address = opt_prop_def(IntegerAttr[I64])
    result = result_def(BufferType)
    assembly_format = "(`at` $address^)? attr-dict `:` type($result)"

    def verify_(self) -> None:
        at = 0 if self.address is None else self.address.value.data
        fits = at >= 0 and at % buffer_of(self.result).dtype.itemsize == 0
        self.require(fits, f"no element of its type lies at {at}")


@op_definition
class ParamOp(MemOp):
    """A read-only buffer in HBM that holds a weight, row-major."""

    name = "lpu_mem.param"
    value = prop_def(WeightAttr)
    address = opt_prop_def(IntegerAttr[I64])
    result = result_def(BufferType)
    traits = traits_def(Pure())
    assembly_format = "$value (`at` $address^)? attr-dict `:` type($result)"

    def verify_(self) -> None:
        weight, buffer = self.value.data, buffer_of(self.result)
        expected = Buffer("hbm", weight.dtype, prod(weight.shape))
        self.require(buffer == expected, f"its weight fills {BufferType(expected)}")
        at = 0 if self.address is None else self.address.value.data
        self.require(at >= 0, f"a weight does not lie at {at}")


class DataOp(MemOp):
    """
    One pass over an iteration space. `WRITES` buffers come first, then what is only read.

    `DIRECT` operands stay in HBM when the others are staged in the LMU.
    """

    BUFFERS: ClassVar[tuple[int, ...]] = (2,)
    """How many buffers it may have."""
    WRITES: ClassVar[int] = 1
    DIRECT: ClassVar[frozenset[int]] = frozenset()

    buffers = var_operand_def(BufferType)
    access = prop_def(AccessAttr)

    def dtypes(self) -> list[ElementType]:
        """The element type of each buffer."""
        return [buffer_of(buffer).dtype for buffer in self.operands]

    def verify_(self) -> None:
        access, count = self.access.data, len(self.operands)
        numbers = " or ".join(map(str, self.BUFFERS))
        self.require(count in self.BUFFERS, f"it has {numbers} buffers, not {count}")
        self.require(len(access.views) == count, "one view for each buffer")
        for view in access.views:
            self.require(len(view.strides) == access.rank, "one stride for each axis")
        held = all([extent.terms or extent.const >= 0 for extent in access.extents])
        self.require(held, "an iteration space has no negative extents")
        self.verify_data()

    def verify_data(self) -> None:
        """What the operation demands of element types, axes and properties."""

    def require_still(self, axis: int, *buffers: int) -> None:
        """Along an axis these buffers must not move."""
        views = [self.access.data.views[index] for index in buffers]
        still = all([view.strides[axis] == Affine() for view in views])
        self.require(still, f"buffers {list(buffers)} do not move along axis {axis}")

    def require_flag(self, name: str, value: IntegerAttr[I64]) -> None:
        self.require(value.value.data in (0, 1), f"the flag '{name}' is 0 or 1")
