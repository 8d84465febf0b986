"""The instruction of the matrix engine: a vector times a streamed panel."""

from collections.abc import Sequence
from math import ceil

import numpy as np

from runtime.isa.accesses import Access
from runtime.isa.spec import Bit, DataInst, Extents, Four, Mem0, Mem1, Plan, Unit, values
from runtime.machine import Machine, Panel
from runtime.numerics import ElementType, convert
from runtime.regions import Array
from runtime.target import Target
from runtime.traps import Trap, TrapKind


class Vecmat(DataInst, opcode=0x28, unit=Unit.SXE):
    """Drain the oldest panel W[K, N] and multiply: `dst[n] (+)= sum over k of x[k] * W[k, n]`.

    The panel must have been streamed with the same extents K (axis 2) and N (axis 3); axes 0 and 1
    have extent 1. x uses its stride of axis 2, dst its stride of axis 3. `accumulate` adds onto
    dst. Floats accumulate in f32 in an order that is not specified, and integers in i64; the sum is
    rounded or wrapped once to the type of dst. K = 0 gives zeros.
    """

    extents: Extents
    dst: Mem0
    x: Mem1
    accumulate: Bit = False

    def check(self) -> None:
        self.require(self.x.type is not ElementType.BOOL, "x is bool")
        same = self.dst.type.is_float == self.x.type.is_float
        self.require(same and self.dst.type is not ElementType.BOOL, "dst cannot hold the products")

    def prepare(self, machine: Machine) -> Plan:
        e0, e1, rows, columns = self.extent_values(machine)
        if (e0, e1) != (1, 1):
            raise Trap(TrapKind.ILLEGAL, f"a product has extents 1, 1, K, N, not {e0}, {e1}")
        source = self.view(machine, self.x, (1, 1, rows, 1))
        result = self.view(machine, self.dst, (1, 1, 1, columns))
        kernel = self._kernel(source.array[0, 0, :, 0], result.array[0, 0, 0])
        fifo, shape = machine.fifo, (rows, columns)

        def run() -> None:
            if not fifo:
                raise Trap(TrapKind.FIFO, "the operand FIFO is empty")
            panel = fifo.popleft()
            if panel.matrix.shape != shape:
                raise Trap(TrapKind.ILLEGAL, f"panel is {panel.matrix.shape}, expected {shape}")
            kernel(machine, panel)

        return Plan(run, [source, result] if self.accumulate else [source], [result])

    def _kernel(self, x: Array, out: Array) -> "_Product":
        is_float = self.x.type.is_float
        native = is_float and self.x.type is self.dst.type is ElementType.F32
        if native and not self.accumulate and out.size:
            return _DirectProduct(x, out, is_float)
        return _Product(x, out, is_float, self.accumulate)

    def occupancy(self, extents: Four, target: Target) -> int:
        return ceil(extents[2] / target.vector_lanes) * ceil(extents[3] / target.mac_trees)

    def latency(self, target: Target) -> int:
        return target.matrix_latency

    def accesses(self, registers: Sequence[int]) -> tuple[Access, ...]:
        _, _, rows, columns = values(registers, self.extents)
        x = self.access(registers, "x", (1, 1, rows, 1))
        shape: Four = (1, 1, 1, columns)
        return (x, self.access(registers, "dst", shape, writes=True, reads=self.accumulate))


class _Product:
    """General product: operands widened, the sum converted to the type of the result."""

    def __init__(self, x: Array, out: Array, is_float: bool, accumulate: bool = False) -> None:
        self.x = x
        self.out = out
        self.is_float = is_float
        self.accumulate = accumulate
        self.compute = np.dtype(np.float32 if is_float else np.int64)
        self.element = ElementType.of(out.dtype)

    def __call__(self, machine: Machine, panel: Panel) -> None:
        machine.require_drainable(panel)
        total = self.total(self.x, self.weights(machine, panel))
        if self.accumulate:
            total = total + self.out.astype(self.compute, copy=False)
        assert self.element is not None
        self.out[...] = convert(total, self.element)

    def weights(self, machine: Machine, panel: Panel) -> Array:
        """The panel in the type of the products."""
        if panel.element.is_float != self.is_float:
            raise Trap(TrapKind.ILLEGAL, "float and integer operands meet in one product")
        if self.is_float:
            return machine.widened(panel)
        return panel.matrix.astype(np.int64)

    def total(self, x: Array, weights: Array) -> Array:
        """Sum of products in the accumulator type."""
        return x.astype(self.compute, copy=False) @ weights


class _DirectProduct(_Product):
    """f32 x f32 without conversions, straight into the result."""

    def __call__(self, machine: Machine, panel: Panel) -> None:
        machine.require_drainable(panel)
        np.matmul(self.x, self.weights(machine, panel), out=self.out)
