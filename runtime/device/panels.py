"""Panels on their way from HBM to the MAC trees."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from runtime.device.fifo import bytes_of
from runtime.device.memory import Array, Memory, span
from runtime.isa.parts import MANY
from runtime.numerics.elements import ElementType

Three = tuple[int, int, int]


def three(numbers: Sequence[int]) -> Three:
    """As many numbers as a panel has axes."""
    a, b, c = numbers
    return a, b, c


class Panel:
    """An operand of B matrices, each K x N, from an address of a memory.

    `matrix` is a view of it, made when it is asked for unless it is given. `mirrored` is its place
    in the mirror of the arena, `operand` is it as the kernel takes it, once that was asked for.
    `is_copy` says that its bytes are its own.
    """

    __slots__ = (
        "_matrix", "_wide", "address", "element", "is_copy", "memory", "mirrored", "operand",
        "shape", "strides",
    )  # fmt: skip

    def __init__(
        self, memory: Memory, address: int, element: ElementType, shape: Three, strides: Three,
        matrix: Array | None = None,
    ) -> None:  # fmt: skip
        self.memory = memory
        self.address = address
        self.element = element
        self.shape = shape
        self.strides = strides
        self._matrix = matrix
        self._wide: Array | None = None
        self.mirrored: Array | None = None
        self.operand: Any = None
        self.is_copy = False

    @staticmethod
    def of(memory: Memory, address: int, matrix: Array, element: ElementType) -> "Panel":
        """The panel of which there is a view."""
        return Panel(memory, address, element, three(matrix.shape), three(matrix.strides), matrix)

    @property
    def matrix(self) -> Array:
        """The matrices where they lie."""
        if self._matrix is None:
            memory, at = self.memory, self.address - self.memory.base
            self._matrix = np.ndarray(
                self.shape, self.element.dtype, memory.buffer, at, self.strides
            )
        return self._matrix

    @property
    def is_spread(self) -> bool:
        """Whether it has very many elements over few bytes."""
        return self.matrix.size > MANY and self.matrix.nbytes > self._reach()

    @property
    def wide(self) -> Array | None:
        """The panel in f32, None where it must be widened."""
        return self.matrix if self.element is ElementType.F32 else self._wide

    @property
    def dense(self) -> Array | None:
        """Its only matrix in f32, if that lies without gaps."""
        wide = self.wide
        if wide is None or self.shape[0] != 1:
            return None
        matrix: Array = wide[0]
        return matrix if matrix.flags.forc else None

    def keep(self, wide: Array) -> None:
        """Use an f32 copy from now on."""
        self._wide = wide

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
        found = Panel.of(self.memory, self.address, copy, self.element)
        found.strides = self.strides
        found.is_copy = True
        return found

    def _hull(self) -> Array:
        """The matrices on a copy of the bytes that they lie in."""
        (low, high), base = self.span(), self.memory.base
        data, matrix = self.memory.data[low - base : high - base].copy(), self.matrix
        at = self.address - low
        return np.ndarray(matrix.shape, matrix.dtype, data.data, at, matrix.strides)
