"""Pairs of small devices, one for each path, with the same memory: values of every type, and gaps.

LMU and HBM consist of zones, each with values of one element type, so that an operand of that type
finds sense there, and nonsense elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Any

import numpy as np

from runtime.device.device import Device
from runtime.device.links import ring_of
from runtime.device.memory import NAN_BYTE, Memory
from runtime.numerics.elements import ElementType
from runtime.target import Target
from runtime.weights.image import Image

E = ElementType
Array = np.ndarray[Any, np.dtype[Any]]
TARGET = Target.load("lpu-tiny")
PARAMS, ARENA = 4096, 3 * 4096 + 192
ZONES = {
    "LMU": (
        512,
        (E.F32, E.F32, E.F16, E.F16, E.BF16, E.I64, E.I64, E.I64, E.I32, E.I8, E.U8, E.BOOL),
    ),
    "parameters": (512, (E.F32, E.F16, E.BF16, E.F16, E.I8, E.I64, E.U8, E.BOOL)),
    # 16-bit floats lie around the ends of pages, by which the arena is mirrored in f32.
    "arena": (448, (E.F16, E.F32, E.BF16, E.F16, E.I64, E.BOOL, E.I8, E.I32, E.F16, E.F16)),
}
HOT = (4096 - 480, 960)
"""Where programs stream and write again and again: position and size in the arena."""
SPECIAL = (0.0, -0.0, np.inf, -np.inf, np.nan, 1e-40, 3e38, 65504.0, 6e-8, 300.5, -2e10, 2.0**63)


def zone_of(name: str, offset: int) -> ElementType:
    """The element type that the bytes around a position are values of."""
    size, types = ZONES[name]
    return types[offset // size % len(types)]


@cache
def zones_of(name: str, element: ElementType, size: int) -> tuple[int, ...]:
    """Where zones of a type begin in a memory of a size."""
    starts = range(0, size, ZONES[name][0])
    return tuple(start for start in starts if zone_of(name, start) is element)


def _values(draw: np.random.Generator, element: ElementType, count: int, wild: bool) -> Array:
    if element is E.BOOL:
        odd = draw.integers(0, 256, count, np.uint8)
        bits = draw.integers(0, 2, count, np.uint8)
        return np.where(draw.random(count) < 0.2 * wild, odd, bits).view(np.bool_)
    if element.is_int:
        values = draw.integers(0 if element is E.U8 else -7, 8, count).astype(element.dtype)
        limits = np.iinfo(element.dtype)
        odd = draw.choice(np.array([limits.min, limits.max], element.dtype), count)
        return np.where(draw.random(count) < 0.05 * wild, odd, values)
    values = draw.normal(size=count) * 2.0 ** draw.integers(-3, 4, count)
    odd = draw.choice(np.array(SPECIAL), count)
    with np.errstate(all="ignore"):
        return np.where(draw.random(count) < 0.08 * wild, odd, values).astype(element.dtype)


@cache
def _filled(seed: int, name: str, size: int, wild: bool) -> Array:
    """Bytes of a memory."""
    draw = np.random.default_rng(seed)
    found = np.zeros(size, np.uint8)
    length = ZONES[name][0]
    for start in range(0, size, length):
        element, end = zone_of(name, start), min(start + length, size)
        values = _values(draw, element, (end - start) // element.itemsize, wild)
        found[start:end] = np.ascontiguousarray(values).view(np.uint8)
    return found


@dataclass(frozen=True)
class Layout:
    """
    Where the memories lie, how large the f32 copies of panels may be, and what memory holds.

    `wild` memory holds NaN, infinities and limits, too; a `bare` one nothing in its last quarter.
    """

    seed: int
    arena_base: int
    widen_bytes: int
    wild: bool
    gaps: int
    bare: bool

    @staticmethod
    def drawn(random: Random, gaps: float = 0.4) -> Layout:
        """The arena behind the parameters, or far from them; `gaps` is how often there are any."""
        return Layout(
            random.randrange(40), random.choice([PARAMS, 1 << 16]),
            random.choice([1 << 20, 1 << 20, 1 << 20, 0]), random.random() < 0.4,
            random.choice([1, 5]) if random.random() < gaps else 0, random.random() < gaps / 2,
        )  # fmt: skip

    def devices(self) -> tuple[Device, Device]:
        """The device of the fast path and that of the reference, each its own neighbour."""
        params = _filled(self.seed, "parameters", PARAMS, self.wild)
        fast, reference = (
            Device(
                TARGET, Image(params), self.arena_base, ARENA, self.widen_bytes, checked,
                transport=ring_of(1, TARGET.link_depth)[0],
            )
            for checked in (False, True)
        )  # fmt: skip
        for device in (fast, reference):
            device.reset()
        self.fill((fast, reference))
        return fast, reference

    def fill(self, devices: tuple[Device, Device]) -> None:
        """Write LMU and arena, as a host would."""
        for device in devices:
            for at, memory in enumerate((device.lmu, device.arena), 1):
                self._fill(memory, self.seed + at)

    def _fill(self, memory: Memory, seed: int) -> None:
        """Write everything but the gaps, which stay as nobody wrote them."""
        draw = np.random.default_rng(seed)
        data = _filled(seed, memory.name, memory.data.size, self.wild).copy()
        written = np.ones(data.size, np.bool_)
        for _ in range(self.gaps):
            start = int(draw.integers(data.size))
            written[start : start + int(draw.integers(1, 60))] = False
        end = data.size * 3 // 4 if self.bare else data.size
        written[end:] = False
        memory.data[:end] = np.where(written, data, NAN_BYTE)[:end]
        memory.touch(memory.base, memory.base + end)
        if memory.written is not None:
            # The reference does not look at what nobody wrote; comparing bytes does.
            memory.written[...], memory.data[end:] = written, NAN_BYTE


@dataclass(frozen=True)
class Room:
    """Addresses of a memory in which operands are placed."""

    name: str
    base: int
    size: int


def rooms(layout: Layout) -> dict[str, Room]:
    """The memories by name."""
    return {
        "LMU": Room("LMU", 0, TARGET.lmu_bytes),
        "parameters": Room("parameters", 0, PARAMS),
        "arena": Room("arena", layout.arena_base, ARENA),
        "hot": Room("arena", layout.arena_base + HOT[0], HOT[1]),
    }
