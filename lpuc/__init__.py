"""
lpuc compiles ONNX decoders to programs for latency processing units.

```python
import lpuc

program = lpuc.compile("model.onnx", max_context=256)
outputs = program.run({"input_ids": ids, ...})
```

`docs/python.md` shows all of it. What goes wrong on purpose is an `lpuc.Error`.
"""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lpuc.siblings import check_siblings

check_siblings()

from runtime.errors import Error  # noqa: E402

if TYPE_CHECKING:
    from lpuc.files.npz import Inputs
    from lpuc.program import Program
    from lpuc.reports.inspection import ModelReport, ProgramReport
    from lpuc.verification.verified import Verification
    from runtime.generation.session import Session
    from runtime.weights.image import Check

__version__ = "0.1.0"
__all__ = ["Error", "Program", "Session", "compile", "inspect", "load", "verify"]


def compile(
    model: str | PathLike[str],
    *,
    target: str | PathLike[str] = "lpu-4nm",
    precision: str = "f16",
    max_context: int | None = None,
    prompt_chunk: int | None = None,
    shape: Mapping[str, int] | None = None,
    input_role: Mapping[str, str] | None = None,
    input_value: Mapping[str, float] | None = None,
    devices: int = 1,
    plan: Mapping[str, Any] | str | PathLike[str] | None = None,
    whole_budget: float | None = None,
    weights: str = "embed",
    pipeline: str | None = None,
    max_file_bytes: int | None = None,
    max_graph_bytes: int | None = None,
    max_nodes: int | None = None,
    max_name_bytes: int | None = None,
    max_rank: int | None = None,
) -> Program:
    """
    Compile an ONNX model.

    The keywords are the options of `lpuc compile`: the machine, or a file that describes one; the
    type of weights, cache and products (f32, f16, bf16); the bound of the cache; values of symbolic
    dimensions, what inputs are (ids, mask, positions, past, data) and values that make inputs
    constants, by name; how many devices make a ring, what each computes (the `plan` of a program,
    or a file) and how many percent of the parameters all of them may hold; where a saved program
    has its weights (embed, reference, none); passes instead of the default ones; limits of the
    importer.
    """
    from lpuc.compiler.driver import compile_model
    from lpuc.compiler.options import CompileOptions
    from lpuc.program import Program

    options = CompileOptions.among(locals())
    return Program(compile_model(Path(model), options))


def load(path: str | PathLike[str], *, check: Check = "used", fuel: int | None = None) -> Program:
    """
    Read a program that `lpuc compile` or `Program.save` wrote.

    `check` says which weights are verified: those that are `used`, when they are; `all`, now; or
    `none`. `fuel` bounds the elements that a run works on; None is the program's own bound.
    """
    from lpuc.files.programs import read_program
    from lpuc.program import Program

    return Program(read_program(Path(path), check), fuel=fuel)


def inspect(
    path: str | PathLike[str],
    *,
    check: Check = "used",
    target: str | PathLike[str] = "lpu-4nm",
    precision: str = "f16",
    max_context: int | None = None,
    prompt_chunk: int | None = None,
    shape: Mapping[str, int] | None = None,
    input_role: Mapping[str, str] | None = None,
    input_value: Mapping[str, float] | None = None,
    devices: int = 1,
    plan: Mapping[str, Any] | str | PathLike[str] | None = None,
    whole_budget: float | None = None,
    weights: str = "embed",
    pipeline: str | None = None,
    max_file_bytes: int | None = None,
    max_graph_bytes: int | None = None,
    max_nodes: int | None = None,
    max_name_bytes: int | None = None,
    max_rank: int | None = None,
) -> ModelReport | ProgramReport:
    """
    What is in a model and whether it compiles with these options, or what is in a program.

    A model is compiled as `compile` does it; a program takes no options but `check`.
    """
    from lpuc.compiler.options import CompileOptions
    from lpuc.reports.inspection import inspected

    options = CompileOptions.among(locals())
    return inspected(Path(path), options, check)


def verify(
    model: str | PathLike[str],
    *,
    inputs: Inputs | None = None,
    seed: int = 0,
    thorough: bool = False,
    values: bool = False,
    target: str | PathLike[str] = "lpu-4nm",
    precision: str = "f16",
    max_context: int | None = None,
    prompt_chunk: int | None = None,
    shape: Mapping[str, int] | None = None,
    input_role: Mapping[str, str] | None = None,
    input_value: Mapping[str, float] | None = None,
    devices: int = 1,
    plan: Mapping[str, Any] | str | PathLike[str] | None = None,
    whole_budget: float | None = None,
    pipeline: str | None = None,
    max_file_bytes: int | None = None,
    max_graph_bytes: int | None = None,
    max_nodes: int | None = None,
    max_name_bytes: int | None = None,
    max_rank: int | None = None,
) -> Verification:
    """
    Run a model at every level on the same inputs and compare with ONNX Runtime.

    `inputs` are tensors by name, or an `.npz` file; without them there are several random ones, by
    `seed`. `thorough` tries more of them, and compiles a decoder for several new tokens and a batch
    of 2, too. `values` compares what ONNX nodes give, too. Needs the package onnxruntime.
    """
    from lpuc.compiler.options import CompileOptions
    from lpuc.verification.verified import verified

    options = CompileOptions.among(locals())
    return verified(Path(model), options, inputs, seed, thorough=thorough, values=values)


def __getattr__(name: str) -> Any:
    """The classes, loaded on use: they need numpy, whose threads the command line sets first."""
    if name == "Program":
        from lpuc.program import Program

        return Program
    if name == "Session":
        from runtime.generation.session import Session

        return Session
    raise AttributeError(f"module 'lpuc' has no attribute '{name}'")
