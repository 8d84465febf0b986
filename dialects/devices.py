"""
The symbols that tell the devices of a ring apart: `d0` to `d7` where there are 8.

On device `d` of `N`, `dj` is `(d + j) mod N`: `d0` is the device itself, `d1` its right neighbour.
All devices run one text; these symbols may stand in offsets alone, never in an extent or in a bound
of a loop, so that all do the same things at the same time. A function that mentions one has them
all among its `lpu.symbols`.
"""

from __future__ import annotations

import re

from xdsl.dialects.builtin import DictionaryAttr, IntegerAttr, ModuleOp

from dialects.affine import Affine
from runtime.sharding import around

_NAME = re.compile(r"d\d+")


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
