"""Addresses that depend on the device, as those of slots."""

from typing import NamedTuple

from runtime.ring.checks.compile.values import Affine, Symbols, Value


class Slot(NamedTuple):
    """An address that depends on the device: `base + step * dj`, where `distance` is j."""

    base: Value
    distance: int
    step: int


def slot_of(symbols: Symbols, address: Affine) -> Slot | None:
    """An address as that of a slot; None for one that is affine in no device, or in several."""
    base, devices = symbols.parts(address)
    return Slot(base, *devices[0]) if len(devices) == 1 and devices[0][1] > 0 else None
