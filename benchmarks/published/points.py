"""Shapes of which a time is published or that stand beside them, compiled without weights."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.decoders.families import write_decoder
from benchmarks.decoders.shape import SHAPES, Shape
from lpuc.compiler.options import CompileOptions
from lpuc.profiling.roomy import compiled as compile_roomy
from runtime.program.program import Program

PUBLISHED_AT = 1040
"""The context in the middle of the published runs; there is nothing to compare with at others."""
BOUND = 2048
"""The longest context of the published runs."""


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


HELD_OUT = {
    "head-80": Shape("opt", 32, 2560, 32, 10240, 50257, dtype="f16"),
    "head-96": Shape("opt", 44, 6144, 64, 24576, 50257, dtype="f16"),
    "groups-of-4": Shape("llama", 32, 4096, 32, 14336, 128256, 8, positions=0, dtype="f16"),
}
"""Shapes that nothing was made for: heads that do not go evenly, keys that four queries share, a
vocabulary that is no multiple of anything."""
ASKED = (*POINTS, *(Point(name, devices) for name in HELD_OUT for devices in (1, 4)))
"""All points, those that are held out last."""


def shape_of(point: Point) -> Shape:
    """The extents of a point."""
    return HELD_OUT.get(point.shape) or SHAPES[point.shape]


def model_of(point: Point, bound: int, folder: Path) -> Path:
    """The ONNX file of a shape with room for a context, written once."""
    path = folder / f"{point.shape}.onnx"
    if not path.exists():
        shape = shape_of(point)
        if shape.positions:
            shape = replace(shape, positions=max(shape.positions, bound))
        write_decoder(path, shape, has_data=False)
    return path


def compiled(point: Point, bound: int, folder: Path) -> Program:
    """What the compiler makes of a shape today, on its machine."""
    options = CompileOptions(point.target, max_context=bound, devices=point.devices)
    return compile_roomy(model_of(point, bound, folder), options)
