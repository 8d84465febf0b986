"""What an instruction acts on when it is executed as specified.

The executable specification of an instruction is `Inst.execute(state)`. It is plain and slow, and
it is the reference: `state` checks every access, and the fast path of `runtime.device.fast` is
compared with it and shares nothing with it but element types and scalar functions.

    state.set(self.rd, state.get(self.ra) + state.get(self.rb))     a control instruction
    dst = state.result(self.dst, extents)                           a data instruction: places are
    a = state.source(self.a, extents)                               checked in the order of slots,
    dst.write(-a.read())                                            then read, then written

Data instructions read their operands completely before they write, and see memory in the order of
the program: what a `stream` pushes are the bytes at that time.
"""

from typing import Any, Protocol

import numpy as np

from runtime.isa.fields import Operand
from runtime.numerics.elements import ElementType

Array = np.ndarray[Any, np.dtype[Any]]
Four = tuple[int, int, int, int]

WRAP = 1 << 64
HALF = 1 << 63


def wrap(value: int) -> int:
    """The 64-bit signed integer congruent to `value`."""
    return (value + HALF) % WRAP - HALF


class Place(Protocol):
    """Elements of memory that exist, are aligned, and of which none is written twice."""

    def read(self) -> Array:
        """A copy of the elements; Trap where a byte was never written."""
        ...

    def write(self, values: Array) -> None:
        """Write elements of the place's own type, which are initialised from then on."""
        ...


class State(Protocol):
    """Registers, memories, operand FIFO, neighbours and host of one device.

    `pc` is where execution goes on: the following instruction, unless `execute` changes it.
    """

    pc: int

    def get(self, register: int) -> int:
        """The value of a register; Trap when it was never written."""
        ...

    def set(self, register: int, value: int) -> None:
        """Write the 64-bit signed integer congruent to a value."""
        ...

    def four(self, registers: Four) -> Four:
        """The values of four registers."""
        ...

    def source(self, operand: Operand, extents: Four, hbm: bool = False) -> Place:
        """The elements of an operand that is read."""
        ...

    def result(self, operand: Operand, extents: Four, hbm: bool = False) -> Place:
        """The elements of an operand that is written, and perhaps read before."""
        ...

    def scalar(self, address: int) -> Place:
        """The i64 at a byte address of the LMU, as an array of rank 0."""
        ...

    def points(self, element: ElementType, addresses: Array, writes: bool) -> Place:
        """Single elements of one memory of HBM, at byte addresses; written in their order."""
        ...

    def push(self, panel: Place, element: ElementType) -> None:
        """Append a panel of extents B, 1, K, N, as it is now, to the operand FIFO.

        Trap when it would wait there for ever.
        """
        ...

    def pop(self) -> tuple[Array, ElementType]:
        """Take the oldest panel [B, K, N] from the operand FIFO; Trap when there is none."""
        ...

    def send(self, side: str, extents: Four, element: ElementType, values: Array) -> None:
        """Send elements to the neighbour on a side, behind what was sent before.

        What waits for room has no effect and is executed again.
        """
        ...

    def recv(self, side: str, extents: Four, element: ElementType) -> Array:
        """The elements of the oldest message of a neighbour; Trap when its form is another one.

        What waits for a message has no effect and is executed again.
        """
        ...

    def out(self, value: int) -> None:
        """Hand a value to the host."""
        ...

    def halt(self) -> None:
        """The program is complete."""
        ...
