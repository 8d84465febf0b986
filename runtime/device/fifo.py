"""The operand FIFO between `stream`, which pushes panels, and `vecmat`, which takes them."""

from collections import deque
from collections.abc import Sequence
from typing import Any, Protocol

from runtime.isa.accesses import Access
from runtime.order.panels import always_in_flight, blocks, panel_bytes
from runtime.target import Target
from runtime.traps import Trap, TrapKind


class Sized(Protocol):
    """A panel, of whatever kind."""

    def size(self) -> int:
        """Bytes that it takes in the FIFO."""
        ...


class Fifo:
    """Panels in the order in which they were pushed.

    So many as `always` fit whatever their sizes, and are appended to `panels` without further ado.
    """

    def __init__(self, target: Target) -> None:
        self.target = target
        self.always = always_in_flight(target)
        self.panels: deque[Any] = deque()

    def push(self, panel: Sized) -> None:
        """Append a panel; Trap when it would wait for ever behind those in flight."""
        if len(self.panels) >= self.always:
            self._refuse_blocked()
        self.panels.append(panel)

    def _refuse_blocked(self) -> None:
        if blocks([panel.size() for panel in self.panels], self.target):
            message = f"{len(self.panels)} panels in flight leave no room"
            raise Trap(TrapKind.FIFO, message)

    def pop(self) -> Any:
        """Take the oldest panel."""
        if not self.panels:
            raise Trap(TrapKind.FIFO, "the operand FIFO is empty")
        return self.panels.popleft()


def bytes_of(shape: Sequence[int], strides: Sequence[int], itemsize: int) -> int:
    """Bytes that a panel [B, K, N] takes in the FIFO, for its strides in HBM."""
    (batch, depth, columns), (b, k, n) = shape, strides
    extents = (batch, 1, depth, columns)
    return panel_bytes(Access(True, True, False, itemsize, 0, extents, (b, 0, k, n)))
