"""Which bytes an instruction reads and writes as specified, and which it says that it touches."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product
from typing import Any

import numpy as np

from runtime.device.device import Device
from runtime.device.specified import Elements, Points, Specified
from runtime.isa import Inst, Operand
from runtime.isa.accesses import Access
from runtime.isa.fields import Four
from runtime.numerics.elements import ElementType

Array = np.ndarray[Any, np.dtype[Any]]
Touched = set[tuple[bool, int]]
"""Whether a byte lies in HBM, and its address."""


class Watched:
    """A place of the reference that notes what is read and written through it."""

    def __init__(self, place: Elements | Points, reads: Touched, writes: Touched) -> None:
        self.place, self.reads, self.writes = place, reads, writes

    def _bytes(self) -> Touched:
        """The bytes of the place, found as the reference finds them."""
        memory = self.place.memory
        marks = np.zeros(memory.data.size, np.bool_)
        if isinstance(self.place, Points):
            marks[self.place.bytes] = True
        elif 0 not in self.place.extents:
            self.place.bytes_in(marks, self.place.extents)[...] = True
        return {(memory.name != "LMU", memory.base + int(at)) for at in np.flatnonzero(marks)}

    def note_reading(self) -> None:
        """The place is read."""
        self.reads |= self._bytes()

    def read(self) -> Array:
        """Read, and note it."""
        self.note_reading()
        return self.place.read()

    def write(self, values: Array) -> None:
        """Write, and note it."""
        self.writes |= self._bytes()
        self.place.write(values)


class Watching(Specified):
    """The reference, noting every byte that is read and written."""

    def __init__(self, device: Device) -> None:
        super().__init__(device)
        self.reads: Touched = set()
        self.writes: Touched = set()

    def source(self, operand: Operand, extents: Four, hbm: bool = False) -> Any:
        """The elements of an operand that is read."""
        return self._watched(super().source(operand, extents, hbm))

    def result(self, operand: Operand, extents: Four, hbm: bool = False) -> Any:
        """The elements of an operand that is written, and perhaps read before."""
        return self._watched(super().result(operand, extents, hbm))

    def scalar(self, address: int) -> Any:
        """The i64 at a byte address of the LMU."""
        return self._watched(super().scalar(address))

    def points(self, element: ElementType, addresses: Array, writes: bool) -> Any:
        """Single elements of one memory of HBM."""
        return self._watched(super().points(element, addresses, writes))

    def push(self, panel: Any, element: ElementType) -> None:
        """Append a panel, which is read now, to the operand FIFO."""
        panel.note_reading()
        super().push(panel.place, element)

    def _watched(self, place: Elements | Points) -> Watched:
        return Watched(place, self.reads, self.writes)


def _exactly(access: Access) -> Touched:
    """The bytes of the elements of a strided operand, one by one."""
    found: Touched = set()
    for point in product(*map(range, access.extents)):
        start = access.base + sum(i * s for i, s in zip(point, access.strides, strict=True))
        found |= {(access.hbm, start + byte) for byte in range(access.itemsize)}
    return found


def _within(access: Access, touched: Iterable[tuple[bool, int]]) -> Touched:
    low, high = access.bounds()
    return {byte for byte in touched if byte[0] == access.hbm and low <= byte[1] < high}


def misstated(inst: Inst, device: Device) -> str:
    """What `accesses` says wrongly of an instruction that is executed, or nothing.

    Of a strided operand every byte counts, no more and no less; of rows that an index chooses the
    bytes must lie within the bounds.
    """
    stated = inst.accesses(device.registers)
    state = Watching(device)
    with np.errstate(all="ignore"):
        state.step(inst, 0)
    for what, touched, direction in (("reads", state.reads, 1), ("writes", state.writes, 2)):
        strided = [a for a in stated if a[direction] and not any(a.jumps) and not a.reach]
        indexed = [a for a in stated if a[direction] and (any(a.jumps) or a.reach)]
        exact = set().union(*map(_exactly, strided))
        allowed = exact.union(*(_within(access, touched) for access in indexed))
        if exact - touched:
            return f"{inst} says it {what} {sorted(exact - touched)[:4]}, and does not"
        if touched - allowed:
            return f"{inst} {what} {sorted(touched - allowed)[:4]}, and does not say so"
    return ""
