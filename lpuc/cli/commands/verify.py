"""`lpuc verify`: every level against ONNX Runtime."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lpuc.cli.options import FILE, about, command, model_options, watch_options
from lpuc.compiler.instrument import Instrumentation, Watch
from lpuc.compiler.options import CompileOptions
from lpuc.errors import MISMATCH, printable

if TYPE_CHECKING:
    from lpuc.levels.comparison import Case, Table
    from runtime.program.interface import Interface


@command
@click.argument("model", type=FILE)
@click.option("--inputs", type=FILE, metavar="IN.npz", help="Tensors by name.  [default: random]")
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, help="Seed of random inputs.")
@model_options
@watch_options
def verify(
    model: Path, inputs: Path | None, seed: int, options: CompileOptions, watch: Watch
) -> int:
    """
    Compile MODEL.onnx, run every level on the same inputs, compare with ONNX Runtime.

    Prints the largest error of each output at each level; exit code 3 if one is too large.
    """
    from lpuc.levels.comparison import TOLERANCES, compare, mismatches, subject
    from lpuc.levels.onnx_runtime import onnx_runtime

    about(model)
    compiled = subject(model, options, Instrumentation(watch))
    cases = _cases(compiled.interface, inputs, seed)
    table = compare(compiled, onnx_runtime(model), cases)
    click.echo(_text(table))
    tolerance = TOLERANCES[options.precision]
    wrong = mismatches(table, tolerance)
    names = ", ".join(case.name for case in cases)
    click.echo(f"\ninputs: {names}; tolerance {tolerance:.0e} absolute or relative")
    if wrong:
        output, level = wrong[0]
        click.echo(f"error: output '{printable(output)}' differs at level {level}", err=True)
        return MISMATCH
    return 0


def _cases(interface: Interface, inputs: Path | None, seed: int) -> list[Case]:
    from lpuc.files.inputs import load_inputs
    from lpuc.levels.comparison import Case, random_cases

    if inputs is None:
        return list(random_cases(interface, seed))
    return [Case(inputs.name, load_inputs(inputs, interface))]


def _text(table: Table) -> str:
    levels = [level for row in list(table.values())[:1] for level in row]
    width = max([6, *(len(printable(name)) for name in table)])
    lines = [f"{'output':{width}}" + "".join(f"{level:>10}" for level in levels)]
    for name, row in table.items():
        errors = "".join(f"{row[level]:10.1e}" for level in levels)
        lines.append(f"{printable(name):{width}}{errors}")
    return "\n".join(lines)
