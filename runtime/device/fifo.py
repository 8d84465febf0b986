"""The operand FIFO between `stream`, which pushes panels, and `vecmat`, which takes them."""

from collections import deque
from collections.abc import Sequence
from typing import Any

from runtime.isa.accesses import Access
from runtime.order.panels import always_in_flight, blocks, panel_bytes
from runtime.target import Target
from runtime.traps import Trap, TrapKind


class Fifo:
    """Panels in the order in which they were pushed, with their sizes in bytes."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.always = always_in_flight(target)
        self.panels: deque[Any] = deque()
        self.sizes: deque[int] = deque()

    def push(self, panel: Any, size: int) -> None:
        """Append a panel; Trap when it would wait for ever behind those in flight."""
        if len(self.panels) >= self.always and blocks(tuple(self.sizes), self.target):
            message = f"{len(self.panels)} panels in flight leave no room"
            raise Trap(TrapKind.FIFO, message)
        self.panels.append(panel)
        self.sizes.append(size)

    def pop(self) -> Any:
        """Take the oldest panel."""
        if not self.panels:
            raise Trap(TrapKind.FIFO, "the operand FIFO is empty")
        self.sizes.popleft()
        return self.panels.popleft()

    def clear(self) -> None:
        """Drop everything."""
        self.panels.clear()
        self.sizes.clear()


def bytes_of(shape: Sequence[int], strides: Sequence[int], itemsize: int) -> int:
    """Bytes that a panel [B, K, N] takes in the FIFO, for its strides in HBM."""
    (batch, depth, columns), (b, k, n) = shape, strides
    extents = (batch, 1, depth, columns)
    return panel_bytes(Access(True, True, False, itemsize, 0, extents, (b, 0, k, n)))
