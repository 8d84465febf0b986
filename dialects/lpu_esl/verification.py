"""
What holds of a function of several devices: each says of its parts what is so.

Every value is followed from what it is made of (`layouts`, `placing`, `combining`). A type of
shards claims that devices have parts of one tensor; it must follow from the operands. A plain type
claims nothing, and devices may have different values of it, until one leaves them: as a result, in
a state, as a token. There it must be the same on all.

An operation that combines the elements along an axis is refused where its operand is claimed to lie
in parts along it. Who means the elements of one device alone gives the claim up first, by a slice
or reshape to a plain type; `lpu.topk` alone may choose among what a device has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Block, Operation, SSAValue

from dialects.affine import Affine
from dialects.devices import devices_of, differs_by_device
from dialects.lpu import control
from dialects.lpu.control import state_of as state_tensor
from dialects.lpu.ports import StatePort
from dialects.lpu.products import TopkOp
from dialects.lpu.tensors import LpuOp, sharding_of, tensor_of
from dialects.lpu.types import Tensor, TensorType
from dialects.lpu_esl.combining import combined_axes, state_of
from dialects.lpu_esl.layouts import Layout, State, free, is_cut, layout_of, shared, whole
from dialects.lpu_esl.ops import AllGatherOp
from dialects.refusal import refuse, require
from dialects.scopes import Rule, Scope


def _gather(op: AllGatherOp, scope: Scope) -> None:
    known, count = devices_of(scope.shared.module), op.devices
    require(op, count == known, f"it gathers from {count} devices where there are {known}")


RULES: dict[type[Operation], Rule] = {AllGatherOp: _gather}


def verify_function(func: FuncOp, scope: Scope) -> None:
    """That it has an all-gather demands nothing more."""
    del func, scope


def verify_shards(func: FuncOp, scope: Scope) -> None:
    """Its parts are what their types say, and what leaves it is the same on all devices."""
    devices = devices_of(scope.shared.module)
    _check_symbols(func, scope, devices)
    walk = _Walk(devices, scope.shared.layouts)
    for op in scope.shared.module.walk():
        if isinstance(op, control.StateOp):
            walk.state(op)
    for value in func.args:
        walk.begin(func, value)
    walk.block(func.body.block)


def _check_symbols(func: FuncOp, scope: Scope, devices: int) -> None:
    for name, bound in scope.bound.items():
        if differs_by_device(Affine.symbol(name)):
            known = int(name[1:]) < devices
            ranged = (bound.low, bound.highs) == (Affine(), (Affine(devices - 1),))
            require(func, known and ranged, f"{name} is no number of one of {devices} devices")


@dataclass
class _Walk:
    """What is known of the values of a function, and of the states of its module."""

    devices: int
    states: dict[str, Layout]
    values: dict[SSAValue, State] = field(default_factory=dict[SSAValue, State])

    def begin(self, op: Operation, value: SSAValue) -> None:
        """An argument is what its type says."""
        self.values[value] = self._claim(op, value) or whole(tensor_of(value).shape)

    def _claim(self, op: Operation, value: SSAValue) -> Layout | None:
        """What a type says of the parts of a value, which must be of this ring."""
        alike = not any(map(differs_by_device, tensor_of(value).shape))
        require(op, alike, "an extent depends on the device")
        sharding = sharding_of(value)
        if sharding is None:
            return None
        count = sharding.devices
        fits = count == self.devices
        require(op, fits, f"its parts lie on {count} devices where there are {self.devices}")
        assert isinstance(value.type, TensorType)
        return layout_of(value.type)

    def conclude(self, op: Operation, value: SSAValue, state: State) -> None:
        """A value is claimed to lie as it does, or nothing is claimed of it."""
        claim = self._claim(op, value)
        if claim is not None and claim != state:
            known = "nothing is known of it" if state is None else f"it lies as {state}"
            refuse(op, f"its type claims {claim}, while {known}")
        self.values[value] = state

    def block(self, block: Block) -> None:
        """All operations in order."""
        for op in block.ops:
            match op:
                case LpuOp():
                    self._compute(op)
                case control.ReadOp():
                    self._read(op)
                case control.WriteOp():
                    self._write(op)
                case control.EmitOp():
                    for value in op.operands:
                        same = _is_whole(self.values[value])
                        require(op, same, "devices would hand over different tokens")
                case control.ForOp():
                    self._loop(op)
                case ReturnOp():
                    for value in op.operands:
                        same = sharding_of(value) is not None or _is_whole(self.values[value])
                        require(op, same, "a result that is no shard differs by device")
                case _:
                    pass

    def _compute(self, op: LpuOp) -> None:
        states = [self.values[value] for value in op.operands]
        for value, axis in () if isinstance(op, TopkOp) else combined_axes(op):
            known = self.values[value]
            claimed = sharding_of(value) is not None and isinstance(known, Layout)
            apart = claimed and isinstance(known, Layout) and is_cut(known.axes[axis])
            require(op, not apart, "it combines elements of an axis that devices have parts of")
        state = state_of(op, states, self.devices)
        for result in op.results:
            self.conclude(op, result, state)

    def state(self, op: control.StateOp) -> None:
        """A state lies as its ports do."""
        tensor, name = state_tensor(op.result), op.state.data
        for port in (*op.inputs.data, *op.outputs.data):
            layout = self._of_port(op, tensor, port)
            known = self.states.setdefault(name, layout)
            require(op, known == layout, f"port '{port.name}' lies otherwise than its state")

    def _of_port(self, op: control.StateOp, tensor: Tensor, port: StatePort) -> Layout:
        lead = tensor.rank - len(port.dims)
        axes = list(whole(tensor.shape).axes)
        if port.sharding is None:
            return Layout(tuple(axes))
        count = port.sharding.devices
        fits = count == self.devices
        require(op, fits, f"port '{port.name}' lies on {count} devices of {self.devices}")
        parts = shared(port.sharding, port.dims).axes
        columns = zip(parts, port.local, port.offsets[lead:], tensor.shape[lead:], strict=True)
        for index, (axis, held, at, extent) in enumerate(columns):
            if is_cut(axis):
                filled = at == 0 and held == extent
                require(op, filled, f"port '{port.name}' has parts of an axis and does not fill it")
                axes[lead + index] = axis
        return Layout(tuple(axes))

    def _window(
        self, op: control.ReadOp | control.WriteOp, window: Tensor, layout: Layout
    ) -> Layout:
        """Where a window of a state lies; along cut axes it has all."""
        axes = list(layout.axes)
        columns = zip(op.offsets.data, window.shape, state_tensor(op.state).shape, strict=True)
        for index, (at, length, extent) in enumerate(columns):
            same = not differs_by_device(at)
            require(op, same, "its window of the state depends on the device")
            if is_cut(axes[index]):
                filled = at == Affine() and length == extent
                require(op, filled, "its window is a part of what a device has of an axis")
            else:
                axes[index] = free(length)
        return Layout(tuple(axes))

    def _layout_of(self, state: SSAValue, first: State) -> Layout:
        """Where a state lies; without ports, as what is first written to it."""
        owner = state.owner
        assert isinstance(owner, control.StateOp), "a state is made by its operation"
        plain = whole(state_tensor(state).shape)
        if isinstance(first, Layout):
            pairs = zip(first.axes, plain.axes, strict=True)
            plain = Layout(tuple(axis if is_cut(axis) else other for axis, other in pairs))
        return self.states.setdefault(owner.state.data, plain)

    def _read(self, op: control.ReadOp) -> None:
        layout = self._layout_of(op.state, None)
        self.conclude(op, op.result, self._window(op, tensor_of(op.result), layout))

    def _write(self, op: control.WriteOp) -> None:
        written = self.values[op.value]
        layout = self._layout_of(op.state, written)
        window = self._window(op, tensor_of(op.value), layout)
        if written != window:
            refuse(op, f"it writes what lies as {written} to where {window} lies")

    def _loop(self, op: control.ForOp) -> None:
        bounds = (op.first, op.upper.data)
        alike = not any(map(differs_by_device, bounds))
        require(op, alike, "how often it turns depends on the device")
        carried = [self.values[value] for value in op.init]
        yielded = self._turn(op, carried)
        while any(a != b and a is not None for a, b in zip(carried, yielded, strict=False)):
            pairs = zip(carried, yielded, strict=False)
            carried = [a if a == b else None for a, b in pairs]
            yielded = self._turn(op, carried)
        for index, result in enumerate(op.outputs):
            state = carried[index] if index < len(carried) else _stacked(op, yielded[index])
            self.conclude(op, result, state)

    def _turn(self, op: control.ForOp, carried: Sequence[State]) -> list[State]:
        """What a turn makes of the carried values, and the others that it yields."""
        self.values.update(zip(op.block.args, carried, strict=True))
        self.block(op.block)
        for value, argument in zip(op.terminator.values, op.block.args, strict=False):
            claim = sharding_of(argument)
            same = claim is None or self.values[value] == self.values[argument]
            require(op.terminator, same, "behind a turn a carried value lies otherwise")
        return [self.values[value] for value in op.terminator.values]


def _is_whole(state: State) -> bool:
    return isinstance(state, Layout) and state.is_whole


def _stacked(op: control.ForOp, state: State) -> State:
    """What all turns yield, along a new first axis."""
    return Layout((free(op.upper.data), *state.axes)) if isinstance(state, Layout) else None
