"""Small functions of level `esl` as text, and their programs on a ring."""

from __future__ import annotations

from collections.abc import Sequence

from lpuc.compiler.pipeline import make_context, stage_passes
from runtime.program.program import Program
from tests.unit.backend.harness import parse
from tests.unit.backend.levels import MEM, program_of


def tensor(dims: Sequence[object], dtype: str = "f32") -> str:
    """The type of a tensor that every device has."""
    return f"!lpu.tensor<[{', '.join(map(str, dims))}], {dtype}>"


def columns(dims: Sequence[object], devices: int, dtype: str = "f32") -> str:
    """The type of a tensor whose last axis is cut."""
    sharding = ["[]"] * (len(dims) - 1) + [f"[{dims[-1]}/{devices}]"]
    extents = ", ".join(map(str, dims))
    return f"!lpu_esl.shard<[{extents}], {dtype}, {devices} x [{', '.join(sharding)}]>"


def ring_program(text: str, devices: int, target: str = "lpu-4nm") -> Program:
    """The program of functions at level `esl`."""
    module = parse(text, target, devices)
    for one in stage_passes(MEM):
        one.apply(make_context(), module)
    return program_of(module)


def step(
    body: str, inputs: str, results: Sequence[str], devices: int, interface: str, more: str = ""
) -> str:
    """A function `step` with the symbols of the devices, and `more`."""
    symbols = more + ", ".join(f"d{j} in 0 to {devices - 1}" for j in range(devices))
    return f"""
func.func @step({inputs}) -> ({", ".join(results)})
    attributes {{lpu.symbols = #lpu.symbols<[{symbols}]>,
                lpu.interface = #lpu.interface<{interface}>}} {{
  {body}
}}"""
