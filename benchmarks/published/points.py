"""Shapes of which a time is published or that stand beside them, compiled without weights."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.decoders.families import write_decoder
from benchmarks.decoders.shape import SHAPES
from lpuc.compiler.driver import compile_model
from lpuc.compiler.options import CompileOptions
from runtime.program.program import Program
from runtime.target import Target

PUBLISHED_AT = 1040
"""The context in the middle of the published runs; there is nothing to compare with at others."""
BOUND = 2048
"""The longest context of the published runs."""
ROOMY = 1 << 40
"""Bytes of HBM that no shape exceeds: what does not fit is timed all the same, and said so."""


@dataclass(frozen=True)
class Point:
    """A shape on so many devices, and the published milliseconds of a token, if there are any."""

    shape: str
    devices: int
    published: float | None = None
    target: str = "lpu-4nm"

    @property
    def name(self) -> str:
        """Of its files."""
        return f"{self.shape}-x{self.devices}"


POINTS = (
    Point("opt-1.3b", 1, 1.25), Point("opt-6.7b", 1), Point("opt-13b", 1),
    Point("opt-30b", 1, 20.28), Point("opt-66b", 2, 22.2), Point("gpt3-20b", 1),
    Point("gpt3-20b", 2), Point("gpt3-20b", 4), Point("gpt3-20b", 8), Point("llama-7b", 1),
    Point("llama-70b", 1), Point("gpt2-345m", 1, 5.40, "lpu-u280"),
    Point("gpt2-1.5b", 1, None, "lpu-u280"),
)  # fmt: skip


def model_of(point: Point, bound: int, folder: Path) -> Path:
    """The ONNX file of a shape with room for a context, written once."""
    path = folder / f"{point.shape}.onnx"
    if not path.exists():
        shape = SHAPES[point.shape]
        if shape.positions:
            shape = replace(shape, positions=max(shape.positions, bound))
        write_decoder(path, shape, has_data=False)
    return path


def compiled(point: Point, bound: int, folder: Path) -> Program:
    """What the compiler makes of a shape today, on its machine."""
    target = Target.load(point.target)
    options = CompileOptions(
        target=_file_of(target, folder), max_context=bound, weights="none", devices=point.devices
    )
    program = compile_model(model_of(point, bound, folder), options).program
    return replace(program, target=target)


def roomy(target: Target) -> dict[str, dict[str, Any]]:
    """The entries of the same machine with room for any shape."""
    entries = target.to_json()
    return entries | {"hbm_bytes": entries["hbm_bytes"] | {"value": ROOMY}}


def _file_of(target: Target, folder: Path) -> str:
    """A file of a machine with room for any shape."""
    path, lines = folder / f"{target.name}.toml", list[str]()
    for key, entry in roomy(target).items():
        cells = ", ".join(f"{k} = {json.dumps(v)}" for k, v in entry.items())
        lines.append(f"{key} = {{ {cells} }}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(path)
