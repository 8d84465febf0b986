"""
From a model file to a program: import, pipeline, emit.

```python
compiled = compile_model(Path("model.onnx"), CompileOptions(max_context=256))
compiled.write(Path("model.lpu"))
```
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from xdsl.dialects.builtin import ModuleOp

from lpuc.emit import emit_program, program_in_memory
from lpuc.files import replacing
from lpuc.instrument import Instrumentation
from lpuc.onnx_import import Budgets, import_model
from lpuc.options import CompileOptions
from lpuc.pipeline import PIPELINE, Stage, parse_passes, run_pipeline, run_stages, stages_until
from lpuc.progress import at_work
from lpuc.sources import source_files
from passes.functions import model_folder
from runtime.interpreter import Interpreter
from runtime.program import Program
from runtime.target import Target

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class CompiledProgram:
    """A module at level `isa`: a program whose parameters are still where the model keeps them."""

    module: ModuleOp
    sources: tuple[Path, ...]
    """The files that the model consists of."""

    @cached_property
    def program(self) -> Program:
        """The program without its parameters."""
        return emit_program(self.module, model_folder(self.module))[0]

    @cached_property
    def in_memory(self) -> Program:
        """The program with its parameters."""
        return program_in_memory(self.module, model_folder(self.module))

    @cached_property
    def _interpreter(self) -> Interpreter:
        return Interpreter(self.in_memory)

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """One call of the model's interface, names as in its graph."""
        return self._interpreter.run(inputs)

    def write(self, path: Path) -> None:
        """Write the program file, whole or not at all."""
        program, pieces = emit_program(self.module, model_folder(self.module))
        with at_work("write"), replacing(path, self.sources) as temporary:
            program.write(
                temporary, ((at, piece.reshape(-1).view(np.uint8)) for at, piece in pieces)
            )


def load_module(model: Path, options: CompileOptions) -> ModuleOp:
    """The model at level `onnx`, with the options that passes read."""
    Target.load(options.target)
    with at_work("import"):
        module = import_model(model, budgets=Budgets(**options.budgets))
    module.attributes["lpu.options"] = options.attribute()
    return module


def lower(
    module: ModuleOp, options: CompileOptions, level: str, instrumentation: Instrumentation
) -> ModuleOp:
    """Take a module down to a level, in place; a pipeline of the user's is run as it is."""
    with instrumentation.watching(module):
        if options.pipeline is not None:
            run_pipeline(module, parse_passes(options.pipeline), instrumentation)
        else:
            for _ in run_stages(module, stages_until(level), instrumentation):
                pass
    return module


def lower_by_stages(
    module: ModuleOp, instrumentation: Instrumentation
) -> Generator[tuple[Stage, ModuleOp]]:
    """Take a module down all levels, in place; each stage as it is reached."""
    with instrumentation.watching(module):
        for stage in run_stages(module, PIPELINE, instrumentation):
            yield stage, module


def compile_model(
    model: Path, options: CompileOptions, instrumentation: Instrumentation | None = None
) -> CompiledProgram:
    """Compile a model; `CompileError` if it is at fault."""
    module = load_module(model, options)
    sources = (model, *source_files(module))
    lower(module, options, PIPELINE[-1].level, instrumentation or Instrumentation())
    return CompiledProgram(module, sources)
