"""Panels on their way from HBM to the MAC trees."""

import numpy as np

from runtime.device.fifo import bytes_of
from runtime.device.memory import Array, Memory, span
from runtime.isa.parts import MANY
from runtime.numerics.elements import ElementType


class Panel:
    """An operand of B matrices, each K x N, from an address of a memory.

    `is_spread` says that it has very many elements over few bytes. `wide` is the panel in f32, None
    where it must be widened; `dense` is its only matrix if that is f32 without gaps.
    `mirrored` is its place in the mirror of the arena.
    """

    __slots__ = (
        "address",
        "dense",
        "element",
        "is_spread",
        "matrix",
        "memory",
        "mirrored",
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
        copy = self._hull() if self.is_spread else self.matrix.copy()
        found = Panel(self.memory, self.address, copy, self.element)
        found.strides = self.strides
        if found.wide is None and not self.is_spread:
            found.keep(found.matrix.astype(np.float32))
        return found

    def _hull(self) -> Array:
        """The matrices on a copy of the bytes that they lie in."""
        (low, high), base = self.span(), self.memory.base
        data, matrix = self.memory.data[low - base : high - base].copy(), self.matrix
        at = self.address - low
        return np.ndarray(matrix.shape, matrix.dtype, data.data, at, matrix.strides)
