"""
Loop: a region that is repeated, by a count and a condition that shapes and constants decide.

```mlir
%s, %ys = onnx.Loop(%count, %go, %s0) : (...) -> (!lpu.tensor<*, f32>, !lpu.tensor<*, f32>) {
^bb0(%i : !lpu.tensor<[], i64>, %c : !lpu.tensor<[], bool>, %s1 : !lpu.tensor<*, f32>):
  %s2 = onnx.Neg(%s1) {since_version = 13 : i64} : (!lpu.tensor<*, f32>) -> !lpu.tensor<*, f32>
  onnx.Yield %c, %s2, %s2 : !lpu.tensor<*, bool>, !lpu.tensor<*, f32>, !lpu.tensor<*, f32>
}
```

The region takes the number of the step, the condition and the states, and gives whether to go on,
the states behind the step, and what the step adds to each further result. `absent` says which of
count and condition are left out. `onnx-resolve-shapes` puts the steps in place of the operation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np
from xdsl.dialects.builtin import LocationAttr
from xdsl.ir import Region, SSAValue
from xdsl.irdl import (
    IRDLOperation,
    irdl_op_definition,
    opt_prop_def,
    region_def,
    traits_def,
    var_operand_def,
    var_result_def,
)
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.traits import RecursiveMemoryEffect

from dialects.errors import CompileError
from dialects.lpu.attributes import IntsAttr
from dialects.lpu.types import Tensor, TensorType
from dialects.onnx.branches import YieldOp, yielded
from dialects.onnx.syntax import parse_node, print_node
from dialects.refusal import require
from runtime.numerics.elements import ElementType

Array = np.ndarray[Any, np.dtype[Any]]

OWN = 2
"""What a region takes before the states, and a Loop: a number, and a condition."""


@irdl_op_definition
class LoopOp(IRDLOperation):
    """What all steps leave, and what each has given."""

    name = "onnx.Loop"
    inputs = var_operand_def(TensorType)
    outputs = var_result_def(TensorType)
    left_out = opt_prop_def(IntsAttr, prop_name="absent")
    body = region_def("single_block")
    traits = traits_def(RecursiveMemoryEffect())

    @classmethod
    def of(
        cls, bounds: Sequence[SSAValue | None], states: Sequence[SSAValue], body: Region,
        location: LocationAttr,
    ) -> LoopOp:  # fmt: skip
        """A Loop; CompileError if states and results do not agree."""
        wanted = (ElementType.I64, ElementType.BOOL)
        for name, value, dtype in zip(("M", "cond"), bounds, wanted, strict=True):
            if value is not None and _dtype(value) is not dtype:
                raise CompileError(f"input '{name}' may not be {_dtype(value)}")
        given = [_dtype(value) for value in yielded(body)]
        expected = [ElementType.BOOL, *map(_dtype, states)]
        if given[: len(expected)] != expected:
            raise CompileError("a step gives no condition, or states of other element types")
        absent = tuple(i for i, value in enumerate(bounds) if value is None)
        return cls.create(
            operands=[*(value for value in bounds if value is not None), *states],
            result_types=[TensorType(Tensor(None, dtype)) for dtype in given[1:]],
            properties={"absent": IntsAttr(absent)} if absent else {},
            regions=[body],
            location=location,
        )

    @property
    def absent(self) -> tuple[int, ...]:
        return self.left_out.data if self.left_out is not None else ()

    @property
    def bounds(self) -> tuple[SSAValue | None, SSAValue | None]:
        """The count and the first condition."""
        given = iter(self.operands)
        count, condition = (None if i in self.absent else next(given) for i in range(OWN))
        return count, condition

    @property
    def states(self) -> Sequence[SSAValue]:
        return self.operands[OWN - len(self.absent) :]

    def verify_(self) -> None:
        takes = [ElementType.I64, ElementType.BOOL, *map(_dtype, self.states)]
        fits = [_dtype(argument) for argument in self.body.block.args] == takes
        require(self, fits, "a step takes a number, a condition and the states")
        ends = isinstance(self.body.block.last_op, YieldOp)
        require(self, ends, "a step ends in onnx.Yield")
        gives = [_dtype(value) for value in yielded(self.body)]
        fits = gives == [ElementType.BOOL, *map(_dtype, self.results)]
        require(self, fits, "a step gives a condition and the element types of the results")

    def print(self, printer: Printer) -> None:
        print_node(self, printer)

    @classmethod
    def parse(cls, parser: Parser) -> LoopOp:
        return parse_node(cls, parser)


def looped(
    op: LoopOp, bounds: Sequence[Array | None], states: Sequence[Array],
    step: Callable[[Sequence[Array]], Sequence[Array]],
) -> Sequence[Array]:  # fmt: skip
    """What a Loop gives; `step` runs the region on its arguments."""
    count, go = (None if bound is None else bound.reshape(()) for bound in bounds)
    added: list[Sequence[Array]] = []
    going = go is None or bool(go)
    while going and (count is None or len(added) < int(count)):
        number = np.array(len(added), np.int64)
        on, *given = step([number, np.array(True), *states])
        states, going = given[: len(states)], bool(on.reshape(()))
        added.append(given[len(states) :])
    if not added and len(op.results) > len(states):
        raise CompileError("a loop of no steps gives nothing that has a shape")
    return [*states, *(np.stack(parts) for parts in zip(*added, strict=True))]


def _dtype(value: SSAValue) -> ElementType:
    return cast("TensorType", value.type).data.dtype
