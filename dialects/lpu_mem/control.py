"""
What the `lpu_mem` level has besides operations over data: states, loops, tile extents, tokens.

Loop variables and tile extents are names, bound once by `for` and `min` and visible in the region
below; symbols of the function are visible everywhere.
"""

from __future__ import annotations

from math import prod

from xdsl.dialects.builtin import I64, ArrayAttr, IntegerAttr, StringAttr
from xdsl.ir import Operation
from xdsl.irdl import (
    operand_def,
    opt_prop_def,
    prop_def,
    region_def,
    result_def,
    traits_def,
    var_operand_def,
)
from xdsl.traits import IsTerminator, NoTerminator

from dialects.affine import Affine, Ranges
from dialects.definition import op_definition
from dialects.lpu.attributes import AffineAttr, IntsAttr
from dialects.lpu.ports import require_shared
from dialects.lpu_mem.ops import MemOp, buffer_of
from dialects.lpu_mem.ports import Port, PortAttr
from dialects.lpu_mem.types import Buffer, BufferType
from dialects.refusal import require
from runtime.numerics.elements import ElementType


def verify_port(op: Operation, port: Port, buffer: Buffer) -> None:
    """A port has a stride for each axis and a type that its buffer converts to."""
    strided = len(port.strides) == len(port.dims)
    require(op, strided, f"port '{port.name}' has one stride for each of its axes")
    require_shared(op, port.name, port.dims, port.sharding)
    same = port.dtype.is_float == buffer.dtype.is_float
    require(op, same, f"port '{port.name}' is not made of {buffer.dtype}")


@op_definition
class StateOp(MemOp):
    """
    A buffer in HBM that keeps its content from call to call; functions share it by name.

    `inputs` are written into it before a call and `outputs` read from it behind one. `shape` are
    the extents of what it holds, for those who lay it out and who show it.
    """

    name = "lpu_mem.state"
    state = prop_def(StringAttr)
    shape = prop_def(IntsAttr)
    inputs = prop_def(ArrayAttr[PortAttr])
    outputs = prop_def(ArrayAttr[PortAttr])
    address = opt_prop_def(IntegerAttr[I64])
    result = result_def(BufferType)
    assembly_format = (
        "$state $shape `inputs` $inputs `outputs` $outputs (`at` $address^)? attr-dict"
        " `:` type($result)"
    )

    def verify_(self) -> None:
        buffer, shape = buffer_of(self.result), self.shape.data
        self.require(buffer.space == "hbm", "a state lies in HBM")
        held = prod(shape) <= buffer.elements and min(shape, default=0) >= 0
        self.require(held, f"{list(shape)} are not the extents of {buffer.elements} elements")
        at = 0 if self.address is None else self.address.value.data
        self.require(at >= 0, f"a state does not lie at {at}")
        for port in (*self.inputs, *self.outputs):
            verify_port(self, port.data, buffer)


@op_definition
class EmitOp(MemOp):
    """
    Hand a token to the host, or leave the loop right around when `stop` is above 0.

    Buffers: token, stop; each is read at its first element, i64.
    """

    name = "lpu_mem.emit"
    token = operand_def(BufferType)
    stop = operand_def(BufferType)
    assembly_format = "$token `,` $stop attr-dict `:` type($token) `,` type($stop)"

    def verify_(self) -> None:
        kinds = {buffer_of(buffer).dtype for buffer in self.operands}
        self.require(kinds == {ElementType.I64}, "a token and what stops it are i64")


@op_definition
class ForOp(MemOp):
    """
    The body for `variable = lower, lower + step, ...` below `upper`; `lower` is 0 if there is none.

    Not at all for `upper <= lower`.
    """

    name = "lpu_mem.for"
    variable = prop_def(StringAttr)
    lower = opt_prop_def(AffineAttr)
    upper = prop_def(AffineAttr)
    step = prop_def(IntegerAttr[I64])
    body = region_def("single_block")
    traits = traits_def(NoTerminator())
    assembly_format = "$variable (`from` $lower^)? `to` $upper `step` $step $body attr-dict"

    def verify_(self) -> None:
        self.require(self.step.value.data >= 1, "a loop goes on by 1 at least")

    @property
    def first(self) -> Affine:
        """The value of the variable in the first turn."""
        return Affine() if self.lower is None else self.lower.data

    def span(self, ranges: Ranges) -> tuple[int, int]:
        """Inclusive bounds of the variable, given those of the names around the loop."""
        first, step = self.first, self.step.value.data
        low, last = first.lower(ranges), self.upper.data.upper(ranges) - 1
        if first.is_const:
            last -= (last - low) % step
        return low, max(low, last)


@op_definition
class MinOp(MemOp):
    """Bind `name` to the smaller of `bound` and `value`: the extent of a tile that may be short."""

    name = "lpu_mem.min"
    variable = prop_def(StringAttr)
    bound = prop_def(IntegerAttr[I64])
    value = prop_def(AffineAttr)
    assembly_format = "$variable `=` $bound `or` $value attr-dict"

    def verify_(self) -> None:
        self.require(self.bound.value.data >= 1, "a tile has 1 element at least")


@op_definition
class ReturnOp(MemOp):
    """The output buffers of the program, in the order of its ports."""

    name = "lpu_mem.return"
    outputs = var_operand_def(BufferType)
    traits = traits_def(IsTerminator())
    assembly_format = "$outputs attr-dict `:` type($outputs)"


OPS: list[type[Operation]] = [StateOp, EmitOp, ForOp, MinOp, ReturnOp]
