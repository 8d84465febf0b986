"""The arena in f32: 16-bit panels of it, such as a cache, change by a row for each token.

A `Mirror` holds them widened and every write goes through to it, so that a token costs the widening
of what it wrote.
"""

import numpy as np

from runtime.device.memory import Array, Memory, span
from runtime.device.panels import Panel
from runtime.numerics.elements import ElementType

PAGE_BYTES = 4096
UNKNOWN = 0xFF


class Mirror:
    """The arena's 16-bit elements in f32, by pages; `state` has a page's type code, or `UNKNOWN`.

    Whoever writes the arena calls `wrote`, or `forget` where elements are scattered.
    """

    def __init__(self, arena: Memory) -> None:
        self.arena = arena
        self.nbytes = arena.data.size // 2 * 4
        self.state = bytearray([UNKNOWN]) * -(-arena.data.size // PAGE_BYTES)
        self.copy = np.empty(0, np.float32)
        self.active = False

    def allocate(self) -> None:
        """Take memory, which becomes resident where it is used."""
        self.copy = np.empty(self.nbytes // 4, np.float32)
        self.active = True

    def clear(self) -> None:
        """Nothing is mirrored."""
        self._forget_pages(0, len(self.state))

    def _pages(self, low: int, high: int) -> tuple[int, int]:
        base = self.arena.base
        return ((low - base) // PAGE_BYTES, -(-(high - base) // PAGE_BYTES))

    def of(self, panel: Panel) -> Array:
        """A panel of the arena, widened where it is not mirrored yet."""
        first, end = self._pages(*panel.span())
        if self.state.count(panel.element.code, first, end) != end - first:
            self._widen(first, end, panel.element)
        if panel.mirrored is None:
            panel.mirrored = self._view(panel.matrix, panel.address - self.arena.base)
        return panel.mirrored

    def _view(self, array: Array, start: int) -> Array:
        """The mirrored elements of a view of the arena that starts at a position."""
        strides = tuple(2 * s for s in array.strides)
        return np.ndarray(array.shape, np.float32, self.copy.data, 2 * start, strides)

    def _widen(self, first: int, end: int, element: ElementType) -> None:
        state = np.frombuffer(self.state, np.uint8)[first:end]
        missing = np.flatnonzero(state != element.code) + first
        halves = self.arena.data[: self.nbytes // 2].view(element.dtype)
        step = PAGE_BYTES // 2
        for run in np.split(missing, np.flatnonzero(np.diff(missing) > 1) + 1):
            a, b = int(run[0]) * step, (int(run[-1]) + 1) * step
            self.copy[a:b] = halves[a:b]
        self.state[first:end] = bytes((element.code,)) * (end - first)

    def wrote(self, address: int, written: Array, element: ElementType) -> None:
        """Keep the mirror true to elements just written from an address on."""
        if not written.size:
            return
        first, end = self._pages(*span(address, written))
        unknown = self.state.count(UNKNOWN, first, end)
        if unknown == end - first:
            return
        same = self.state.count(element.code, first, end)
        if same + unknown == end - first and element.is_float and element.itemsize == 2:
            self._view(written, address - self.arena.base)[...] = written
        else:
            self._forget_pages(first, end)

    def forget(self, low: int, high: int) -> None:
        """Nothing between two addresses is mirrored."""
        self._forget_pages(*self._pages(low, high))

    def _forget_pages(self, first: int, end: int) -> None:
        self.state[first:end] = bytes([UNKNOWN]) * max(0, end - first)
