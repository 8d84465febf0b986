"""State of one device: scalar registers, LMU, HBM and the operand FIFO."""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from runtime.device.panels import Panel, Widener
from runtime.device.regions import Array, Four, Region, View, memory, span, strided
from runtime.numerics.elements import ElementType
from runtime.target import Target
from runtime.traps import Trap, TrapKind
from runtime.weights.image import Image

WRAP = 1 << 64
HALF = 1 << 63
PANEL_WIDENING_BYTES = 4 << 30


def wrap(value: int) -> int:
    """The 64-bit signed integer congruent to `value`."""
    return (value + HALF) % WRAP - HALF


class Halted(Exception):
    """Raised by `halt` to leave the interpreter's loop."""


def _no_host(value: int) -> None:
    del value


class Machine:
    """One device. `run_number` counts resets, after each of which memory is poisoned again.

    `reference` keeps a shadow of initialised bytes. `on_token` is the host's end of `out`. `ready`
    holds what instructions of the reference remember within a run.
    """

    def __init__(
        self,
        target: Target,
        params: Image,
        arena_base: int,
        arena_size: int,
        widen_bytes: int,
        reference: bool = True,
    ) -> None:
        self.target = target
        self.reference = reference
        self.registers: list[Any] = [None] * 256
        self.lmu = memory("LMU", 0, target.lmu_bytes, reference)
        self.params = Region("parameters", 0, params.data, image=params)
        self.arena = memory("arena", arena_base, arena_size, reference)
        self.fifo: deque[Panel] = deque()
        self.widener = Widener(widen_bytes, self.arena)
        self.mirror = self.widener.mirror
        self.ready: list[dict[Any, Any]] = []
        self.run_number = 0
        self.on_token: Callable[[int], None] = _no_host

    def reset(
        self,
        on_token: Callable[[int], None] | None = None,
        spared: Sequence[tuple[int, int]] = (),
    ) -> None:
        """Poison registers and memory and empty the FIFO; parameters stay.

        `spared` are ranges of the arena that the host writes before anything else happens.
        """
        self.run_number += 1
        self.on_token = _no_host if on_token is None else on_token
        self.registers[:] = [0] + [None] * 255
        self.lmu.clear()
        self.arena.clear(spared)
        if self.mirror is not None:
            self.mirror.clear()
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

    def refuse_race(self, address: int, written: Array) -> None:
        """Trap when a write of elements from an address on meets a stream that is not drained."""
        for panel in self.fifo:
            if panel.region.writable:
                (low, high), (first, end) = span(address, written), panel.span()
                if first < high and low < end:
                    raise Trap(
                        TrapKind.RACE,
                        f"write of HBM bytes {low} to {high} meets a stream that is in flight",
                    )
