"""
What the `lpu` level has besides pure tensor operations: loops, resident state, tokens for the host.

```mlir
%c = lpu.state "cache.0" inputs <[]> outputs <[]> : !lpu.state<[12, 1, 4, 2048, 64], f16>
%y = lpu.for "l" to <12> (%x0) {
^bb0(%x : !lpu.tensor<[1, 1, 768], f32>):
  %k = lpu.reshape ...
  lpu.write %c, %k at <[l, 0, 0, P, 0]> : ...
  %all = lpu.read %c at <[l, 0, 0, 0, 0]> : ... -> !lpu.tensor<[1, 1, 4, P + 1, 64], f16>
  ...
  lpu.yield %x2 : !lpu.tensor<[1, 1, 768], f32>
} : (!lpu.tensor<[1, 1, 768], f32>) -> !lpu.tensor<[1, 1, 768], f32>
```

The variable of a loop is a name that affine attributes of its body may mention, like a symbol of
the function. State is memory that stays on the device between calls; functions of one module that
name the same state share it. Reads and writes of state happen in program order.
"""

from __future__ import annotations

from xdsl.dialects.builtin import StringAttr
from xdsl.ir import Block, Data, Operation, SSAValue, TypeAttribute
from xdsl.irdl import (
    IRDLOperation,
    irdl_attr_definition,
    operand_def,
    opt_prop_def,
    prop_def,
    region_def,
    result_def,
    traits_def,
    var_operand_def,
    var_result_def,
)
from xdsl.parser import AttrParser
from xdsl.printer import Printer
from xdsl.traits import (
    IsTerminator,
    MemoryReadEffect,
    MemoryWriteEffect,
    RecursiveMemoryEffect,
)

from dialects.affine import Affine, Ranges
from dialects.definition import op_definition
from dialects.lpu.attributes import AffineAttr, AffineListAttr
from dialects.lpu.ports import StatePortsAttr, require_shared
from dialects.lpu.tensors import tensor_of
from dialects.lpu.types import Tensor, TensorType, parse_affine, parse_dtype, parse_list
from dialects.refusal import require
from runtime.numerics.elements import ElementType


@irdl_attr_definition
class StateType(Data[Tensor], TypeAttribute):
    """`!lpu.state<[12, 1, 4, 2048, 64], f16>`: extents are numbers, the bounds of what it holds."""

    name = "lpu.state"

    @classmethod
    def parse_parameter(cls, parser: AttrParser) -> Tensor:
        with parser.in_angle_brackets():
            dims = parse_list(parser, lambda: parse_affine(parser))
            parser.parse_punctuation(",")
            return Tensor(dims, parse_dtype(parser))

    def print_parameter(self, printer: Printer) -> None:
        printer.print_string(f"<{self.data}>")


def state_of(value: SSAValue) -> Tensor:
    """Extents and element type of a state."""
    assert isinstance(value.type, StateType), f"not a state: {value.type}"
    return value.type.data


@op_definition
class StateOp(IRDLOperation):
    """
    Memory that stays on the device, by name, undefined at first.

    Before a call the host writes the ONNX inputs among its ports into it, and behind the call
    reads the ONNX outputs from it.
    """

    name = "lpu.state"
    state = prop_def(StringAttr)
    inputs = prop_def(StatePortsAttr)
    outputs = prop_def(StatePortsAttr)
    result = result_def(StateType)
    assembly_format = "$state `inputs` $inputs `outputs` $outputs attr-dict `:` type($result)"

    def verify_(self) -> None:
        tensor = state_of(self.result)
        require(self, tensor.is_static, "the extents of a state are numbers")
        held = min(tensor.static_shape(), default=1) >= 0
        require(self, held, "the extents of a state are not negative")
        for port in (*self.inputs.data, *self.outputs.data):
            placed = len(port.offsets) == tensor.rank
            require(self, placed, f"port '{port.name}' has one offset for each axis of the state")
            require_shared(self, port.name, port.dims, port.sharding)
            inside = len(port.dims) <= tensor.rank
            require(self, inside, f"port '{port.name}' has no more axes than its state")
            same = port.dtype.is_float == tensor.dtype.is_float
            require(
                self, same, f"port '{port.name}' is of {port.dtype}, the state of {tensor.dtype}"
            )


class _WindowOp(IRDLOperation):
    """A window of a state: `offsets` give its first element, a tensor its extents."""

    def verify_window(self, state: Tensor, window: Tensor, offsets: tuple[Affine, ...]) -> None:
        known = window.is_resolved
        require(self, known, "the extents of a window are known")
        ranks = {state.rank, window.rank, len(offsets)}
        require(self, len(ranks) == 1, "one offset and one extent for each axis of the state")
        require(self, state.dtype == window.dtype, f"the state holds {state.dtype}")


@op_definition
class ReadOp(_WindowOp):
    """The elements of a window of a state, as they are now."""

    name = "lpu.read"
    state = operand_def(StateType)
    offsets = prop_def(AffineListAttr)
    result = result_def(TensorType)
    traits = traits_def(MemoryReadEffect())
    assembly_format = "$state `at` $offsets attr-dict `:` type($state) `->` type($result)"

    def verify_(self) -> None:
        self.verify_window(state_of(self.state), tensor_of(self.result), self.offsets.data)


@op_definition
class WriteOp(_WindowOp):
    """Replace the elements of a window of a state."""

    name = "lpu.write"
    state = operand_def(StateType)
    value = operand_def(TensorType)
    offsets = prop_def(AffineListAttr)
    traits = traits_def(MemoryWriteEffect())
    assembly_format = "$state `,` $value `at` $offsets attr-dict `:` type($state) `,` type($value)"

    def verify_(self) -> None:
        self.verify_window(state_of(self.state), tensor_of(self.value), self.offsets.data)


@op_definition
class EmitOp(IRDLOperation):
    """
    Hand a token to the host, unless `stop` is above 0: that leaves the loop right around.

    Both are i64 of shape `[1]`.
    """

    name = "lpu.emit"
    token = operand_def(TensorType)
    stop = operand_def(TensorType)
    traits = traits_def(MemoryWriteEffect())
    assembly_format = "$token `,` $stop attr-dict `:` type($token) `,` type($stop)"

    def verify_(self) -> None:
        expected = Tensor.of((1,), ElementType.I64)
        fits = all(tensor_of(value) == expected for value in self.operands)
        require(self, fits, f"token and stop are {expected}")


@op_definition
class YieldOp(IRDLOperation):
    """What one turn of a loop gives: the carried values, then those that are stacked."""

    name = "lpu.yield"
    values = var_operand_def(TensorType)
    traits = traits_def(IsTerminator())
    assembly_format = "($values^ `:` type($values))? attr-dict"


@op_definition
class ForOp(IRDLOperation):
    """
    The body for `variable = lower, lower + 1, ...` below `upper`; not at all for `upper <= lower`.

    Both may depend on symbols; `lower` is 0 when there is none. The block arguments carry values
    from one turn to the next: `init` first, then what the last turn yielded. Results are the
    carried values at the end, then the other yielded values of all turns, stacked along a new first
    axis; those need a number as `upper`, no `lower`, and no token that may end the loop.
    """

    name = "lpu.for"
    variable = prop_def(StringAttr)
    lower = opt_prop_def(AffineAttr)
    upper = prop_def(AffineAttr)
    init = var_operand_def(TensorType)
    outputs = var_result_def(TensorType)
    body = region_def("single_block")
    traits = traits_def(RecursiveMemoryEffect())
    assembly_format = (
        "$variable (`from` $lower^)? `to` $upper `(` ($init^ `:` type($init))? `)`"
        " (`->` type($outputs)^)? $body attr-dict"
    )

    @property
    def first(self) -> Affine:
        """The value of the variable in the first turn."""
        return Affine() if self.lower is None else self.lower.data

    def span(self, ranges: Ranges) -> tuple[int, int]:
        """Inclusive bounds of the variable, given those of the names around the loop."""
        low = self.first.lower(ranges)
        return low, max(low, self.upper.data.upper(ranges) - 1)

    @property
    def block(self) -> Block:
        return self.body.block

    @property
    def terminator(self) -> YieldOp:
        """The yield at the end of the body."""
        last = self.block.last_op
        assert isinstance(last, YieldOp), "a loop body ends with a yield"
        return last

    def verify_(self) -> None:
        require(self, isinstance(self.block.last_op, YieldOp), "the body ends with lpu.yield")
        carried = [tensor_of(value) for value in self.init]
        same = [value.type for value in self.block.args] == [value.type for value in self.init]
        yielded = [tensor_of(value) for value in self.terminator.values]
        results = [tensor_of(value) for value in self.outputs]
        require(self, same, "block arguments have the types of the initial values")
        require(self, yielded[: len(carried)] == carried, "the carried values keep their types")
        upper = self.upper.data
        stacked = [t.with_dims((upper, *t.shape)) for t in yielded[len(carried) :]]
        may_end = any(isinstance(op, EmitOp) for op in self.block.ops)
        fixed = upper.is_const and self.lower is None and not may_end
        require(self, not stacked or fixed, "only a fixed number of turns can be stacked")
        require(self, results == [*carried, *stacked], "results are carried, then stacked values")


OPS: list[type[Operation]] = [StateOp, ReadOp, WriteOp, EmitOp, YieldOp, ForOp]
