"""Products of rows with panels: the one seam for the native kernel, numpy and BLAS.

    multiply = products.prepare(x, out, accumulate, element)     # once for operands where they lie
    multiply(panel)

Where the kernel serves it reads panels where they lie, of any type of floats, and nothing is kept.
The rest is in `widening`: other layouts, integers, and everything where no kernel serves.
"""

import ctypes
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from runtime.device.memory import Array, Memory
from runtime.device.panels import Panel
from runtime.device.widening import Widening
from runtime.isa.parts import MANY
from runtime.native.library import Kernel, threads
from runtime.native.operands import panel_operand, rows_operand, scratch_size
from runtime.numerics.elements import ElementType

Multiply = Callable[[Panel], None]


class Products:
    """Products on one device, whose fallback keeps f32 copies of 16-bit panels within `cap` bytes.

    `kernel` serves unless it is None; `scratch` is where it copies rows.
    """

    def __init__(self, cap: int, arena: Memory, kernel: Kernel | None) -> None:
        self.widening = Widening(cap if kernel is None else 0, arena)
        self.mirror = self.widening.mirror
        self.kernel = kernel
        self.threads = threads()
        self.scratch: Any = np.empty(0, np.float32)
        self.scratch_at = 0

    def clear(self) -> None:
        """The arena was poisoned."""
        self.widening.clear()

    def prepare(
        self, x: Array, out: Array, accumulate: bool, elements: tuple[ElementType, ElementType]
    ) -> Multiply:
        """The product of x[B, M, K] with a panel, into out[B, M, N]; `elements` are their types."""
        otherwise = self.widening.prepare(x, out, accumulate, elements[1])
        size = scratch_size(x)
        if self.kernel is None or not elements[0].is_float or not out.size or size > MANY:
            return otherwise
        self._reserve(size)
        rows = rows_operand(x, out, accumulate, elements)
        return partial(self._multiply, self.kernel, ctypes.byref(rows), otherwise)

    def _reserve(self, size: int) -> None:
        if self.scratch.size < size:
            self.scratch = np.empty(size, np.float32)
            self.scratch_at = self.scratch.ctypes.data

    def _multiply(self, kernel: Kernel, rows: Any, otherwise: Multiply, panel: Panel) -> None:
        taken = panel.operand
        if taken is None:
            operand = panel_operand(panel.matrix, panel.element)
            panel.operand = taken = operand is not None and ctypes.byref(operand)
        if taken:
            kernel.multiply(kernel.address, taken, rows, self.scratch_at, self.threads)
        else:
            otherwise(panel)
