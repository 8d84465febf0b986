"""`lpuc verify`: every level against ONNX Runtime."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lpuc.cli.options import FILE, about, command, compile_options, json_option
from lpuc.cli.output import show
from lpuc.cli.watching import watch_options
from lpuc.compiler.instrument import Instrumentation, Watch
from lpuc.compiler.options import CompileOptions
from lpuc.errors import MISMATCH, printable

if TYPE_CHECKING:
    from lpuc.levels.verification import Verification

SHOWN = 12
"""More inputs than this are counted, not named; `--json` names all."""


@command
@click.argument("model", type=FILE)
@click.option("--inputs", type=FILE, metavar="IN.npz", help="Tensors by name.  [default: random]")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of random inputs.")
@click.option("--thorough", is_flag=True,
              help="Also several new tokens, a batch of 2, extents over the whole range, more "
              "masks, several steps through the cache, and drawn tokens.")  # fmt: skip
@json_option
@compile_options
@watch_options
def verify(
    model: Path,
    inputs: Path | None,
    seed: int,
    thorough: bool,
    as_json: bool,
    options: CompileOptions,
    watch: Watch,
) -> int:
    """
    Compile MODEL.onnx, run every level on the same inputs, compare with ONNX Runtime.

    Prints the largest error of each output at each level, and of the tokens that `generate` hands
    out: by how much logits must be off to explain them. A level that breaks shows `error`. Exit
    code 3 if one is too large.
    """
    from lpuc.levels.verification import verified
    from lpuc.reports.data import as_json as to_json

    about(model)
    if thorough and inputs is not None:
        raise click.UsageError("--thorough and --inputs exclude each other")
    found = verified(model, options, inputs, seed, Instrumentation(watch), thorough)
    show(to_json(found.as_dict()) if as_json else "\n".join(_lines(found)))
    if found.is_right:
        return 0
    output, level = found.mismatches[0]
    case = printable(found.worst[output][level])
    what = f"output '{printable(output)}' differs at level {level}, most with input '{case}'"
    click.echo(f"error: {what}", err=True)
    return MISMATCH


def _lines(found: Verification) -> Iterator[str]:
    """The table, and what is to be said about it."""
    width = max([6, *(len(printable(name)) for name in found.table)])
    levels = list(found.tolerances)
    yield f"{'output':{width}}" + "".join(f"{level:>10}" for level in levels)
    for name, row in found.table.items():
        cells = (_cell(row.get(level), found.broke(level)) for level in levels)
        yield f"{printable(name):{width}}" + "".join(f"{cell:>10}" for cell in cells)
    yield ""
    for broken in found.breakdowns:
        yield f"level {broken.level}: input '{printable(broken.case)}': {_safe(broken.failure)}"
    count = len(found.cases)
    names = ", ".join(map(printable, found.cases)) if count <= SHOWN else str(count)
    yield f"inputs: {names}; tolerance {found.tolerance:.0e} of the largest of a row"
    for note in found.notes:
        yield f"note: {printable(note)}"
    for left in found.left_out:
        yield f"left out: {printable(left.name)}: {printable(left.reason)}"


def _safe(failure: object) -> str:
    text = printable(str(failure).partition("\n")[0])
    return text if len(text) <= 300 else f"{text[:300]}..."


def _cell(error: float | None, broke: bool) -> str:
    if error is None:
        return "-"
    return "error" if broke and error == float("inf") else f"{error:.1e}"
