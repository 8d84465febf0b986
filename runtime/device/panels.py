"""Panels on their way from HBM to the MAC trees, and the f32 copies that products are computed in.

f32 panels are used where they lie. 16-bit parameters are widened once and kept while the memory cap
allows. 16-bit panels of the arena, such as a cache, change by a row per token: a `Mirror` holds
them in f32 and every write goes through to it, so that a token costs the widening of what it wrote.
"""

from typing import Any

import numpy as np

from runtime.device.regions import Array, Region, View, span
from runtime.numerics.elements import ElementType

PAGE_BYTES = 4096


class Panel:
    """An operand of B matrices, each K x N, from an address of a region.

    `wide` is the panel in f32, None where it must be widened; `dense` is its only matrix if that is
    f32 without gaps. `checked` is the run in which its bytes were last found initialised, within
    which they stay so; None where nothing has to be checked.
    """

    __slots__ = (
        "address", "checked", "dense", "element", "matrix", "mirrored", "region", "shape", "wide",
    )  # fmt: skip

    def __init__(self, region: Region, address: int, array: Array, element: ElementType) -> None:
        self.region = region
        self.address = address
        self.element = element
        self.matrix: Array = array[:, 0]
        self.shape = self.matrix.shape
        self.wide: Array | None = None
        self.dense: Array | None = None
        self.mirrored: Array | None = None
        self.checked = None if region.shadow is None else -1
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

    def require_initialised(self, run_number: int) -> None:
        """Trap unless every byte is initialised."""
        if self.checked is not None and self.checked != run_number:
            start = self.address - self.region.base
            View(self.region, self.matrix, start, *self.span()).require_initialised()
            self.checked = run_number


class Widener:
    """Panels of 16-bit floats in f32, within `cap` bytes."""

    def __init__(self, cap: int, arena: Region) -> None:
        self.cap = cap
        self.kept: dict[Any, Array] = {}
        self.mirror = Mirror(arena) if arena.shadow is None else None

    def wide(self, panel: Panel) -> Array:
        """The panel in f32, in which products of floats are computed."""
        if panel.wide is not None:
            return panel.wide
        if panel.region.writable:
            return self._of_arena(panel)
        key = (panel.element, panel.address, panel.shape, panel.matrix.strides)
        wide = self.kept.get(key)
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
        if mirror is None or not panel.matrix.size:
            return panel.matrix.astype(np.float32, order="K")
        if not mirror.active:
            if mirror.nbytes > self.cap:
                return panel.matrix.astype(np.float32, order="K")
            self.cap -= mirror.nbytes
            mirror.allocate()
        return mirror.of(panel)


class Mirror:
    """The arena's 16-bit elements in f32, by pages; `state` holds the type code a page is in, or 0.

    Whoever writes the arena calls `wrote`, or `forget` where elements are scattered.
    """

    def __init__(self, arena: Region) -> None:
        self.arena = arena
        self.nbytes = arena.data.size // 2 * 4
        self.state = bytearray(-(-arena.data.size // PAGE_BYTES))
        self.copy = np.empty(0, np.float32)
        self.active = False

    def allocate(self) -> None:
        """Take memory, which becomes resident where it is used."""
        self.copy = np.empty(self.nbytes // 4, np.float32)
        self.active = True

    def clear(self) -> None:
        """Nothing is mirrored."""
        self.state[:] = bytes(len(self.state))

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
        unknown = self.state.count(0, first, end)
        if unknown == end - first:
            return
        if unknown + self.state.count(element.code, first, end) == end - first:
            self._view(written, address - self.arena.base)[...] = written
        else:
            self.state[first:end] = bytes(end - first)

    def forget(self, low: int, high: int) -> None:
        """Nothing between two addresses is mirrored."""
        first, end = self._pages(low, high)
        self.state[first:end] = bytes(max(0, end - first))
