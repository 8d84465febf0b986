"""`lpuc bisect`: the first pass, operation and ONNX node that goes wrong."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lpuc.cli.input import STDIN, text_of
from lpuc.cli.options import (
    COMPILING,
    FILE,
    about,
    command,
    compile_options,
    given_options,
    json_option,
)
from lpuc.cli.output import show
from lpuc.compiler.options import BUDGETS, CompileOptions
from lpuc.errors import MISMATCH, printable

if TYPE_CHECKING:
    from lpuc.diagnosis.bisection import Bisection


@command
@click.argument("model", type=FILE)
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of random inputs.")
@click.option("--quick", is_flag=True, help="Do not try several tokens and batch 2 as well.")
@json_option
@compile_options
def bisect(model: Path, seed: int, quick: bool, as_json: bool, options: CompileOptions) -> int:
    """
    Find the first pass of the compilation of MODEL, and its first operation and ONNX node, that
    goes wrong.

    MODEL is an .onnx file, or IR of any level, as --dump-ir writes it ('-' reads stdin): then the
    passes to come are looked at, or those of --pipeline, and the IR is taken for right.

    Numbers are wrong where they differ by more than what is rounded on the way; crashes, rules that
    the IR breaks, refusals and hangs are found, too. Tells a pass from the importer, the semantics
    of a level, the encoder and the interpreter. Exit code 3 if something is found.

    Where numbers are wrong, the operation is the first behind the pass whose numbers are. Where a
    pass breaks off, it is the one of its input that it was working on, and what it made of that is
    in the message; where the machine does, it is the instruction.
    """
    from lpuc.diagnosis.bisection import bisect as search
    from lpuc.files.kinds import TEXT, kind_of
    from lpuc.reports.data import as_json as to_json

    about(model)
    if model == STDIN or kind_of(model) is TEXT:
        from lpuc.diagnosis.of_ir import bisect_ir

        chosen = given_options((*COMPILING, *BUDGETS, "seed", "quick"))
        for name in (name for name in chosen if name != "pipeline"):
            flag = name.replace("_", "-")
            raise click.UsageError(f"--{flag} is for models; IR says itself what it was made for")
        found = bisect_ir(text_of(model), None if model == STDIN else model, options.pipeline)
    else:
        found = search(model, options, seed, is_thorough=not quick)
    show(to_json(found) if as_json else _text(found))
    return 0 if found.failure is None else MISMATCH


def _text(found: Bisection) -> str:
    """What was found, one thing a line."""
    notes = [f"note: {printable(note)}" for note in found.notes]
    failure = found.failure
    if failure is None:
        return "\n".join([f"nothing departs, on {len(found.cases)} cases", *notes])
    nodes = ", ".join(map(printable, failure.nodes[:3]))
    more = f" and {len(failure.nodes) - 3} more" if len(failure.nodes) > 3 else ""
    rows = [
        ("found", failure.kind),
        ("where", failure.where),
        ("operation", failure.operation or "cannot be told"),
        ("ONNX nodes", f"{nodes}{more}" if nodes else "cannot be told"),
        ("what", printable(failure.message.strip().partition("\n")[0])),
        ("shown by", printable(found.case)),
    ]
    return "\n".join([f"{name:<12}{text}" for name, text in rows] + notes)
