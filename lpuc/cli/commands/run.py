"""`lpuc run`: one call of the ONNX interface of a program, or of IR."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lpuc.cli.input import text_of
from lpuc.cli.options import (
    FILE,
    about,
    check_option,
    command,
    fuel_option,
    given_options,
    model_dir_option,
    reference_option,
    threads_option,
)

if TYPE_CHECKING:
    from runtime.weights.image import Check


@command
@click.argument("program", type=FILE)
@click.option("--inputs", type=FILE, required=True, metavar="IN.npz", help="Tensors by name.")
@click.option("--outputs", type=FILE, required=True, metavar="OUT.npz", help="Tensors by name.")
@model_dir_option
@check_option
@reference_option
@fuel_option
@threads_option
def run(
    program: Path,
    inputs: Path,
    outputs: Path,
    model_dir: Path | None,
    check: Check,
    reference: bool,
    fuel: int | None,
) -> None:
    """
    Call PROGRAM once: inputs and outputs are those of the ONNX graph, by name.

    PROGRAM may also be IR of any level, a .mlir file: what it means is computed, not what a machine
    does.
    """
    from lpuc.files.disk import check_output
    from lpuc.files.kinds import TEXT, kind_of
    from lpuc.files.npz import write_npz
    from lpuc.files.programs import read_program
    from lpuc.program import Program

    about(program)
    if kind_of(program) is TEXT:
        _run_ir(program, inputs, outputs, model_dir)
        return
    if model_dir is not None:
        raise click.UsageError("--model-dir is for IR; a program says where its weights are")
    origin = read_program(program, check)
    check_output(outputs, (*origin.sources, inputs))
    results = Program(origin, reference, fuel).run(inputs)
    write_npz(outputs, results, inputs=origin.sources)


def _run_ir(file: Path, inputs: Path, outputs: Path, model_dir: Path | None) -> None:
    """One call on IR."""
    from lpuc.calling import call
    from lpuc.compiler.dumping.reading import find_weights
    from lpuc.compiler.located import parse_module
    from lpuc.compiler.sources import source_ranges
    from lpuc.files.disk import check_output
    from lpuc.files.npz import write_npz

    for name in given_options(("check", "reference", "fuel")):
        raise click.UsageError(f"--{name} is for programs; this is IR")
    module = parse_module(text_of(file), str(file))
    find_weights(module, file, model_dir)
    sources = (file, *source_ranges(module))
    check_output(outputs, (*sources, inputs))
    write_npz(outputs, call(module, inputs), inputs=sources)
