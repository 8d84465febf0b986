"""
Numpy semantics of the `lpu_mem` level, on bytes.

    run_function(func, {"x": np.ones((4, 8), np.float32)}, Path("model"))["y"]

It runs a function before and after tiling, before and after allocation. Buffers without an address
are memories of their own, and an `alloc` forgets their content; buffers with one share the HBM and
the LMU, so that two in one place disturb each other. Reading what nothing wrote is an error.

Several devices run in lock step. Links keep any number of messages; to wait for one that is not on
its way is an error.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
from xdsl.dialects.builtin import ArrayAttr
from xdsl.dialects.func import FuncOp
from xdsl.ir import Operation, SSAValue

from dialects.affine import Affine
from dialects.devices import device_values, gathered, scattered
from dialects.lpu_mem import control, ops
from dialects.lpu_mem.device import Device, Observer, faults_of
from dialects.lpu_mem.kernels import Point
from dialects.lpu_mem.links import SIDES
from dialects.lpu_mem.memory import Array, Memory, MemoryFault
from dialects.lpu_mem.ports import Port, PortAttr
from dialects.names import unescape

Kept = dict[str, list[Memory]]
"""What states hold on each device between calls, by the name of the state."""


def run_function(
    func: FuncOp,
    inputs: Mapping[str, Array],
    folder: Path,
    values: Mapping[str, int] | None = None,
    on_token: Callable[[int], None] | None = None,
    devices: int = 1,
    observer: Observer | None = None,
    watch: Watch | None = None,
    kept: Kept | None = None,
) -> dict[str, Array]:
    """
    Outputs by ONNX name for inputs by ONNX name; `folder` holds the weights.

    `values` gives symbols that no extent determines, `on_token` gets the tokens emitted,
    `observer` looks at the first device, `watch` is called behind each operation and may write.
    States are as a call before has left them in `kept`, which then holds what this one leaves;
    inputs that lie in them may be left out.
    """
    targets = list(zip(_ports(func, "lpu_mem.inputs"), func.args, strict=True))
    states = [op for op in func.body.block.ops if isinstance(op, control.StateOp)]
    targets += [(port.data, op.result) for op in states for port in op.inputs]
    if kept:
        targets = [(port, value) for port, value in targets if unescape(port.name) in inputs]
    symbols = solve([port for port, _ in targets], inputs) | dict(values or {})
    execution = Execution(func, symbols, folder, on_token, devices)
    execution.devices[0].observer, execution.watch = observer, watch
    for op in states:
        execution.resume(op, kept or {})
    for port, value in targets:
        execution.write(port, value, inputs[unescape(port.name)])
    with np.errstate(all="ignore"):
        execution.run(func)
    if kept is not None:
        regions = {
            op.state.data: [d.regions[op.result] for d in execution.devices] for op in states
        }
        kept |= {name: [region.content() for region in each] for name, each in regions.items()}
    results = list(zip(_ports(func, "lpu_mem.outputs"), execution.outputs, strict=True))
    results += [(port.data, op.result) for op in states for port in op.outputs]
    return {unescape(port.name): execution.read(port, value) for port, value in results}


Watch = Callable[[Operation, list[Device]], None]
"""Called behind an operation, when all devices have done it, a loop with all its turns."""


def _ports(func: FuncOp, name: str) -> list[Port]:
    attribute = func.attributes[name]
    assert isinstance(attribute, ArrayAttr)
    ports = cast("ArrayAttr[PortAttr]", attribute)
    return [port.data for port in ports]


class _Left(Exception):
    """A token stopped the loop right around."""


def solve(ports: Iterable[Port], inputs: Mapping[str, Array]) -> dict[str, int]:
    """The symbols that make the extents of the inputs those of the arrays."""
    symbols: dict[str, int] = {}
    pairs = [
        (dim, extent)
        for port in ports
        for dim, extent in zip(port.dims, inputs[unescape(port.name)].shape, strict=True)
    ]
    for _ in pairs:
        for dim, extent in pairs:
            unknown = [term for term in dim.terms if term[0] not in symbols]
            if len(unknown) == 1:
                name, factor = unknown[0]
                known = (dim - Affine.symbol(name, factor)).evaluate(symbols)
                symbols[name] = (extent - known) // factor
    for dim, extent in pairs:
        assert dim.evaluate(symbols) == extent, f"extent {extent} is not {dim} for {symbols}"
    return symbols


class Execution:
    """One run of one function on all devices, in lock step: an operation on each, then the next."""

    def __init__(
        self,
        func: FuncOp,
        symbols: Mapping[str, int],
        folder: Path,
        on_token: Callable[[int], None] | None = None,
        devices: int = 1,
    ) -> None:
        weights: dict[object, Memory] = {}
        self.devices = [
            Device(func, d, {**symbols, **device_values(d, devices)}, folder, weights)
            for d in range(devices)
        ]
        self.on_token = on_token
        self.watch: Watch | None = None
        self.outputs: list[SSAValue] = []
        self.links: dict[tuple[int, str], deque[Array]] = {
            (device, side): deque() for device in range(devices) for side in SIDES
        }
        """The messages on the way to each device, by the side that they come from."""

    def run(self, func: FuncOp) -> None:
        """The whole function; what is sent must have been received behind it."""
        self.block(func.body.block.ops)
        lost = sum(map(len, self.links.values()))
        if lost:
            raise MemoryFault(f"nobody receives {lost} messages")

    def block(self, operations: Iterable[Operation]) -> None:
        for op in operations:
            RUN[type(op)](self, op)
            if self.watch is not None:
                self.watch(op, self.devices)

    def state(self, op: control.StateOp) -> None:
        """Its content is older than the call."""

    def emit(self, op: control.EmitOp) -> None:
        token, stop = (self._same(lambda d, v=v: d.number_in(v), "tokens") for v in op.operands)
        if stop > 0:
            raise _Left
        if self.on_token is not None:
            self.on_token(token)

    def _same(self, of: Callable[[Device], int], what: str) -> int:
        """A number that all devices must have."""
        found = {of(device) for device in self.devices}
        if len(found) > 1:
            raise MemoryFault(f"devices have different {what}: {sorted(found)}")
        return found.pop()

    def loop(self, op: control.ForOp) -> None:
        inner = list(op.body.block.ops)
        first = self._same(lambda d: op.first.evaluate(d.names), "turns")
        end = self._same(lambda d: op.upper.data.evaluate(d.names), "turns")
        try:
            for value in range(first, end, op.step.value.data):
                for device in self.devices:
                    device.names[op.variable.data] = value
                self.block(inner)
        except _Left:
            return

    def finish(self, op: control.ReturnOp) -> None:
        self.outputs = list(op.operands)

    def send(self, op: ops.SendOp) -> None:
        step, origin = (-1, "right") if op.side.data == "left" else (1, "left")
        for device in self.devices:
            with faults_of(op):
                message = device.point(op).view(0).read().copy()
            self.links[(device.number + step) % len(self.devices), origin].append(message)

    def receive(self, op: ops.RecvOp) -> None:
        for device in self.devices:
            with faults_of(op):
                self._take(self.links[device.number, op.side.data], device.point(op))

    def _take(self, link: deque[Array], point: Point) -> None:
        if not link:
            raise MemoryFault("it waits for a message that nobody sends")
        message, wanted = link.popleft(), (tuple(point.shape), point.dtype(0).dtype)
        if (message.shape, message.dtype) != wanted:
            raise MemoryFault(f"a message of {message.shape}, {message.dtype} came for {wanted}")
        point.view(0).write(message)

    def resume(self, op: control.StateOp, kept: Kept) -> None:
        """Let a state hold what it held, if it was there."""
        for device, content in zip(self.devices, kept.get(op.state.data, ()), strict=False):
            device.regions[op.result].restore(content)

    def write(self, port: Port, value: SSAValue, array: Array) -> None:
        """Put an input into its buffers."""
        parts = scattered(array, port.sharding, len(self.devices))
        for device, part in zip(self.devices, parts, strict=True):
            device.write(port, value, part)

    def read(self, port: Port, value: SSAValue) -> Array:
        """Take an output out of its buffers."""
        return gathered([device.read(port, value) for device in self.devices], port.sharding)


def _each(method: Callable[[Device, Any], None]) -> Callable[[Execution, Operation], None]:
    """What every device does for itself."""

    def run(execution: Execution, op: Operation) -> None:
        for device in execution.devices:
            method(device, op)

    return run


RUN: dict[type[Operation], Callable[[Execution, Any], None]] = {
    **dict.fromkeys(ops.DATA_OPS, _each(Device.data)),
    ops.AllocOp: _each(Device.alloc),
    ops.ParamOp: _each(Device.param),
    ops.SendOp: Execution.send,
    ops.RecvOp: Execution.receive,
    control.StateOp: Execution.state,
    control.EmitOp: Execution.emit,
    control.ForOp: Execution.loop,
    control.MinOp: _each(Device.minimum),
    control.ReturnOp: Execution.finish,
}
