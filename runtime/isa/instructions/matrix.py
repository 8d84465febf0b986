"""The instruction of the matrix engine: rows of activations times a streamed panel."""

from collections.abc import Callable, Sequence
from functools import partial
from math import ceil
from operator import itemgetter

import numpy as np

from runtime.device.machine import Machine
from runtime.device.panels import Panel
from runtime.device.regions import Array
from runtime.isa.binding import Run
from runtime.isa.spec import Bit, DataInst, Extents, Four, Maker, Mem0, Mem1, Unit
from runtime.numerics.elements import ElementType, convert
from runtime.target import Target
from runtime.traps import Trap, TrapKind


class Vecmat(DataInst, opcode=0x28, unit=Unit.SXE):
    """Drain the oldest panel W: `dst[b, m, n] (+)= sum over k of x[b, m, k] * W[b, k, n]`.

    Extents are B, M, K, N; the panel must have been streamed with B, 1, K, N, and M rows share it.
    x uses its strides of axes 0, 1, 2 and dst those of 0, 1, 3. `accumulate` adds onto dst.
    Floats accumulate in f32 in an order that is not specified, and integers in i64; the sum is
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

    def shape_reader(self) -> Callable[[Sequence[int]], tuple[Four, ...]]:
        extents = itemgetter(*self.extents)

        def shapes(registers: Sequence[int]) -> tuple[Four, ...]:
            batch, rows, depth, columns = extents(registers)
            return ((batch, rows, 1, columns), (batch, rows, depth, 1))

        return shapes

    def direction(self, name: str) -> tuple[bool, bool]:
        return (self.accumulate, True) if name == "dst" else (True, False)

    def maker(self, machine: Machine) -> Maker:
        native = self.x.type is self.dst.type is ElementType.F32 and not self.accumulate
        general = _General(machine, self)

        def make(out: Array, x: Array) -> Run:
            rows, results = x[..., 0], out[:, :, 0]
            shape = (rows.shape[0], rows.shape[2], results.shape[2])
            if not native or not results.size:
                return partial(general.run, rows, results, shape)
            if results.shape[:2] == (1, 1) and results.flags.c_contiguous:
                return partial(_one_row, machine, rows[0, 0], results[0, 0], shape)
            return partial(_rows, machine, rows, results, shape)

        return make

    def occupancy(self, extents: Four, target: Target) -> int:
        """Cycles of B M ceil(K / v) ceil(N / l) tiles: every row passes over the whole panel."""
        batch, rows, depth, columns = extents
        tiles = ceil(depth / target.vector_lanes) * ceil(columns / target.mac_trees)
        return batch * rows * tiles

    def latency(self, target: Target) -> int:
        return target.matrix_latency


def _drain(machine: Machine, shape: tuple[int, ...]) -> Panel:
    """The oldest panel, which must have a shape and be initialised."""
    if not machine.fifo:
        raise Trap(TrapKind.FIFO, "the operand FIFO is empty")
    panel = machine.fifo.popleft()
    if panel.shape != shape:
        raise Trap(TrapKind.ILLEGAL, f"panel is {panel.shape}, expected {shape}")
    if panel.checked is not None:
        panel.require_initialised(machine.run_number)
    return panel


def _require(condition: bool) -> None:
    if not condition:
        raise Trap(TrapKind.ILLEGAL, "float and integer operands meet in one product")


def _one_row(machine: Machine, x: Array, out: Array, shape: tuple[int, ...]) -> None:
    """A vector of f32 times one matrix; `dot` starts sooner than `matmul`, but copies with gaps."""
    panel = _drain(machine, shape)
    if panel.dense is not None:
        x.dot(panel.dense, out)
        return
    _require(panel.element.is_float)
    np.matmul(x, machine.widener.wide(panel)[0], out)


def _rows(machine: Machine, x: Array, out: Array, shape: tuple[int, ...]) -> None:
    """Rows of f32 times matrices where they lie."""
    panel = _drain(machine, shape)
    _require(panel.element.is_float)
    np.matmul(x, machine.widener.wide(panel), out)


class _General:
    """Any product: operands widened, the sum converted to the type of the result."""

    def __init__(self, machine: Machine, inst: Vecmat) -> None:
        self.machine = machine
        self.is_float = inst.x.type.is_float
        self.accumulate = inst.accumulate
        self.compute = np.dtype(np.float32 if self.is_float else np.int64)
        self.element = inst.dst.type

    def run(self, x: Array, out: Array, shape: tuple[int, ...]) -> None:
        """Drain, multiply, add and convert."""
        panel = _drain(self.machine, shape)
        _require(panel.element.is_float == self.is_float)
        wide = self.machine.widener.wide(panel) if self.is_float else panel.matrix.astype(np.int64)
        total = np.matmul(x.astype(self.compute, copy=False), wide)
        if self.accumulate:
            total = total + out.astype(self.compute, copy=False)
        out[...] = convert(total, self.element)
