"""The programs that are broken: decoders for several devices, compiled once into a folder."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from benchmarks.decoders.families import write_decoder
from benchmarks.decoders.shape import SHAPES
from lpuc.compiler.driver import compile_model
from lpuc.compiler.options import CompileOptions
from lpuc.compiler.pipeline import pipeline_of
from runtime.program.program import Program

DEVICES = 4
CONTEXT = 24
STORIES = Path(__file__).parents[3] / "samples/stories/model.onnx"


@dataclass(frozen=True)
class Base:
    """A decoder for so many new tokens, on so many machines."""

    model: str
    new: int = 1
    raised: bool = True
    target: str = "lpu-4nm"
    devices: int = DEVICES

    @property
    def name(self) -> str:
        """What it is, in one word."""
        parts = [self.model, str(self.new), *([] if self.raised else ["unraised"])]
        parts += [self.target] if self.target != "lpu-4nm" else []
        return "-".join([*parts, f"{self.devices}x"] if self.devices != DEVICES else parts)


BASES = (
    *(Base("llama-tiny", new) for new in (1, 3)),
    *(Base("gpt2-tiny", new, raised=False) for new in (1, 3)),
    *(Base("mixtral-tiny", new) for new in (1, 3)),
    *(Base("stories", new) for new in (1, 3)),
    Base("llama-tiny", 3, target="lpu-tiny"),
    Base("llama-tiny", 18, target="lpu-tiny"),
    Base("gpt2-tiny", 1, raised=False, target="lpu-tiny"),
    Base("llama-tiny", 18, target="lpu-tiny", devices=8),
)
"""The Llama and the Mixtral have two key/value heads, and so fewer than devices.

With 18 new tokens on `lpu-tiny` some messages are split by rows.
"""


def unraised(devices: int) -> str:
    """The pipeline without any pass that recognises a pattern."""
    names = (name for stage in pipeline_of(devices) for name in stage.passes)
    return ",".join(name for name in names if not name.startswith("lpu-raise"))


def write_base(folder: Path, base: Base) -> None:
    """Write the program of a base."""
    model = STORIES
    if base.model != "stories":
        model = folder / base.model / "model.onnx"
        write_decoder(model, SHAPES[base.model])
    options = CompileOptions(
        base.target, "f32", CONTEXT, {"seq": base.new}, devices=base.devices,
        pipeline=None if base.raised else unraised(base.devices),
    )  # fmt: skip
    compile_model(model, options).save(folder / f"{base.name}.lpu")


@cache
def read_base(folder: Path, base: Base) -> Program:
    """The program of a base, which was written."""
    return Program.load(folder / f"{base.name}.lpu")
