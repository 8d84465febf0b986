"""
The machine a module is compiled for: module attribute `lpu.options`, key `target`.

One that a file describes stands in the module itself, under `machine`: IR goes where the file is
not.
"""

from __future__ import annotations

from functools import lru_cache

from xdsl.dialects.builtin import DictionaryAttr, IntegerAttr, ModuleOp, StringAttr
from xdsl.dialects.func import FuncOp

from dialects.names import unescape
from runtime.target import Target

DEFAULT_TARGET = "lpu-4nm"
SPILL_SLOTS = 64
"""8-byte words at the top of the LMU that hold scalars which no register holds."""

load_target = lru_cache(maxsize=16)(Target.load)
parse_target = lru_cache(maxsize=16)(Target.parse)


def target_of(module: ModuleOp) -> Target:
    """The target that the options of the module name, `lpu-4nm` when they name none."""
    options = module.attributes.get("lpu.options")
    if isinstance(options, DictionaryAttr):
        name, machine = options.data.get("target"), options.data.get("machine")
        if isinstance(name, StringAttr) and isinstance(machine, StringAttr):
            return parse_target(unescape(name.data), unescape(machine.data))
        if isinstance(name, StringAttr):
            return load_target(unescape(name.data))
    return load_target(DEFAULT_TARGET)


def spill_base(target: Target) -> int:
    """First LMU byte of the spill slots; tiles lie below it."""
    return target.lmu_bytes - 8 * SPILL_SLOTS


def resident_bytes(func: FuncOp) -> int:
    """The first bytes of the LMU, a multiple of 8, that `lpu-mem-promote` gave to buffers."""
    size = func.attributes.get("lpu_mem.resident")
    return -(-size.value.data // 8) * 8 if isinstance(size, IntegerAttr) else 0
