"""
The symbols that tell the devices of a ring apart: `d0` to `d7` where there are 8.

On device `d` of `N`, `dj` is `(d + j) mod N`: `d0` is the device itself, `d1` its right neighbour.
All devices run one text; these symbols may stand in offsets alone, never in an extent or in a bound
of a loop, so that all do the same things at the same time. A function that mentions one has them
all among its `lpu.symbols`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from xdsl.dialects.builtin import DictionaryAttr, IntegerAttr, ModuleOp

from dialects.affine import Affine
from runtime.sharding import Sharding, around

Array = np.ndarray[Any, np.dtype[Any]]

_NAME = re.compile(r"d\d+")

ROUNDING = 1e-5
"""How far apart devices may be in what each computed of the same, of the largest of it."""


def device_symbol(distance: int, devices: int) -> str:
    """The symbol of the device that many places to the right, around the ring."""
    return f"d{distance % devices}"


def device_values(device: int, devices: int) -> dict[str, int]:
    """The value of each symbol on a device; none where it is alone."""
    return around(device, devices)


def is_device_symbol(name: str) -> bool:
    """Whether a symbol tells devices apart."""
    return _NAME.fullmatch(name) is not None


def devices_of(module: ModuleOp) -> int:
    """How many devices a module is for."""
    options = module.attributes.get("lpu.options")
    count = options.data.get("devices") if isinstance(options, DictionaryAttr) else None
    return count.value.data if isinstance(count, IntegerAttr) else 1


def differs_by_device(value: Affine) -> bool:
    """Whether an expression mentions a device."""
    return any(is_device_symbol(name) for name, _ in value.terms)


def scattered(array: Array, sharding: Sharding | None, devices: int) -> list[Array]:
    """What the host gives to each device: its part, or all of it."""
    if sharding is None:
        return [array] * devices
    return [sharding.part(array, device) for device in range(devices)]


def gathered(parts: Sequence[Array], sharding: Sharding | None) -> Array:
    """
    What the host makes of what each device has; all have the same where nothing is shared.

    Products of equal rows may differ in their last bits, as sums of them do in another order.
    """
    if sharding is not None:
        return sharding.assemble(parts)
    first, *others = [np.array(part, order="C") for part in parts]
    assert all(_is_same(first, part) for part in others), "devices differ in what all of them have"
    return first


def _is_same(left: Array, right: Array) -> bool:
    if left.tobytes() == right.tobytes():
        return True
    if left.dtype.kind in "biu" or not left.size:
        return False
    ours, theirs = left.astype(np.float64), right.astype(np.float64)
    size = max(1.0, float(np.max(np.abs(ours), initial=0.0, where=np.isfinite(ours))))
    return np.allclose(ours, theirs, rtol=0, atol=ROUNDING * size, equal_nan=True)
