"""Where a tensor lies while it is bufferised, and the builder of `lpu_mem` operations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import NamedTuple

from xdsl.dialects.builtin import IntegerAttr, LocationAttr, StringAttr, i64
from xdsl.ir import Attribute, Block, Operation, SSAValue

from dialects.affine import Affine, Ranges
from dialects.lpu.types import Tensor
from dialects.lpu_mem import ops
from dialects.lpu_mem.access import Access, AccessAttr, View, row_major
from dialects.lpu_mem.types import Buffer, BufferType, Space
from passes.rewriting.kernel import append
from runtime.numerics.elements import ElementType

ONE = Affine(1)


class Place(NamedTuple):
    """A tensor in a buffer: element `i` at `offset + sum(strides[d] * i[d])`, in elements."""

    buffer: SSAValue
    tensor: Tensor
    offset: Affine
    strides: tuple[Affine, ...]

    @property
    def dims(self) -> tuple[Affine, ...]:
        return self.tensor.shape

    def view(self) -> View:
        return View(self.offset, self.strides)

    def broadcast(self, dims: Sequence[Affine]) -> View:
        """The view over an iteration space that this tensor broadcasts to."""
        lead = len(dims) - len(self.dims)
        kept = (
            Affine() if have == ONE else stride
            for have, stride in zip(self.dims, self.strides, strict=True)
        )
        return View(self.offset, (Affine(),) * lead + tuple(kept))


@dataclass
class MemBuilder:
    """Appends `lpu_mem` operations to a block, all with one location at a time."""

    block: Block
    ranges: Ranges
    location: LocationAttr

    def add(self, op: Operation) -> Operation:
        op.location = self.location
        return append(op, self.block)

    def alloc(self, dtype: ElementType, elements: int, space: Space = "hbm") -> SSAValue:
        buffer = BufferType(Buffer(space, dtype, max(elements, 1)))
        return self.add(ops.AllocOp.create(result_types=[buffer])).results[0]

    def new(self, tensor: Tensor) -> Place:
        """A fresh dense buffer at the bounds of a tensor."""
        bounds = tensor.bound(self.ranges)
        buffer = self.alloc(tensor.dtype, prod(bounds))
        return Place(buffer, tensor, Affine(), row_major(bounds))

    def data(
        self,
        cls: type[ops.DataOp],
        extents: Sequence[Affine],
        operands: Sequence[tuple[SSAValue, View]],
        **properties: Attribute,
    ) -> None:
        """One operation over an iteration space, destinations first."""
        access = Access(tuple(extents), tuple(view for _, view in operands))
        self.add(
            cls.create(
                operands=[buffer for buffer, _ in operands],
                properties={**properties, "access": AccessAttr(access)},
            )
        )

    def copy(self, target: Place, source: Place) -> None:
        operands = [(target.buffer, target.view()), (source.buffer, source.view())]
        self.data(ops.CopyOp, source.dims, operands)


def number(value: int) -> IntegerAttr:
    return IntegerAttr(value, i64)


def text(value: str) -> StringAttr:
    return StringAttr(value)
