"""Small functions of level `esl` as text, and their programs on a ring."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from xdsl.parser import Parser

from lpuc.compiler.emit import program_in_memory
from lpuc.compiler.pipeline import make_context, stage_passes
from runtime.program.program import Program
from tests.unit.backend.levels import ISA, MEM


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
    options = f'{{target = "{target}", devices = {devices} : i64}}'
    module = Parser(
        make_context(), f"builtin.module attributes {{lpu.options = {options}}} {{\n{text}\n}}"
    ).parse_module()
    module.verify()
    for one in (*stage_passes(MEM), *stage_passes(ISA)):
        one.apply(make_context(), module)
        module.verify()
    return program_in_memory(module, Path())


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
