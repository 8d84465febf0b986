"""
Numpy semantics of the `lpu_mem` level, on bytes.

    run_function(func, {"x": np.ones((4, 8), np.float32)}, Path("model"))["y"]

It runs a function before and after tiling, before and after allocation. Buffers without an address
are memories of their own, and an `alloc` forgets their content; buffers with one share the HBM and
the LMU, so that two in one place disturb each other. Reading what nothing wrote is an error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import cast

import numpy as np
from xdsl.dialects.builtin import ArrayAttr
from xdsl.dialects.func import FuncOp
from xdsl.ir import Operation, SSAValue

from dialects.affine import Affine
from dialects.errors import node_names
from dialects.lpu.attributes import IntsAttr
from dialects.lpu.weights import read
from dialects.lpu_mem import control, ops
from dialects.lpu_mem.kernels import KERNELS, Point, run_gather, run_scatter
from dialects.lpu_mem.memory import Array, Memory, MemoryFault, Region
from dialects.lpu_mem.ops import buffer_of
from dialects.lpu_mem.ports import Port, PortAttr
from dialects.names import unescape
from runtime.numerics.elements import convert
from runtime.traps import Trap


def run_function(
    func: FuncOp,
    inputs: Mapping[str, Array],
    folder: Path,
    values: Mapping[str, int] | None = None,
    on_token: Callable[[int], None] | None = None,
) -> dict[str, Array]:
    """
    Outputs by ONNX name for inputs by ONNX name; `folder` holds the weights.

    `values` gives symbols that no extent determines, `on_token` gets the tokens emitted.
    """
    targets = list(zip(_ports(func, "lpu_mem.inputs"), func.args, strict=True))
    states = [op for op in func.body.block.ops if isinstance(op, control.StateOp)]
    targets += [(port.data, op.result) for op in states for port in op.inputs]
    symbols = solve([port for port, _ in targets], inputs) | dict(values or {})
    execution = Execution(func, symbols, folder, on_token)
    for port, value in targets:
        execution.write(port, value, inputs[unescape(port.name)])
    with np.errstate(all="ignore"):
        execution.block(func.body.block.ops)
    results = list(zip(_ports(func, "lpu_mem.outputs"), execution.outputs, strict=True))
    results += [(port.data, op.result) for op in states for port in op.outputs]
    return {unescape(port.name): execution.read(port, value) for port, value in results}


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
    """One run of one function: names in scope and the region behind each buffer."""

    def __init__(
        self,
        func: FuncOp,
        symbols: Mapping[str, int],
        folder: Path,
        on_token: Callable[[int], None] | None = None,
    ) -> None:
        self.names = dict(symbols)
        self.folder = folder
        self.on_token = on_token
        self.regions: dict[SSAValue, Region] = {}
        self.outputs: list[SSAValue] = []
        self.shared = _shared_memories(func)
        addresses = func.attributes.get("lpu_mem.arguments")
        for index, value in enumerate(func.args):
            known = isinstance(addresses, IntsAttr)
            self._allocate(value, addresses.data[index] if known else None)
        for op in func.body.block.ops:
            if isinstance(op, control.StateOp):
                self._allocate(op.result, None if op.address is None else op.address.value.data)

    def _allocate(self, value: SSAValue, address: int | None) -> None:
        buffer = buffer_of(value)
        if address is not None:
            memory, base = self.shared[buffer.space]
            self.regions[value] = Region(memory, address - base, buffer.elements, buffer.dtype)
        elif value in self.regions:
            self.regions[value].poison()
        else:
            memory = Memory.poisoned(buffer.nbytes)
            self.regions[value] = Region(memory, 0, buffer.elements, buffer.dtype)

    def block(self, operations: Iterable[Operation]) -> None:
        for op in operations:
            RUN[type(op)](self, op)

    def alloc(self, op: ops.AllocOp) -> None:
        self._allocate(op.result, None if op.address is None else op.address.value.data)

    def param(self, op: ops.ParamOp) -> None:
        if op.result in self.regions:
            return
        array = np.ascontiguousarray(read(op.value.data, self.folder))
        memory = Memory(array.reshape(-1).view(np.uint8), None)
        self.regions[op.result] = Region(memory, 0, array.size, buffer_of(op.result).dtype)

    def state(self, op: control.StateOp) -> None:
        """Its content is older than the call."""

    def emit(self, op: control.EmitOp) -> None:
        token, stop = (int(self.regions[v].view(0, (1,), (1,)).read()[0]) for v in op.operands)
        if stop > 0:
            raise _Left
        if self.on_token is not None:
            self.on_token(token)

    def loop(self, op: control.ForOp) -> None:
        inner = list(op.body.block.ops)
        first, end = op.first.evaluate(self.names), op.upper.data.evaluate(self.names)
        try:
            for value in range(first, end, op.step.value.data):
                self.names[op.variable.data] = value
                self.block(inner)
        except _Left:
            return

    def minimum(self, op: control.MinOp) -> None:
        value = op.value.data.evaluate(self.names)
        self.names[op.variable.data] = min(op.bound.value.data, value)

    def finish(self, op: control.ReturnOp) -> None:
        self.outputs = list(op.operands)

    def data(self, op: ops.DataOp) -> None:
        """Run an operation over data; a fault names it and its ONNX nodes."""
        try:
            self._data(op)
        except (MemoryFault, Trap) as error:
            nodes = ", ".join(node_names(op))
            raise MemoryFault(f"{op.name} ({nodes}) {op.access.data}: {error}") from error

    def _data(self, op: ops.DataOp) -> None:
        access, names = op.access.data, self.names
        shape = [extent.evaluate(names) for extent in access.extents]
        if min(shape, default=1) < 0:
            raise MemoryFault(f"negative extent in {shape}")
        places = [
            (view.offset.evaluate(names), [s.evaluate(names) for s in view.strides])
            for view in access.views
        ]
        point = Point(shape, places, [self.regions[value] for value in op.operands])
        if isinstance(op, ops.GatherOp | ops.ScatterOp):
            limit, row = op.limit.data.evaluate(names), op.row_stride.data.evaluate(names)
            run = run_gather if isinstance(op, ops.GatherOp) else run_scatter
            run(op, point, limit, row)  # pyright: ignore[reportArgumentType]
        elif isinstance(op, ops.IotaOp):
            self._iota(op, point)
        else:
            KERNELS[type(op)](op, point)

    def _iota(self, op: ops.IotaOp, point: Point) -> None:
        base, *steps = [c.evaluate(self.names) for c in op.coefficients.data]
        line = Point(point.shape, [(base, steps)], []).positions(0)
        point.view(0).write(line.astype(point.dtype(0).dtype))

    def write(self, port: Port, value: SSAValue, array: Array) -> None:
        """Put an input into its buffer."""
        region = self.regions[value]
        view = region.view(port.offset, array.shape, port.strides)
        view.write(array if port.dtype is region.dtype else convert(array, region.dtype))

    def read(self, port: Port, value: SSAValue) -> Array:
        """Take an output out of its buffer."""
        shape = [dim.evaluate(self.names) for dim in port.dims]
        data = self.regions[value].view(port.offset, shape, port.strides).read()
        return data.copy() if data.dtype == port.dtype.dtype else convert(data, port.dtype)


def _shared_memories(func: FuncOp) -> dict[str, tuple[Memory, int]]:
    """HBM and LMU from the first to the last byte that the addresses in the function name."""
    addresses = func.attributes.get("lpu_mem.arguments")
    known = addresses.data if isinstance(addresses, IntsAttr) else ()
    places: list[tuple[SSAValue, int]] = list(zip(func.args, known, strict=False))
    for op in func.walk():
        if isinstance(op, ops.AllocOp | control.StateOp) and op.address is not None:
            places.append((op.result, op.address.value.data))
    memories: dict[str, tuple[Memory, int]] = {}
    for space in ("hbm", "lmu"):
        inside = [(buffer_of(v), at) for v, at in places if buffer_of(v).space == space]
        base = min((at for _, at in inside), default=0)
        end = max((at + buffer.nbytes for buffer, at in inside), default=0)
        memories[space] = (Memory.poisoned(end - base), base)
    return memories


RUN: dict[type[Operation], Callable[[Execution, Operation], None]] = {
    ops.AllocOp: Execution.alloc,
    ops.ParamOp: Execution.param,
    control.StateOp: Execution.state,
    control.EmitOp: Execution.emit,
    control.ForOp: Execution.loop,
    control.MinOp: Execution.minimum,
    control.ReturnOp: Execution.finish,
    **dict.fromkeys(ops.DATA_OPS, Execution.data),
}  # pyright: ignore[reportAssignmentType]
