"""
Run a function of the `lpu` level on numpy arrays.

```python
outputs = run_function(function, {"x": x}, symbols, folder)
outputs = run_function(function, {"x": x}, symbols, folder, devices=4)  # on a ring, in lock step
```

State starts undefined: NaN in floats, the least value in integers; or as a call before has left it,
if both are given the same `kept`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import numpy as np
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Block, Operation, SSAValue

from dialects.devices import device_values, gathered, scattered
from dialects.lpu import control
from dialects.lpu.control import state_of
from dialects.lpu.interface import interface_of
from dialects.lpu.ports import window
from dialects.lpu.semantics import Scope, evaluate, evaluate_together
from dialects.lpu.solving import solve_symbols
from dialects.lpu.tensors import Array, CollectiveOp, LpuOp, sharding_of, tensor_of, whole_of
from dialects.lpu.types import Tensor
from dialects.names import unescape
from dialects.observing import Memo, Observer
from dialects.reading import operands_of, operations
from runtime.numerics.elements import ElementType


def argument_tensors(function: FuncOp) -> tuple[Tensor, ...]:
    """What all devices together are given."""
    return tuple(whole_of(argument) for argument in function.body.block.args)


Kept = dict[str, list[Array]]
"""What states hold on each device between calls, by the name of the state."""


class _Left(Exception):
    """A token stopped the loop right around."""


def _dropped(block: Block) -> dict[Operation, list[SSAValue]]:
    """The values of a block behind whose last use an operation stands, however deep that is."""
    last: dict[SSAValue, Operation] = {}
    for op in block.ops:
        for inner in op.walk() if op.regions else (op,):
            last.update(dict.fromkeys(inner.operands, op))
    found: dict[Operation, list[SSAValue]] = {}
    for value, op in last.items():
        if isinstance(value.owner, Operation) and value.owner.parent is block:
            found.setdefault(op, []).append(value)
    return found


def _undefined(tensor: Tensor) -> Array:
    kind = tensor.dtype.dtype
    if tensor.dtype.is_float:
        return np.full(tensor.static_shape(), np.nan, kind)
    value = np.iinfo(kind).min if tensor.dtype.is_int else False
    return np.full(tensor.static_shape(), value, kind)


class Execution:
    """
    One run of one function on all devices, in lock step: an operation on each, then the next.

    Each has values, states and symbols of its own; there is one place where tokens go.
    """

    def __init__(
        self,
        symbols: Mapping[str, int],
        folder: Path,
        on_token: Callable[[int], None] | None = None,
        devices: int = 1,
        observer: Observer | None = None,
        memo: Memo | None = None,
    ) -> None:
        self.observer, self.memo = observer, memo
        self.symbols = [{**symbols, **device_values(d, devices)} for d in range(devices)]
        read: dict[object, Array] = {}
        self.scopes = [Scope(names, folder, read, d) for d, names in enumerate(self.symbols)]
        self.values: dict[SSAValue, list[Array]] = {}
        """What each device has."""
        self.states: dict[SSAValue, list[Array]] = {}
        self.on_token = on_token
        self._drops: dict[Block, dict[Operation, list[SSAValue]]] = {}

    def begin(self, function: FuncOp, inputs: Mapping[str, Array], kept: Kept) -> None:
        """Give arguments and states their inputs; those of a state that is kept may be left out."""
        pairs = zip(function.body.block.args, interface_of(function).arguments, strict=True)
        for value, port in pairs:
            given = inputs[unescape(port.name)]
            parts = scattered(given, sharding_of(value), len(self.scopes))
            self.values[value] = self._kept(parts)
        for op in state_ops(function):
            name, fresh = op.state.data, state_of(op.result)
            if name not in kept:
                kept[name] = [_undefined(fresh) for _ in self.scopes]
            self.states[op.result] = kept[name]
            for port in op.inputs.data:
                if (given := inputs.get(unescape(port.name))) is None:
                    continue
                parts = scattered(given, port.sharding, len(self.scopes))
                for state, part in zip(self.states[op.result], parts, strict=True):
                    state[port.window(part.shape)] = part.astype(state.dtype, copy=False)

    def block(self, block: Block) -> list[list[Array]]:
        """Run a block; what its terminator names. Values are dropped, if no memo keeps them."""
        if block not in self._drops:
            self._drops[block] = _dropped(block) if self.memo is None else {}
        drops, end = self._drops[block], block.last_op
        assert isinstance(end, ReturnOp | control.YieldOp), "the block has no terminator"
        for op in operations(block)[:-1]:
            self.operation(op)
            for value in drops.get(op, ()) if drops else ():
                self.values.pop(value, None)
        return [self.values[v] for v in end.operands]

    def operation(self, op: Operation) -> None:
        match op:
            case LpuOp():
                self._compute(op)
            case control.StateOp():
                pass
            case control.ReadOp():
                pairs = zip(self.states[op.state], self.scopes, strict=True)
                windows = [
                    state[_placed(op, tensor_of(op.result), scope)].copy() for state, scope in pairs
                ]
                self._define(op, [], [self._kept(windows)])
            case control.WriteOp():
                columns = (self.states[op.state], self.values[op.value], self.scopes)
                for state, value, scope in zip(*columns, strict=True):
                    state[_placed(op, tensor_of(op.value), scope)] = value
            case control.EmitOp():
                self._emit(op)
            case control.ForOp():
                self._loop(op)
            case _:
                raise AssertionError(f"not of the lpu level: {op.name}")

    def _compute(self, op: LpuOp) -> None:
        given = [self.values[v] for v in operands_of(op)]
        inputs = [[parts[d] for parts in given] for d in range(len(self.scopes))]
        if self.memo is None:
            results = self._evaluated(op, inputs)
        else:
            compute = partial(self._evaluated, op, inputs)
            results = self.memo.results(op, inputs, self.symbols, compute)
        self._define(op, inputs, results)

    def _evaluated(self, op: LpuOp, inputs: list[list[Array]]) -> list[list[Array]]:
        """The results of an operation, each on all devices."""
        if isinstance(op, CollectiveOp):
            found = [evaluate_together(op, inputs, self.scopes[0])] * len(self.scopes)
        else:
            pairs = zip(inputs, self.scopes, strict=True)
            found = [evaluate(op, given, scope) for given, scope in pairs]
        return list(map(list, zip(*found, strict=True)))

    def _kept(self, parts: list[Array]) -> list[Array]:
        """What does not come of an operation, as it was known before."""
        return parts if self.memo is None else self.memo.kept(parts)

    def _define(self, op: Operation, inputs: list[list[Array]], results: list[list[Array]]) -> None:
        """Let an operation have results, those of an observer's choice if there is one."""
        if self.observer is not None:
            results = self.observer(op, inputs, results)
        self.values.update(zip(op.results, results, strict=True))

    def _emit(self, op: control.EmitOp) -> None:
        stops, tokens = ({int(a[0]) for a in self.values[v]} for v in (op.stop, op.token))
        assert len(stops) == len(tokens) == 1, "devices hand over different tokens"
        if stops.pop() > 0:
            raise _Left
        if self.on_token is not None:
            self.on_token(tokens.pop())

    def _loop(self, op: control.ForOp) -> None:
        carried = [self.values[v] for v in op.init]
        stacks: list[list[list[Array]]] = [[] for _ in op.outputs[len(carried) :]]
        bounds = (op.first, op.upper.data)
        turns = {range(*(bound.evaluate(names) for bound in bounds)) for names in self.symbols}
        assert len(turns) == 1, "devices take different turns"
        for turn in turns.pop():
            for names in self.symbols:
                names[op.variable.data] = turn
            self.values.update(zip(op.block.args, carried, strict=True))
            try:
                yielded = self.block(op.block)
            except _Left:
                break
            carried = yielded[: len(carried)]
            for stack, value in zip(stacks, yielded[len(carried) :], strict=True):
                stack.append(value)
        stacked = [
            self._kept([np.stack(turns) for turns in zip(*stack, strict=True)]) for stack in stacks
        ]
        self.values.update(zip(op.outputs, [*carried, *stacked], strict=True))


def _placed(
    op: control.ReadOp | control.WriteOp, tensor: Tensor, scope: Scope
) -> tuple[slice, ...]:
    """The window of a state on one device."""
    return window(scope.shape(op.offsets.data), scope.shape(tensor.shape))


def state_ops(function: FuncOp) -> list[control.StateOp]:
    """The states that a function names."""
    return [op for op in operations(function.body.block) if type(op) is control.StateOp]


def run_function(
    function: FuncOp,
    inputs: Mapping[str, Array],
    symbols: Mapping[str, int],
    folder: Path,
    on_token: Callable[[int], None] | None = None,
    devices: int = 1,
    observer: Observer | None = None,
    memo: Memo | None = None,
    kept: Kept | None = None,
) -> dict[str, Array]:
    """
    Results by ONNX name, those in states included; `on_token` gets the tokens emitted.

    States are those in `kept`, which gets those that it lacks.
    """
    execution = Execution(symbols, folder, on_token, devices, observer, memo)
    execution.begin(function, inputs, {} if kept is None else kept)
    arrays = execution.block(function.body.block)
    end = function.body.block.last_op
    assert end is not None, "a function ends with a return"
    results = {
        unescape(port.name): gathered(parts, sharding_of(value))
        for port, parts, value in zip(
            interface_of(function).results, arrays, end.operands, strict=True
        )
    }
    for op in state_ops(function):
        for port in op.outputs.data:
            place = port.window(execution.scopes[0].shape(port.local))
            parts = [state[place] for state in execution.states[op.result]]
            results[unescape(port.name)] = gathered(parts, port.sharding)
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
    devices: int = 1,
    observer: Observer | None = None,
    memo: Memo | None = None,
    kept: Kept | None = None,
) -> dict[str, Array]:
    """
    `run_function` with the ONNX interface: symbols from the extents, element types converted.

    They differ from the types of the function where cache is stored shorter than the model has it.
    `values` gives the symbols that no extent determines.
    """
    tensors = {n: t for n, t in input_tensors(function).items() if not kept or n in inputs}
    stored = {n: inputs[n].astype(t.dtype.dtype, copy=False) for n, t in tensors.items()}
    symbols = solve_symbols(list(tensors.values()), list(stored.values())) | dict(values or {})
    given = (stored, symbols, folder, on_token, devices)
    results = run_function(function, *given, observer, memo, kept)
    types = output_types(function)
    return {name: array.astype(types[name].dtype, copy=False) for name, array in results.items()}
