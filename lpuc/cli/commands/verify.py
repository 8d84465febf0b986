"""`lpuc verify`: every level against ONNX Runtime."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
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
    from lpuc.verification.values import Value
    from lpuc.verification.verified import Verification

VERDICTS = {"agrees": "agree", "rewritten": "are rewritten", "departs": "depart"}
LARGEST = 5
"""So many values are shown where none departs."""
SHOWN = 12
"""More inputs than this are counted, not named; `--json` names all."""


@command
@click.argument("model", type=FILE)
@click.option("--inputs", type=FILE, metavar="IN.npz", help="Tensors by name.  [default: random]")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of random inputs.")
@click.option("--thorough", is_flag=True,
              help="Also several new tokens, a batch of 2, extents over the whole range, more "
              "masks, several steps through the cache, and drawn tokens.")  # fmt: skip
@click.option(
    "--values",
    is_flag=True,
    help="Also what ONNX nodes give, at the levels that have it: all that departs.",
)
@json_option
@compile_options
@watch_options
def verify(
    model: Path,
    inputs: Path | None,
    seed: int,
    thorough: bool,
    values: bool,
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
    from lpuc.reports.data import as_json as to_json
    from lpuc.verification.verified import verified

    about(model)
    if thorough and inputs is not None:
        raise click.UsageError("--thorough and --inputs exclude each other")
    found = verified(model, options, inputs, seed, Instrumentation(watch), thorough, values)
    show(to_json(found.as_dict()) if as_json else "\n".join(_lines(found)))
    if found.is_right:
        return 0
    click.echo(f"error: {_blame(found)}", err=True)
    return MISMATCH


def _blame(found: Verification) -> str:
    """What differs first."""
    if not found.mismatches:
        value = found.departing[0]
        node = printable(value.node)
        return f"value '{printable(value.name)}' of node '{node}' differs at level {value.level}"
    output, level = found.mismatches[0]
    case = printable(found.worst[output][level])
    if found.broke(level):
        return f"level {level} breaks off, first with input '{case}'"
    return f"output '{printable(output)}' differs at level {level}, most with input '{case}'"


def _lines(found: Verification) -> Iterator[str]:
    """The table, and what is to be said about it."""
    from lpuc.verification.spread import FACTOR

    width = max([6, *(len(printable(name)) for name in found.table)])
    levels = list(found.tolerances)
    yield f"{'output':{width}}" + "".join(f"{level:>10}" for level in levels)
    for name, row in found.table.items():
        cells = (_cell(row.get(level), found.broke(level)) for level in levels)
        yield f"{printable(name):{width}}" + "".join(f"{cell:>10}" for cell in cells)
    yield ""
    broken: dict[tuple[str, str], list[str]] = {}
    for one in found.breakdowns:
        broken.setdefault((printable(one.case), _safe(one.failure)), []).append(one.level)
    for (case, failure), broke in broken.items():
        yield f"level {', '.join(broke)}: input '{case}': {failure}"
    count = len(found.cases)
    names = ", ".join(map(printable, found.cases)) if count <= SHOWN else str(count)
    yield f"inputs: {names}"
    most = f"at most {found.tolerance:.0e} of the largest of a row"
    yield f"tolerance: {FACTOR:.0f} times the spread of runs that round otherwise, {most}"
    for note in found.notes:
        yield f"note: {printable(note)}"
    by_reason: dict[str, list[str]] = {}
    for left in found.left_out:
        by_reason.setdefault(printable(left.reason), []).append(printable(left.name))
    for reason, kept_out in by_reason.items():
        more = f" and {len(kept_out) - 1} more" if len(kept_out) > 1 else ""
        yield f"left out: {kept_out[0]}{more}: {reason}"
    if found.values:
        yield from _values(found.values)


def _values(values: Sequence[Value]) -> Iterator[str]:
    """How many agree, and a line for each that does not; else for those that are most off."""
    yield ""
    for level in dict.fromkeys(value.level for value in values):
        counts = Counter(value.verdict for value in values if value.level == level)
        told = ", ".join(f"{counts[verdict]} {word}" for verdict, word in VERDICTS.items())
        yield f"values at level {level}: {told}"
    bad = [value for value in values if value.verdict == "departs"]
    largest = sorted(values, key=lambda value: -value.distance.error)
    shown = bad or [value for value in largest if value.verdict == "agrees"][:LARGEST]
    columns = ("max abs", "max rel", "ulp", "cosine")
    yield "".join([f"{'level':6}", *(f"{c:>10}" for c in columns), "  first bad, value, node"])
    for value in shown:
        off = value.distance
        measures = f"{off.max_abs:10.1e}{off.max_rel:10.1e}{off.ulp:10.1e}{off.cosine:10.6f}"
        place = "-" if off.first_bad is None else str(list(off.first_bad))
        node = f"{printable(value.node)} ({printable(value.op)})"
        yield f"{value.level:6}{measures}  {place} {printable(value.name)} {node}"


def _safe(failure: object) -> str:
    text = printable(str(failure).partition("\n")[0])
    return text if len(text) <= 300 else f"{text[:300]}..."


def _cell(error: float | None, broke: bool) -> str:
    if error is None:
        return "-"
    return "error" if broke and error == float("inf") else f"{error:.1e}"
