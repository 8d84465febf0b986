"""The files that a module's weights lie in, and where in them."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Attribute

from dialects.lpu.weights import WeightAttr
from passes.analysis.functions import model_folder
from runtime.weights.recipes import file_ranges, nbytes
from runtime.weights.source_files import Span


def _attributes(module: ModuleOp) -> Generator[Attribute]:
    for op in module.walk():
        yield from op.properties.values()
        yield from op.attributes.values()


def source_ranges(module: ModuleOp) -> dict[Path, list[Span]]:
    """The bytes of weights in each file, the files sorted by name."""
    folder, found = model_folder(module), dict[str, list[Span]]()
    weights = (a.data for a in _attributes(module) if isinstance(a, WeightAttr))
    for part in (part for weight in weights for part in file_ranges(weight)):
        stop = part.offset + nbytes(part.shape, part.dtype)
        found.setdefault(part.path, []).append((part.offset, stop))
    return {folder / path: found[path] for path in sorted(found)}
