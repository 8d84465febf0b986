"""
Graphs in place of the nodes that hold them: the branch that is chosen, or all steps of a loop.

```mlir
%s, %ys = onnx.Loop(%two, %true, %x) : ... { ... onnx.Neg ... }
```
becomes
```mlir
%s1 = onnx.Neg(%x)        %s2 = onnx.Neg(%s1)        %ys = lpu.concat %s1, %s2 along 0
```

Which, and how many, is decided by shapes and constants; the number of steps and of what they write
out is bounded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from xdsl.ir import Operation, SSAValue

from dialects.errors import ManySteps, unsupported
from dialects.lpu.tensors import tensor_of
from dialects.names import unescape
from dialects.onnx.branches import IfOp
from dialects.onnx.loops import OWN, LoopOp
from passes.analysis.content import Content
from passes.onnx.operators.recurrent import STEPS
from passes.onnx.operators.undecided import input_behind
from passes.rewriting.build import Build
from passes.rewriting.creation import copy_of
from passes.rewriting.kernel import block_of, erase, move
from runtime.numerics.elements import ElementType

Array = np.ndarray[Any, np.dtype[Any]]
Known = Callable[[SSAValue], Array | None]
"""The elements of a value, if they are known numbers."""
Lookup = Callable[[SSAValue], Content | None]
Visit = Callable[[Operation], None]

WRITTEN_OUT = 1 << 14
"""More operations than this are not made of one loop."""


def inlined_graphs(
    op: IfOp | LoopOp, known: Known, lookup: Lookup, visit: Visit
) -> Sequence[SSAValue]:
    """Resolved operations in front of a node that holds graphs; the values that they give."""
    if isinstance(op, LoopOp):
        return _unrolled(op, known, lookup, visit)
    *body, end = op.branch(_decided(op, op.condition, known, lookup)).block.ops
    for inner in body:
        move(inner, op)
        visit(inner)
    return end.operands


def _decided(op: IfOp | LoopOp, condition: SSAValue, known: Known, lookup: Lookup) -> bool:
    """What a condition is; refused where data says."""
    array = known(condition)
    if array is not None and array.size == 1:
        return bool(array.reshape(()))
    what = "the condition depends on data, not on shapes alone"
    name = input_behind(condition, lookup)
    fixed = None if name is None else f"--input-value {unescape(name)}=true, or =false"
    without = "Loop" if isinstance(op, LoopOp) else "If"
    raise unsupported(op, what, fixed or f"export the model without {without}")


def _most(op: LoopOp, known: Known) -> int | None:
    """How many steps there are at most; None where only the condition says."""
    count, _ = op.bounds
    if count is None:
        return None
    array = known(count)
    if array is None or array.size != 1:
        what = "how many steps there are depends on data, not on shapes alone"
        raise unsupported(op, what, "export the model without Loop")
    return int(array.reshape(()))


def _unrolled(op: LoopOp, known: Known, lookup: Lookup, visit: Visit) -> Sequence[SSAValue]:
    most, (_, first) = _most(op, known), op.bounds
    states, added, steps = list(op.states), list[Sequence[SSAValue]](), 0
    going = first is None or _decided(op, first, known, lookup)
    size = sum(1 for _ in op.body.block.walk())
    while going and (most is None or steps < most):
        if steps >= STEPS or (steps + 1) * size > WRITTEN_OUT:
            what = f"more than {steps} steps of {size} operations are not written out"
            asked = f"{most} are asked for" if most is not None else None
            raise unsupported(op, what, asked, ManySteps)
        condition, *given = _step(op, steps, states, visit)
        states = given[: len(states)]
        added.append(given[len(states) :])
        going = _decided(op, condition, known, lookup)
        steps += 1
    if not added and len(op.results) > len(states):
        raise unsupported(op, "a loop of no steps gives nothing that has a shape")
    joined = [_stacked(Build(op), parts, visit) for parts in zip(*added, strict=True)]
    return [*states, *joined]


def _step(op: LoopOp, number: int, states: Sequence[SSAValue], visit: Visit) -> list[SSAValue]:
    """One step, resolved, in front of the loop; what it gives."""
    b, block = Build(op), op.body.block
    own = [b.scalar(number, ElementType.I64), b.scalar(True, ElementType.BOOL)]
    for value in own:
        _visit_owner(value, visit)
    assert len(own) == OWN, "a step takes a number and a condition first"
    values = dict[SSAValue, SSAValue](zip(block.args, [*own, *states], strict=True))
    *body, end = block_of(copy_of(inner, values) for inner in block.ops).ops
    for inner in body:
        move(inner, op)
        visit(inner)
    given = list(end.operands)
    erase(end)
    return given


def _visit_owner(value: SSAValue, visit: Visit) -> None:
    assert isinstance(value.owner, Operation)
    visit(value.owner)


def _stacked(b: Build, parts: Sequence[SSAValue], visit: Visit) -> SSAValue:
    """What steps have given, along a new first axis."""
    rows: list[SSAValue] = []
    for part in parts:
        row = b.reshape(part, (1, *tensor_of(part).shape))
        if row is not part:
            _visit_owner(row, visit)
        rows.append(row)
    joined = b.concat(rows, 0)
    if len(rows) > 1:
        _visit_owner(joined, visit)
    return joined
