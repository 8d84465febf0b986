"""What one device has while a function of the level `lpu_mem` runs: names, buffers, their bytes."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from xdsl.dialects.func import FuncOp
from xdsl.ir import SSAValue

from dialects.errors import node_names
from dialects.lpu.attributes import IntsAttr
from dialects.lpu.weights import for_device, read
from dialects.lpu_mem import control, ops
from dialects.lpu_mem.kernels import KERNELS, Point, run_gather, run_scatter
from dialects.lpu_mem.memory import Array, Memory, MemoryFault, Region
from dialects.lpu_mem.ops import buffer_of
from dialects.lpu_mem.ports import Port
from runtime.numerics.elements import convert
from runtime.traps import Trap

Observer = Callable[[ops.DataOp, Point, Mapping[str, int]], None]
"""Called behind an operation over data; its first operand is what it wrote."""


class Device:
    """One device: names in scope and the region behind each buffer."""

    def __init__(
        self,
        func: FuncOp,
        number: int,
        names: Mapping[str, int],
        folder: Path,
        weights: dict[object, Memory],
    ) -> None:
        self.number = number
        self.observer: Observer | None = None
        self.names = dict(names)
        self.folder = folder
        self.weights = weights
        """Those that were read, for all devices."""
        self.regions: dict[SSAValue, Region] = {}
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

    def alloc(self, op: ops.AllocOp) -> None:
        """Make a buffer, or forget what it holds."""
        self._allocate(op.result, None if op.address is None else op.address.value.data)

    def param(self, op: ops.ParamOp) -> None:
        """Make a buffer of a weight."""
        if op.result in self.regions:
            return
        weight, buffer = for_device(op.value.data, self.number), buffer_of(op.result)
        if weight not in self.weights:
            array = np.ascontiguousarray(read(weight, self.folder))
            self.weights[weight] = Memory(array.reshape(-1).view(np.uint8), None)
        self.regions[op.result] = Region(self.weights[weight], 0, buffer.elements, buffer.dtype)

    def minimum(self, op: control.MinOp) -> None:
        """Bind the extent of a tile."""
        value = op.value.data.evaluate(self.names)
        self.names[op.variable.data] = min(op.bound.value.data, value)

    def number_in(self, value: SSAValue) -> int:
        """The one element of a buffer."""
        return int(self.regions[value].view(0, (1,), (1,)).read()[0])

    def data(self, op: ops.DataOp) -> None:
        """Run an operation over data; a fault names it and its ONNX nodes."""
        with faults_of(op):
            point = self.point(op)
            self._data(op, point)
        if self.observer is not None:
            self.observer(op, point, self.names)

    def point(self, op: ops.DataOp) -> Point:
        """An operation with its extents, offsets and strides as numbers."""
        access, names = op.access.data, self.names
        shape = [extent.evaluate(names) for extent in access.extents]
        if min(shape, default=1) < 0:
            raise MemoryFault(f"negative extent in {shape}")
        places = [
            (view.offset.evaluate(names), [s.evaluate(names) for s in view.strides])
            for view in access.views
        ]
        return Point(shape, places, [self.regions[value] for value in op.operands])

    def _data(self, op: ops.DataOp, point: Point) -> None:
        names = self.names
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
        shape = [dim.evaluate(self.names) for dim in port.local]
        data = self.regions[value].view(port.offset, shape, port.strides).read()
        return data.copy() if data.dtype == port.dtype.dtype else convert(data, port.dtype)


@contextmanager
def faults_of(op: ops.DataOp) -> Generator[None]:
    """What goes wrong in here names an operation and its ONNX nodes."""
    try:
        yield
    except (MemoryFault, Trap) as error:
        nodes = ", ".join(node_names(op))
        raise MemoryFault(f"{op.name} ({nodes}) {op.access.data}: {error}") from error


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
