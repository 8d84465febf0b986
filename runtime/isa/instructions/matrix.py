"""The instruction of the matrix engine: rows of activations times a streamed panel."""

from collections.abc import Callable, Sequence
from math import ceil
from operator import itemgetter

import numpy as np

from runtime.isa.parts import PART, tree
from runtime.isa.spec import Bit, DataInst, Extents, Four, Mem0, Mem1, Unit
from runtime.isa.state import State
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

    def execute(self, state: State) -> None:
        batch, rows, depth, columns = state.four(self.extents)
        dst = state.result(self.dst, (batch, rows, 1, columns))
        x = state.source(self.x, (batch, rows, depth, 1)).read()[..., 0]
        panel, element = state.pop()
        if panel.shape != (batch, depth, columns):
            raise Trap(TrapKind.ILLEGAL, f"panel is {panel.shape}, expected B, K, N")
        if element.is_float != self.x.type.is_float:
            raise Trap(TrapKind.ILLEGAL, "float and integer operands meet in one product")
        wide = np.float32 if element.is_float else np.int64
        total = np.zeros((batch, rows, columns), wide)
        step = max(1, PART // max(1, total.size))
        for start in range(0, depth, step):
            k = slice(start, start + step)
            products = x[:, :, k, None].astype(wide) * panel[:, None, k, :].astype(wide)
            total += tree(np.add, products, (2,))[:, :, 0]
        if self.accumulate:
            total += dst.read()[:, :, 0].astype(wide)
        dst.write(convert(total[:, :, None], self.dst.type))

    def occupancy(self, extents: Four, target: Target) -> int:
        """Cycles of B M ceil(K / v) ceil(N / l) tiles: every row passes over the whole panel.

        Of several rows that share a panel, sums that do not stay in the trees go through the LMU.
        """
        batch, rows, depth, columns = extents
        size = self.x.type.itemsize
        row = ceil(depth / target.vector_lanes) * target.tile_cycles(size)
        groups = ceil(columns / target.mac_trees)
        return batch * rows * groups * (row + target.spill_cycles(rows, depth, size))

    def latency(self, target: Target) -> int:
        return target.matrix_latency
