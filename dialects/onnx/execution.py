"""
Run a function of the `onnx` level on numpy arrays.

```python
outputs = run_function(function, {"x": x}, folder)
```
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Block, Operation, SSAValue

from dialects.errors import CompileError
from dialects.lpu.execution import argument_tensors
from dialects.lpu.interface import interface_of
from dialects.lpu.semantics import Scope
from dialects.lpu.semantics import evaluate as evaluate_lpu
from dialects.lpu.solving import solve_symbols
from dialects.lpu.tensors import LpuOp
from dialects.names import unescape
from dialects.observing import Memo, Observer, OnDevices
from dialects.onnx.branches import IfOp, YieldOp
from dialects.onnx.loops import LoopOp, looped
from dialects.onnx.ops import InitializerOp, OnnxOp
from dialects.onnx.semantics import Array, evaluate, numpy_dtype

HOLDERS = frozenset({InitializerOp.name, "onnx.Constant"})
"""Operations that hold numbers of the model."""

Constants = Callable[[Operation], Array | None]
"""What an operation that holds a constant is; None where its own weight is to be read."""


@dataclass(frozen=True)
class Place(Scope):
    """Where an operation of this level is evaluated."""

    constants: Constants | None = None
    observer: Observer | None = None
    memo: Memo | None = None


def run_function(
    function: FuncOp,
    inputs: Mapping[str, Array],
    folder: Path,
    constants: Constants | None = None,
    observer: Observer | None = None,
    memo: Memo | None = None,
) -> dict[str, Array]:
    """
    Every output of a function of this level, by the names of the model.

    Values are dropped after their last use. `constants` are asked before weights are read.
    """
    interface = interface_of(function)
    names = [unescape(port.name) for port in interface.arguments]
    outputs = [unescape(port.name) for port in interface.results]
    missing = [name for name in names if name not in inputs]
    if missing:
        raise CompileError(f"no value for the input '{missing[0]}'")
    block = function.body.block
    values: dict[SSAValue, Array] = {
        arg: np.asarray(inputs[name]) for arg, name in zip(block.args, names, strict=True)
    }
    if memo is not None:
        values = {arg: memo.kept([array])[0] for arg, array in values.items()}
    symbols = _symbols(function, list(values.values()))
    scope = Place(symbols, folder, constants=constants, observer=observer, memo=memo)
    return dict(zip(outputs, _run(block, values, scope), strict=True))


def _run(block: Block, values: dict[SSAValue, Array], scope: Place) -> list[Array]:
    """What a block ends with; values that are last used in it are dropped there."""
    last_use = {operand: op for op in block.ops for operand in _read(op)}
    for op in block.ops:
        if isinstance(op, ReturnOp | YieldOp):
            return [values[v] for v in op.operands]
        results = _evaluate_any(op, values, scope)
        values.update((r, x) for r, x in zip(op.results, results, strict=True) if r in last_use)
        for operand in set(_read(op)):
            if last_use[operand] is op:
                values.pop(operand, None)
    raise AssertionError("the block ends without a terminator")


def _read(op: Operation) -> list[SSAValue]:
    """The operands of an operation and of what its regions hold."""
    if not op.regions:
        return list(op.operands)
    return [operand for inner in op.walk() for operand in inner.operands]


def _symbols(function: FuncOp, arrays: Sequence[Array]) -> dict[str, int]:
    """The symbols that operations of level `lpu` need; none where there are only ours."""
    if not any(isinstance(op, LpuOp) for op in function.body.block.ops):
        return {}
    return solve_symbols(argument_tensors(function), arrays)


def _evaluate_any(op: Operation, values: Mapping[SSAValue, Array], scope: Place) -> Sequence[Array]:
    """Evaluate an operation of this level, or one of level `lpu` that a pass has put beside it."""
    if isinstance(op, IfOp):
        return _run(op.branch(bool(values[op.condition])).block, dict(values), scope)
    if isinstance(op, LoopOp):
        block, bounds = op.body.block, [None if v is None else values[v] for v in op.bounds]

        def step(given: Sequence[Array]) -> Sequence[Array]:
            return _run(block, {**values, **dict(zip(block.args, given, strict=True))}, scope)

        return looped(op, bounds, [values[v] for v in op.states], step)
    operands = [values[v] for v in op.operands]

    def compute() -> list[OnDevices]:
        return [[array] for array in _evaluate_one(op, values, scope)]

    if scope.memo is None:
        results = compute()
    else:
        results = scope.memo.results(op, [operands], [scope.symbols], compute)
    if scope.observer is not None:
        results = scope.observer(op, [operands], results)
    return [parts[0] for parts in results]


def _evaluate_one(op: Operation, values: Mapping[SSAValue, Array], scope: Place) -> Sequence[Array]:
    if scope.constants is not None and op.name in HOLDERS:
        constant = scope.constants(op)
        if constant is not None:
            return (constant.astype(numpy_dtype(op.results[0]), copy=False),)
    if isinstance(op, LpuOp):
        return evaluate_lpu(op, [values[v] for v in op.operands], scope)
    slots = op.slots() if isinstance(op, OnnxOp) else ()
    given = [None if v is None else values[v] for v in slots]
    return evaluate(op, given, scope.folder)
