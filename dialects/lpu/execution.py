"""
Run a function of the `lpu` level on numpy arrays.

```python
symbols = solve_symbols(argument_tensors(function), arrays)
outputs = run_function(function, {"x": x}, symbols, folder)
```

State starts undefined: NaN in floats, the least value in integers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Block, Operation, SSAValue

from dialects.affine import Affine
from dialects.lpu import control
from dialects.lpu.control import state_of
from dialects.lpu.interface import interface_of
from dialects.lpu.ports import StatePort
from dialects.lpu.semantics import Array, Scope, evaluate
from dialects.lpu.tensors import LpuOp, tensor_of
from dialects.lpu.types import Tensor
from dialects.names import unescape
from runtime.numerics.elements import ElementType


def argument_tensors(function: FuncOp) -> tuple[Tensor, ...]:
    return tuple(tensor_of(argument) for argument in function.body.block.args)


def solve_symbols(tensors: Sequence[Tensor], arrays: Sequence[Array]) -> dict[str, int]:
    """
    The values of the symbols under which these arrays have these types.

    ValueError says which extent does not fit, or which symbol no extent determines.
    """
    equations = [
        pair
        for tensor, array in zip(tensors, arrays, strict=True)
        for pair in _extents(tensor, array)
    ]
    symbols: dict[str, int] = {}
    while _solve_one(equations, symbols):
        pass
    missing = {name for extent, _ in equations for name, _ in extent.terms} - symbols.keys()
    if missing:
        raise ValueError(f"no extent determines {', '.join(sorted(missing))}")
    for extent, size in equations:
        if extent.evaluate(symbols) != size:
            raise ValueError(f"an extent of {extent} does not fit {size}")
    return symbols


def _extents(tensor: Tensor, array: Array) -> list[tuple[Affine, int]]:
    if tensor.rank != array.ndim or tensor.dtype.dtype != array.dtype:
        raise ValueError(f"an array of {array.shape}, {array.dtype} is not of type {tensor}")
    return list(zip(tensor.shape, array.shape, strict=True))


def _solve_one(equations: Sequence[tuple[Affine, int]], symbols: dict[str, int]) -> bool:
    """Find one more symbol: an equation in which it is the only unknown."""
    for extent, size in equations:
        rest = extent.substitute(symbols)
        if len(rest.terms) == 1:
            ((name, coefficient),) = rest.terms
            symbols[name] = (size - rest.const) // coefficient
            return True
    return False


class _Left(Exception):
    """A token stopped the loop right around."""


def _last_uses(block: Block) -> dict[SSAValue, Operation]:
    """For each value, the last operation of the block in which it is used, however deep."""
    return {value: op for op in block.ops for inner in op.walk() for value in inner.operands}


def _undefined(tensor: Tensor) -> Array:
    kind = tensor.dtype.dtype
    if tensor.dtype.is_float:
        return np.full(tensor.static_shape(), np.nan, kind)
    value = np.iinfo(kind).min if tensor.dtype.is_int else False
    return np.full(tensor.static_shape(), value, kind)


def _window(offsets: Sequence[int], shape: Sequence[int]) -> tuple[slice, ...]:
    return tuple(slice(at, at + extent) for at, extent in zip(offsets, shape, strict=True))


def _port_window(port: StatePort, shape: Sequence[int]) -> tuple[int | slice, ...]:
    """Where an array of the ONNX interface lies in its state; leading axes are fixed."""
    lead = len(port.offsets) - len(shape)
    return (*port.offsets[:lead], *_window(port.offsets[lead:], shape))


class Execution:
    """One run of one function: the values so far, the states, and where tokens go."""

    def __init__(
        self,
        symbols: Mapping[str, int],
        folder: Path,
        on_token: Callable[[int], None] | None = None,
    ) -> None:
        self.symbols = dict(symbols)
        self.scope = Scope(self.symbols, folder)
        self.values: dict[SSAValue, Array] = {}
        self.states: dict[SSAValue, Array] = {}
        self.on_token = on_token

    def begin(self, function: FuncOp, inputs: Mapping[str, Array]) -> None:
        """Give arguments and states their inputs."""
        block = function.body.block
        ports = interface_of(function).arguments
        arrays = (inputs[unescape(port.name)] for port in ports)
        self.values.update(zip(block.args, arrays, strict=True))
        for op in state_ops(function):
            array = self.states[op.result] = _undefined(state_of(op.result))
            for port in op.inputs.data:
                given = inputs[unescape(port.name)]
                array[_port_window(port, given.shape)] = given.astype(array.dtype, copy=False)

    def block(self, block: Block) -> list[Array]:
        """Run a block; what its terminator names. Its values are dropped behind their last use."""
        last_uses = _last_uses(block)
        for op in block.ops:
            if isinstance(op, ReturnOp | control.YieldOp):
                return [self.values[v] for v in op.operands]
            self.operation(op)
            dropped = (v for inner in op.walk() for v in inner.operands if last_uses.get(v) is op)
            for value in set(dropped):
                made_here = isinstance(value.owner, Operation) and value.owner.parent is block
                if made_here and value in self.values:
                    del self.values[value]
        raise AssertionError("the block has no terminator")

    def operation(self, op: Operation) -> None:
        match op:
            case LpuOp():
                results = evaluate(op, [self.values[v] for v in op.operands], self.scope)
                self.values.update((v, r) for v, r in zip(op.results, results, strict=True))
            case control.StateOp():
                pass
            case control.ReadOp():
                shape = self.scope.shape(tensor_of(op.result).shape)
                window = _window(self.scope.shape(op.offsets.data), shape)
                self.values[op.result] = self.states[op.state][window].copy()
            case control.WriteOp():
                value = self.values[op.value]
                window = _window(self.scope.shape(op.offsets.data), value.shape)
                self.states[op.state][window] = value
            case control.EmitOp():
                self._emit(op)
            case control.ForOp():
                self._loop(op)
            case _:
                raise AssertionError(f"not of the lpu level: {op.name}")

    def _emit(self, op: control.EmitOp) -> None:
        if self.values[op.stop][0] > 0:
            raise _Left
        if self.on_token is not None:
            self.on_token(int(self.values[op.token][0]))

    def _loop(self, op: control.ForOp) -> None:
        carried = [self.values[v] for v in op.init]
        stacks: list[list[Array]] = [[] for _ in op.outputs[len(carried) :]]
        first, end = op.first.evaluate(self.symbols), op.upper.data.evaluate(self.symbols)
        for turn in range(first, end):
            self.symbols[op.variable.data] = turn
            self.values.update(zip(op.block.args, carried, strict=True))
            try:
                yielded = self.block(op.block)
            except _Left:
                break
            carried = yielded[: len(carried)]
            for stack, value in zip(stacks, yielded[len(carried) :], strict=True):
                stack.append(value)
        results = [*carried, *map(np.stack, stacks)]
        self.values.update(zip(op.outputs, results, strict=True))


def state_ops(function: FuncOp) -> list[control.StateOp]:
    """The states that a function names."""
    return [op for op in function.body.block.ops if isinstance(op, control.StateOp)]


def run_function(
    function: FuncOp,
    inputs: Mapping[str, Array],
    symbols: Mapping[str, int],
    folder: Path,
    on_token: Callable[[int], None] | None = None,
) -> dict[str, Array]:
    """Results by ONNX name, those in states included; `on_token` gets the tokens emitted."""
    execution = Execution(symbols, folder, on_token)
    execution.begin(function, inputs)
    arrays = execution.block(function.body.block)
    ports = interface_of(function).results
    results = {
        unescape(port.name): np.asarray(array, order="C")
        for port, array in zip(ports, arrays, strict=True)
    }
    for op in state_ops(function):
        for port in op.outputs.data:
            window = _port_window(port, execution.scope.shape(port.dims))
            results[unescape(port.name)] = execution.states[op.result][window].copy()
    return results


def input_tensors(function: FuncOp) -> dict[str, Tensor]:
    """The type in which each ONNX input is stored, by name: arguments, then states."""
    pairs = zip(interface_of(function).arguments, argument_tensors(function), strict=True)
    found = {unescape(port.name): tensor for port, tensor in pairs}
    for op in state_ops(function):
        dtype = state_of(op.result).dtype
        found |= {unescape(p.name): Tensor.of(p.dims, dtype) for p in op.inputs.data}
    return found


def output_types(function: FuncOp) -> dict[str, ElementType]:
    """The ONNX element type of the outputs, by name."""
    found = {unescape(port.name): port.dtype for port in interface_of(function).results}
    for op in state_ops(function):
        found |= {unescape(p.name): p.dtype for p in op.outputs.data}
    return found


def run_interface(
    function: FuncOp,
    inputs: Mapping[str, Array],
    folder: Path,
    values: Mapping[str, int] | None = None,
    on_token: Callable[[int], None] | None = None,
) -> dict[str, Array]:
    """
    `run_function` with the ONNX interface: symbols from the extents, element types converted.

    They differ from the types of the function where cache is stored shorter than the model has it.
    `values` gives the symbols that no extent determines.
    """
    tensors = input_tensors(function)
    stored = {n: inputs[n].astype(t.dtype.dtype, copy=False) for n, t in tensors.items()}
    symbols = solve_symbols(list(tensors.values()), list(stored.values())) | dict(values or {})
    results = run_function(function, stored, symbols, folder, on_token)
    types = output_types(function)
    return {name: array.astype(types[name].dtype, copy=False) for name, array in results.items()}
