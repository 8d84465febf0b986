"""Products in numpy: where no native kernel serves, and what the kernel does not take.

f32 panels are used where they lie. 16-bit parameters are widened once and kept while the memory cap
allows; 16-bit panels of the arena are held in f32 by a `Mirror`. Nothing else widens or caches.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from runtime.device.memory import Array, Memory
from runtime.device.mirror import Mirror
from runtime.device.panels import Panel
from runtime.isa.parts import MANY, parts
from runtime.numerics.elements import ElementType, convert


def _compute(element: ElementType, x: Array) -> np.dtype[Any]:
    """The type in which a product is computed: that of bytes is exact in f64, for which BLAS is."""
    if element.is_float:
        return np.dtype(np.float32)
    bytes_alone = element.itemsize == x.dtype.itemsize == 1
    return np.dtype(np.float64 if bytes_alone else np.int64)


class Widening:
    """Products with f32 copies of the 16-bit panels of a device, within `cap` bytes."""

    def __init__(self, cap: int, arena: Memory) -> None:
        self.cap = cap
        self.kept: dict[Any, Array] = {}
        self.mirror = Mirror(arena)

    def clear(self) -> None:
        """The arena was poisoned."""
        self.mirror.clear()

    def prepare(
        self, x: Array, out: Array, accumulate: bool, element: ElementType
    ) -> Callable[[Panel], None]:
        """The product of x[B, M, K] with a panel, into out[B, M, N], whose type is `element`."""
        plain = x.dtype == out.dtype == np.float32 and not accumulate and out.size
        if not plain:
            return partial(self._general, x, out, accumulate, element)
        # `dot` would write its result while it reads.
        if out.shape[:2] == (1, 1) and out.flags.c_contiguous and not np.may_share_memory(x, out):
            return partial(self._row, x[0, 0], out[0, 0])
        return partial(self._rows, x, out)

    def _row(self, x: Array, out: Array, panel: Panel) -> None:
        """A vector of f32 times one matrix, into a vector without gaps."""
        if panel.dense is not None:
            # `dot` starts sooner than `matmul`, but copies matrices with gaps.
            x.dot(panel.dense, out)
        elif self._is_large(panel):
            out[...] = self._by_parts(panel, x[None, None])[0, 0]
        else:
            np.matmul(x, self.wide(panel)[0], out)

    def _rows(self, x: Array, out: Array, panel: Panel) -> None:
        """Rows of f32 times matrices: x[B, M, K], out[B, M, N]."""
        if self._is_large(panel):
            out[...] = self._by_parts(panel, x)
        else:
            np.matmul(x, self.wide(panel), out)

    def _general(
        self, x: Array, out: Array, accumulate: bool, element: ElementType, panel: Panel
    ) -> None:
        """Any product: operands widened, the sum converted once to the element type of `out`."""
        compute = _compute(panel.element, x)
        if self._is_large(panel) or x.size > MANY:
            total = self._by_parts(panel, x)
        else:
            wide = self.wide(panel) if panel.element.is_float else panel.matrix.astype(compute)
            total = np.matmul(x.astype(compute, copy=False), wide)
        if not panel.element.is_float:
            total, compute = total.astype(np.int64, copy=False), np.dtype(np.int64)
        if accumulate:
            total = total + out.astype(compute, copy=False)
        out[...] = convert(total, element)

    def _is_large(self, panel: Panel) -> bool:
        """Whether the panel is not widened as a whole: it would exceed the cap, or all bounds."""
        if panel.wide is not None or panel.matrix.size <= MANY:
            return False
        known = panel.key() in self.kept or (panel.memory.writable and self.mirror.active)
        fits = known or 4 * panel.matrix.size <= self.cap
        return not (fits and not panel.is_spread and panel.element.is_float)

    def _by_parts(self, panel: Panel, x: Array) -> Array:
        """The sum of products, a block of the panel widened after the other."""
        compute = _compute(panel.element, x)
        (_, depth, columns), batch = panel.shape, max(1, panel.shape[0])
        total = np.zeros((*x.shape[:2], columns), compute)
        for _, n, k in parts((1, columns, depth), max(1, MANY // batch)) if total.size else ():
            block = panel.matrix[:, k, n].astype(compute, copy=False)
            total[:, :, n] += np.matmul(x[:, :, k].astype(compute, copy=False), block)
        return total

    def wide(self, panel: Panel) -> Array:
        """The panel in f32, in which products of floats are computed."""
        if panel.wide is not None:
            return panel.wide
        if panel.is_copy:
            return panel.matrix.astype(np.float32, order="K")
        if panel.memory.writable:
            return self._of_arena(panel)
        wide = self.kept.get(key := panel.key())
        if wide is None:
            wide = panel.matrix.astype(np.float32, order="K")
            if wide.nbytes > self.cap:
                return wide
            self.cap -= wide.nbytes
            self.kept[key] = wide
        panel.keep(wide)
        return wide

    def _of_arena(self, panel: Panel) -> Array:
        mirror = self.mirror
        if not panel.matrix.size:
            return panel.matrix.astype(np.float32)
        if not mirror.active:
            if mirror.nbytes > self.cap:
                return panel.matrix.astype(np.float32, order="K")
            self.cap -= mirror.nbytes
            mirror.allocate()
        return mirror.of(panel)
