"""How a tensor lies on a ring of devices: factors of its extents over a mesh.

    s = Sharding(4, ((), (Factor(6, 2, 2), Factor(2, 2, 1), Factor(32))))
    str(s)                    # 4 x [[], [6/2:2, 2/2, 32]]
    s.local((1, 384))         # (1, 96): 3 of 6, 1 of 2, all of 32
    s.part(whole, device)     # what the device holds, zeros where there is no element
    s.assemble(parts)         # the tensor again

An axis is whole, or the product of factors, the outermost first. A factor is cut into `parts`, of
which device `d` holds number `(d // stride) % parts`; each part has the ceiling of the quotient, so
that padding stands at the end of its factor. No two factors may use one axis of the mesh: devices
that differ in what they hold of one would then agree in what they hold of the other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

MAX_DEVICES = 64

_FACTOR = re.compile(r"(\d+)(?:/(\d+)(?::(\d+))?)?")


@dataclass(frozen=True)
class Factor:
    """`extent` elements in `parts`; device `d` holds part `(d // stride) % parts`."""

    extent: int
    parts: int = 1
    stride: int = 1

    def __post_init__(self) -> None:
        if self.extent < 1:
            raise ValueError(f"a factor of {self.extent} elements")
        for what, number in (("parts", self.parts), ("stride", self.stride)):
            if number < 1 or number & (number - 1):
                raise ValueError(f"{what} {number} of a factor is no power of two")
        if self.parts == 1 < self.stride:
            raise ValueError("a factor that is not cut has no stride")

    @property
    def each(self) -> int:
        """Elements that a device holds, padding included."""
        return -(-self.extent // self.parts)

    @property
    def mesh(self) -> int:
        """The axes of the mesh that it uses, as a set of bits of the device number."""
        return self.parts * self.stride - self.stride

    def coordinate(self, device: int) -> int:
        """The number of the part that a device holds."""
        return (device // self.stride) % self.parts

    def span(self, device: int) -> tuple[int, int]:
        """The elements that a device holds, without padding; they may be none."""
        low = min(self.coordinate(device) * self.each, self.extent)
        return low, min(low + self.each, self.extent)

    def __str__(self) -> str:
        cut = "" if self.parts == 1 else f"/{self.parts}"
        return f"{self.extent}{cut}" + (f":{self.stride}" if self.stride > 1 else "")


@dataclass(frozen=True)
class Sharding:
    """One entry for each axis: its factors, or nothing for an axis that every device has whole."""

    devices: int
    axes: tuple[tuple[Factor, ...], ...]

    def __post_init__(self) -> None:
        if self.devices < 1 or self.devices & (self.devices - 1):
            raise ValueError(f"{self.devices} devices are no power of two")
        used = 0
        for factor in self.factors:
            if factor.mesh >= self.devices:
                raise ValueError(f"{factor} does not fit {self.devices} devices")
            if factor.mesh & used:
                raise ValueError(f"{factor} uses an axis of the mesh that another factor uses")
            used |= factor.mesh

    @property
    def factors(self) -> Iterator[Factor]:
        """All factors of all axes."""
        return (factor for axis in self.axes for factor in axis)

    @cached_property
    def copies(self) -> int:
        """How many devices hold each element."""
        return self.devices // prod(factor.parts for factor in self.factors)

    @property
    def is_whole(self) -> bool:
        """Whether every device holds everything."""
        return self.copies == self.devices

    def check(self, shape: Sequence[int | None]) -> None:
        """ValueError unless the factors make up the extents; None is an extent nobody knows."""
        if len(shape) != len(self.axes):
            raise ValueError(f"{len(self.axes)} axes are sharded and there are {len(shape)}")
        for index, (axis, extent) in enumerate(zip(self.axes, shape, strict=True)):
            if axis and extent is None:
                raise ValueError(f"axis {index} is cut and its extent is no number")
            if axis and prod(factor.extent for factor in axis) != extent:
                factors = " x ".join(str(factor.extent) for factor in axis)
                raise ValueError(f"axis {index} has {extent} elements, its factors {factors}")

    def local(self, shape: Sequence[int]) -> tuple[int, ...]:
        """The extents that each device holds of a tensor with these."""
        self.check(shape)
        pairs = zip(self.axes, shape, strict=True)
        return tuple(prod(f.each for f in axis) if axis else extent for axis, extent in pairs)

    def whole(self, local: Sequence[int]) -> tuple[int, ...]:
        """The extents of a tensor of which each device holds these."""
        pairs = zip(self.axes, local, strict=True)
        return tuple(prod(f.extent for f in axis) if axis else extent for axis, extent in pairs)

    def split(self, shape: Sequence[int]) -> tuple[Factor, ...]:
        """The factors of all axes one behind the other; a whole axis is one factor."""
        self.check(shape)
        pairs = zip(self.axes, shape, strict=True)
        return tuple(f for axis, extent in pairs for f in (axis or (_whole(extent),)))

    def part(self, array: Array, device: int) -> Array:
        """What a device holds of a tensor, with zeros for padding."""
        if 0 in array.shape:
            return np.zeros(self.local(array.shape), array.dtype)
        factors = self.split(array.shape)
        spans = [slice(*factor.span(device)) for factor in factors]
        held = array.reshape([factor.extent for factor in factors])[tuple(spans)]
        padded = np.zeros([factor.each for factor in factors], array.dtype)
        padded[tuple(slice(extent) for extent in held.shape)] = held
        return padded.reshape(self.local(array.shape))

    def assemble(self, parts: Sequence[Array]) -> Array:
        """The tensor of which `parts` holds what each device has; padding is left out."""
        shape = self.whole(parts[0].shape)
        whole = np.zeros(shape, parts[0].dtype)
        if not whole.size:
            return whole
        factors = self.split(shape)
        view = whole.reshape([factor.extent for factor in factors])
        for device, part in enumerate(parts):
            spans = [slice(*factor.span(device)) for factor in factors]
            sizes = [slice(span.stop - span.start) for span in spans]
            view[tuple(spans)] = part.reshape([factor.each for factor in factors])[tuple(sizes)]
        return whole

    def __str__(self) -> str:
        axes = ", ".join(f"[{', '.join(map(str, axis))}]" for axis in self.axes)
        return f"{self.devices} x [{axes}]"

    @staticmethod
    def parse(text: str) -> Sharding:
        """Read what `str` wrote; ValueError on anything else."""
        match = re.fullmatch(r"\s*(\d+)\s*x\s*\[(.*)\]\s*", text)
        axes = None if match is None else re.fullmatch(r"(\s*\[[^\[\]]*\]\s*(,|$))*", match[2])
        if match is None or axes is None:
            raise ValueError(f"not a sharding: {text!r}")
        found = re.findall(r"\[([^\[\]]*)\]", match[2])
        return Sharding(int(match[1]), tuple(tuple(_factors(axis)) for axis in found))


def is_ring(devices: int) -> bool:
    """Whether a program may be for so many devices."""
    return 0 < devices <= MAX_DEVICES and not devices & (devices - 1)


def around(device: int, devices: int) -> dict[str, int]:
    """The symbols of a program for a ring, on one device: `dj` is the j-th to its right.

    A device that is alone has none.
    """
    return {f"d{j}": (device + j) % devices for j in range(devices)} if devices > 1 else {}


def _whole(extent: int) -> Factor:
    """An axis that is not cut; one without elements is never asked for its parts."""
    return Factor(max(extent, 1))


def _factors(text: str) -> Iterator[Factor]:
    for word in text.split(",") if text.strip() else ():
        match = _FACTOR.fullmatch(word.strip())
        if match is None:
            raise ValueError(f"not a factor: {word.strip()!r}")
        yield Factor(int(match[1]), int(match[2] or 1), int(match[3] or 1))
