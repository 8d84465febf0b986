"""`lpuc run`: one call of a program's ONNX interface."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lpuc.cli.options import (
    FILE,
    about,
    check_option,
    command,
    fuel_option,
    reference_option,
    threads_option,
)

if TYPE_CHECKING:
    from runtime.weights.image import Check


@command
@click.argument("program", type=FILE)
@click.option("--inputs", type=FILE, required=True, metavar="IN.npz", help="Tensors by name.")
@click.option("--outputs", type=FILE, required=True, metavar="OUT.npz", help="Tensors by name.")
@check_option
@reference_option
@fuel_option
@threads_option
def run(
    program: Path, inputs: Path, outputs: Path, check: Check, reference: bool, fuel: int | None
) -> None:
    """Call PROGRAM once: inputs and outputs are those of the ONNX graph, by name."""
    from lpuc.files.disk import check_output
    from lpuc.files.npz import write_npz
    from lpuc.files.programs import read_program
    from lpuc.program import Program

    about(program)
    origin = read_program(program, check)
    check_output(outputs, (*origin.sources, inputs))
    results = Program(origin, reference, fuel).run(inputs)
    write_npz(outputs, results, inputs=origin.sources)
