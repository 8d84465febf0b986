"""Panels on their way from HBM to the MAC trees."""

from typing import Any

import numpy as np

from runtime.device.fifo import bytes_of
from runtime.device.memory import Array, Memory, span
from runtime.isa.parts import MANY
from runtime.numerics.elements import ElementType


class Panel:
    """An operand of B matrices, each K x N, from an address of a memory.

    `is_spread` says that it has very many elements over few bytes. `wide` is the panel in f32, None
    where it must be widened; `dense` is its only matrix if that is f32 without gaps.
    `mirrored` is its place in the mirror of the arena, `operand` is it as the kernel takes it,
    once that was asked for. `is_copy` says that its bytes are its own.
    """

    __slots__ = (
        "address",
        "dense",
        "element",
        "is_copy",
        "is_spread",
        "matrix",
        "memory",
        "mirrored",
        "operand",
        "shape",
        "strides",
        "wide",
    )

    def __init__(self, memory: Memory, address: int, matrix: Array, element: ElementType) -> None:
        self.memory = memory
        self.address = address
        self.element = element
        self.matrix = matrix
        self.shape = matrix.shape
        self.strides = matrix.strides
        self.is_spread = matrix.size > MANY and matrix.nbytes > self._reach()
        self.wide: Array | None = None
        self.dense: Array | None = None
        self.mirrored: Array | None = None
        self.operand: Any = None
        self.is_copy = False
        if element is ElementType.F32:
            self.keep(self.matrix)

    def keep(self, wide: Array) -> None:
        """Use an f32 copy, or the panel itself, from now on."""
        self.wide = wide
        if self.shape[0] == 1 and (matrix := wide[0]).flags.forc:
            self.dense = matrix

    def span(self) -> tuple[int, int]:
        """First byte and the byte behind the last."""
        return span(self.address, self.matrix)

    def _reach(self) -> int:
        low, high = self.span()
        return high - low

    def key(self) -> tuple[object, ...]:
        """What panels have in common of which one copy serves all."""
        return (self.element, self.address, self.shape, self.matrix.strides)

    def size(self) -> int:
        """Bytes that it takes in the FIFO."""
        return bytes_of(self.shape, self.strides, self.element.itemsize)

    def copied(self) -> "Panel":
        """A panel that keeps the bytes as they are now."""
        copy = self._hull() if self.is_spread else self.matrix.copy(order="K")
        found = Panel(self.memory, self.address, copy, self.element)
        found.strides = self.strides
        found.is_copy = True
        return found

    def _hull(self) -> Array:
        """The matrices on a copy of the bytes that they lie in."""
        (low, high), base = self.span(), self.memory.base
        data, matrix = self.memory.data[low - base : high - base].copy(), self.matrix
        at = self.address - low
        return np.ndarray(matrix.shape, matrix.dtype, data.data, at, matrix.strides)
