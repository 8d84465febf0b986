"""The files that a module's weights lie in."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Attribute

from dialects.lpu.weights import WeightAttr
from passes.functions import model_folder
from runtime.recipes import file_ranges


def _attributes(module: ModuleOp) -> Generator[Attribute]:
    for op in module.walk():
        yield from op.properties.values()
        yield from op.attributes.values()


def source_files(module: ModuleOp) -> tuple[Path, ...]:
    """Each file once, sorted by name."""
    weights = (a.data for a in _attributes(module) if isinstance(a, WeightAttr))
    paths = {part.path for weight in weights for part in file_ranges(weight)}
    return tuple(model_folder(module) / path for path in sorted(paths))
