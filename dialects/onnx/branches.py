"""
If: two regions of which one is the result, by a condition that shapes decide.

```mlir
%y = onnx.If(%c) : (!lpu.tensor<*, bool>) -> !lpu.tensor<*, f32> {
  %s = onnx.Squeeze(%x) {since_version = 13 : i64} : (!lpu.tensor<[1, 4], f32>) -> ...
  onnx.Yield %s : !lpu.tensor<*, f32>
} else {
  onnx.Yield %x : !lpu.tensor<[1, 4], f32>
}
```

The regions see the values around them. `onnx-resolve-shapes` puts the one that the condition
chooses in place of the operation; a condition that depends on data is refused there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from xdsl.dialects.builtin import LocationAttr
from xdsl.ir import Region, SSAValue
from xdsl.irdl import (
    IRDLOperation,
    operand_def,
    region_def,
    traits_def,
    var_operand_def,
    var_result_def,
)
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.traits import IsTerminator, RecursiveMemoryEffect

from dialects.definition import op_definition
from dialects.errors import CompileError
from dialects.lpu.types import Tensor, TensorType
from dialects.onnx.syntax import parse_node, print_node
from dialects.refusal import require
from runtime.numerics.elements import ElementType


@op_definition
class YieldOp(IRDLOperation):
    """The results of a branch: `onnx.Yield %a, %b : type, type`."""

    name = "onnx.Yield"
    values = var_operand_def(TensorType)
    traits = traits_def(IsTerminator())
    assembly_format = "($values^ `:` type($values))? attr-dict"


@op_definition
class IfOp(IRDLOperation):
    """What the branch computes that the condition chooses."""

    name = "onnx.If"
    condition = operand_def(TensorType)
    outputs = var_result_def(TensorType)
    then_branch = region_def("single_block")
    else_branch = region_def("single_block")
    traits = traits_def(RecursiveMemoryEffect())

    @classmethod
    def of(cls, condition: SSAValue, branches: Sequence[Region], location: LocationAttr) -> IfOp:
        """An If; CompileError if the condition is no bool or the branches do not agree."""
        if _dtype(condition) is not ElementType.BOOL:
            raise CompileError(f"input 'cond' may not be {_dtype(condition)}")
        given = [[_dtype(value) for value in yielded(branch)] for branch in branches]
        if given[0] != given[1]:
            raise CompileError("the branches give results of different element types")
        types = [TensorType(Tensor(None, dtype)) for dtype in given[0]]
        regions = list(branches)
        return cls.create(
            operands=[condition], result_types=types, regions=regions, location=location
        )

    def branch(self, condition: bool) -> Region:
        """The region that a condition chooses."""
        return self.then_branch if condition else self.else_branch

    def verify_(self) -> None:
        expected = [_dtype(result) for result in self.results]
        for region in self.regions:
            ends = isinstance(region.block.last_op, YieldOp)
            require(self, ends, "a branch ends in onnx.Yield")
            same = [_dtype(value) for value in yielded(region)] == expected
            require(self, same, "a branch gives the element types of the results")

    def print(self, printer: Printer) -> None:
        print_node(self, printer, "else")

    @classmethod
    def parse(cls, parser: Parser) -> IfOp:
        return parse_node(cls, parser, "else")


def yielded(region: Region) -> tuple[SSAValue, ...]:
    """The values that a branch ends with."""
    last = region.block.last_op
    return tuple(last.operands) if last is not None else ()


def _dtype(value: SSAValue) -> ElementType:
    return cast("TensorType", value.type).data.dtype
