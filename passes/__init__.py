"""
Transformations: one file is one pass, one folder the passes of a level.

The name of a pass gives all the others: `lpu-mem-tile` lives in `passes/lpu_mem/tile.py`, its class
is `LpuMemTilePass`, its test `tests/filecheck/passes/lpu_mem/tile.mlir`; `convert-lpu-to-lpu-mem`
takes a module away from the level `lpu` and lives in `passes/lpu/convert_to_lpu_mem.py`; `verify`
is for all levels and lives beside their folders. The docstring of the file shows the IR before and
after, and a test executes that example.

No level's passes import another's. What levels share lies below them: `passes.analysis` computes
facts about IR and stores none, `passes.rewriting` is what changes IR.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xdsl.passes import ModulePass

PASS_NAMES = (
    "onnx-check-operators",
    "onnx-derive-chunk",
    "onnx-bind-roles",
    "onnx-resolve-shapes",
    "convert-onnx-to-lpu",
    "lpu-fold-constants",
    "lpu-merge-duplicates",
    "lpu-drop-dead",
    "lpu-gather-to-view",
    "lpu-demote-precision",
    "lpu-round-inputs",
    "lpu-cache-to-state",
    "lpu-roll-layers",
    "lpu-derive-chunk",
    "lpu-derive-generate",
    "lpu-fold-indices",
    "lpu-raise-activation",
    "lpu-raise-softmax",
    "lpu-raise-norm",
    "lpu-raise-rotary",
    "lpu-raise-attention",
    "lpu-esl-split-products",
    "lpu-esl-plan",
    "lpu-esl-partition",
    "lpu-esl-insert-sync",
    "lpu-merge-matmuls",
    "convert-lpu-to-lpu-mem",
    "lpu-mem-assign-layouts",
    "lpu-mem-schedule",
    "lpu-mem-promote",
    "lpu-mem-tile",
    "lpu-mem-allocate",
    "convert-lpu-mem-to-lpu-isa",
    "lpu-isa-hoist-streams",
    "lpu-isa-describe-code",
    "lpu-isa-allocate-registers",
    "verify",
)


LEVELS = ("lpu_isa", "lpu_mem", "lpu_esl", "lpu", "onnx")
"""The folders of passes; a name starts with the longest that fits."""


def module_name(name: str) -> str:
    """The module of a pass: `passes.lpu_mem.tile`, `passes.lpu.convert_to_lpu_mem`."""
    words = name.replace("-", "_")
    if words.startswith("convert_"):
        level, _, target = words.removeprefix("convert_").partition("_to_")
        return f"passes.{level}.convert_to_{target}"
    level = next((level for level in LEVELS if words.startswith(f"{level}_")), None)
    return f"passes.{words}" if level is None else f"passes.{level}.{words.removeprefix(level)[1:]}"


def class_name(name: str) -> str:
    """The class of a pass."""
    return "".join(part.capitalize() for part in name.split("-")) + "Pass"


def load_pass(name: str) -> type[ModulePass]:
    """Import a pass."""
    return getattr(import_module(module_name(name)), class_name(name))


PASSES: dict[str, Callable[[], type[ModulePass]]] = {
    name: partial(load_pass, name) for name in PASS_NAMES
}
