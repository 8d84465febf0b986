"""The programs and texts that are changed: small decoders, compiled once into a folder."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np

from benchmarks.fuzz.programs.mutants import Sections
from lpuc.cli import invoke
from lpuc.compiler.driver import CompiledProgram, load_module, lower_by_levels
from lpuc.compiler.instrument import Instrumentation, ir_text
from lpuc.compiler.options import CompileOptions
from runtime.program.program import Program

EXPORTS = Path(__file__).parents[3] / "samples/exports"
CONTEXT = 12
BASES = (("gpt2", "lpu-tiny"), ("llama", "lpu-4nm"), ("opt", "lpu-tiny"))
LEVELS = ("onnx", "lpu", "mem", "isa")


def make_bases(folder: Path) -> None:
    """Write `NUMBER.lpu`, its inputs as `NUMBER.npz`, its text, and the IR of each level."""
    for number, (name, target) in enumerate(BASES):
        model, base = EXPORTS / f"{name}.onnx", str(folder / str(number))
        options = CompileOptions(target, max_context=CONTEXT)
        module = load_module(model, options)
        for level in lower_by_levels(module, options, Instrumentation()):
            Path(f"{base}-{level}.mlir").write_text(ir_text(module))
        program = CompiledProgram(module, (model,)).in_memory
        program.write(folder / f"{number}.lpu")
        np.savez(folder / f"{number}.npz", allow_pickle=False, **_inputs(program))
        assert invoke(["disasm", f"{base}.lpu", "-o", f"{base}.s"]) == 0


def _inputs(program: Program) -> dict[str, np.ndarray]:
    """Ones for the entry `step`, with two tokens in the cache."""
    symbols = {symbol.name: 2 for symbol in program.interface.symbols}
    ports = program.interface.inputs
    return {port.name: np.ones(port.extents(symbols), port.dtype.dtype) for port in ports}


@cache
def base(folder: Path, number: int) -> tuple[Program, Sections]:
    """A program of the folder with its sections."""
    program = Program.load(folder / f"{number}.lpu")
    return program, program.sections()
