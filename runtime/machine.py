"""State of one device: scalar registers, LMU, HBM and the operand FIFO."""

from collections import deque
from typing import Any

import numpy as np

from runtime.numerics import ElementType
from runtime.regions import Array, Four, Region, View, poisoned, strided
from runtime.target import Target
from runtime.traps import Trap, TrapKind

WRAP = 1 << 64
HALF = 1 << 63
PANEL_WIDENING_BYTES = 4 << 30


def wrap(value: int) -> int:
    """The 64-bit signed integer congruent to `value`."""
    return (value + HALF) % WRAP - HALF


class Halted(Exception):
    """Raised by `halt` to leave the interpreter's loop."""


class Panel:
    """A K x N operand on its way from HBM to the MAC trees.

    `checked` is the run in which its bytes were last found initialised, within which they stay so;
    None for parameters.
    """

    __slots__ = ("checked", "element", "key", "matrix", "view")

    def __init__(self, view: View, element: ElementType) -> None:
        self.view = view
        self.element = element
        self.matrix: Array = view.array[0, 0]
        self.key = (element.value, view.low, self.matrix.shape, self.matrix.strides)
        self.checked = None if view.shadow() is None else -1


class Machine:
    """One device. `run_number` counts resets, after each of which memory is poisoned again."""

    def __init__(
        self, target: Target, params: Array, arena_base: int, arena_size: int, widen_bytes: int
    ) -> None:
        self.target = target
        self.registers: list[Any] = [None] * 256
        self.lmu = poisoned("LMU", 0, target.lmu_bytes)
        self.params = Region("parameters", 0, params)
        self.arena = poisoned("arena", arena_base, arena_size)
        self.fifo: deque[Panel] = deque()
        self.ready: list[dict[Any, Any]] = []
        self.widen_bytes = widen_bytes
        self.wide: dict[Any, Array] = {}
        self.run_number = 0

    def reset(self) -> None:
        """Poison registers and memory and empty the FIFO; parameters stay."""
        self.run_number += 1
        self.registers[:] = [0] + [None] * 255
        self.lmu.clear()
        self.arena.clear()
        self.fifo.clear()
        for plans in self.ready:
            plans.clear()

    def lmu_view(self, address: int, extents: Four, strides: Four, t: ElementType) -> View:
        """Strided view of the LMU."""
        return strided(self.lmu, address, extents, strides, t)

    def region_at(self, address: int) -> Region:
        """The HBM region that holds a byte address."""
        for region in (self.arena, self.params):
            if region.base <= address < region.end:
                return region
        raise Trap(TrapKind.OUT_OF_BOUNDS, f"no HBM region holds address {address}")

    def hbm_view(self, address: int, extents: Four, strides: Four, t: ElementType) -> View:
        """Strided view of the HBM region that holds its first element."""
        region = self.arena if 0 in extents else self.region_at(address)
        return strided(region, address, extents, strides, t)

    def refuse_race(self, low: int, high: int) -> None:
        """Trap when a write of bytes `low` to `high` meets a stream that is not drained yet."""
        for panel in self.fifo:
            if panel.view.low < high and low < panel.view.high:
                raise Trap(
                    TrapKind.RACE,
                    f"write of HBM bytes {low} to {high} meets a stream that is still in flight",
                )

    def require_drainable(self, panel: Panel) -> None:
        """Trap unless every byte of the panel is initialised."""
        if panel.checked is not None and panel.checked != self.run_number:
            panel.view.require_initialised()
            panel.checked = self.run_number

    def widened(self, panel: Panel) -> Array:
        """The panel in f32, in which products of floats are computed.

        f32 is used where it lies. 16-bit parameters are widened once and kept while the memory cap
        allows; what lies in the arena can change and is widened on every use.
        """
        if panel.element is ElementType.F32:
            return panel.matrix
        wide = self.wide.get(panel.key)
        if wide is not None:
            return wide
        wide = panel.matrix.astype(np.float32, order="K")
        if panel.checked is None and wide.nbytes <= self.widen_bytes:
            self.widen_bytes -= wide.nbytes
            self.wide[panel.key] = wide
        return wide
