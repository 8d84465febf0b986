"""`lpuc verify`: every level against ONNX Runtime."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lpuc.cli.options import FILE, about, command, compile_options, json_option, watch_options
from lpuc.cli.output import show
from lpuc.compiler.instrument import Instrumentation, Watch
from lpuc.compiler.options import CompileOptions
from lpuc.errors import MISMATCH, printable

if TYPE_CHECKING:
    from lpuc.levels.verification import Table


@command
@click.argument("model", type=FILE)
@click.option("--inputs", type=FILE, metavar="IN.npz", help="Tensors by name.  [default: random]")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of random inputs.")
@json_option
@compile_options
@watch_options
def verify(
    model: Path,
    inputs: Path | None,
    seed: int,
    as_json: bool,
    options: CompileOptions,
    watch: Watch,
) -> int:
    """
    Compile MODEL.onnx, run every level on the same inputs, compare with ONNX Runtime.

    Prints the largest error of each output at each level; exit code 3 if one is too large.
    """
    from lpuc.levels.verification import verified
    from lpuc.reports.data import as_json as to_json

    about(model)
    found = verified(model, options, inputs, seed, Instrumentation(watch))
    if as_json:
        show(to_json(found.as_dict()))
    else:
        names = ", ".join(map(printable, found.cases))
        show(_text(found.table))
        show(f"\ninputs: {names}; tolerance {found.tolerance:.0e} absolute or relative")
    if found.is_right:
        return 0
    output, level = found.mismatches[0]
    click.echo(f"error: output '{printable(output)}' differs at level {level}", err=True)
    return MISMATCH


def _text(table: Table) -> str:
    levels = [level for row in list(table.values())[:1] for level in row]
    width = max([6, *(len(printable(name)) for name in table)])
    lines = [f"{'output':{width}}" + "".join(f"{level:>10}" for level in levels)]
    for name, row in table.items():
        errors = "".join(f"{row[level]:10.1e}" for level in levels)
        lines.append(f"{printable(name):{width}}{errors}")
    return "\n".join(lines)
