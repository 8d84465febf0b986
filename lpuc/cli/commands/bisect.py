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
    options_of,
)
from lpuc.cli.output import show
from lpuc.compiler.options import BUDGETS, CompileOptions
from lpuc.errors import MISMATCH, printable

if TYPE_CHECKING:
    from lpuc.diagnosis.against import Comparison
    from lpuc.diagnosis.bisection import Bisection
    from lpuc.diagnosis.failure import Failure


@command
@click.argument("model", type=FILE)
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of random inputs.")
@click.option("--quick", is_flag=True, help="Do not try several tokens and batch 2 as well.")
@click.option(
    "--against",
    metavar="OPTIONS",
    help="Compile with these options as well, in one argument, and say of each of both "
    "which IR is the last that is right. What they leave out is as given.",
)
@json_option
@compile_options
def bisect(
    model: Path, seed: int, quick: bool, against: str | None, as_json: bool,
    options: CompileOptions,
) -> int:  # fmt: skip
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

    Two sets of options that should compute the same: lpuc bisect model.onnx --precision f32
    --against "--devices 2".
    """
    from lpuc.diagnosis.bisection import bisect as search
    from lpuc.files.kinds import TEXT, kind_of
    from lpuc.reports.data import as_json as to_json

    about(model)
    if against is not None:
        return _compared(model, options, against, seed, as_json)
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


def _compared(model: Path, options: CompileOptions, against: str, seed: int, as_json: bool) -> int:
    """The last IR that is right, of two compilations."""
    from lpuc.diagnosis.against import compare
    from lpuc.files.kinds import TEXT, kind_of
    from lpuc.reports.data import as_json as to_json

    others = options_of(against, options, "--against")
    if model == STDIN or kind_of(model) is TEXT:
        raise click.UsageError("--against is for models; IR says itself what it was made for")
    if others == options:
        raise click.UsageError("--against says nothing else than the other options")
    found = compare(model, options, others, seed)
    show(to_json(found) if as_json else _both(found, against))
    return MISMATCH if found.sides else 0


def _both(found: Comparison, against: str) -> str:
    """How far each of two compilations is right, and what is found where it is not."""
    notes = [f"note: {printable(note)}" for note in found.notes]
    if not found.sides:
        return "\n".join([f"they agree, on {len(found.cases)} cases", *notes])
    lines: list[str] = []
    for name, side in zip(("as given", f"with {printable(against)}"), found.sides, strict=True):
        last = side.right or "nothing"
        lines += [f"{name}:"]
        lines += [f"  last right   {last}"] if side.failure else ["  last right   all of it"]
        lines += [f"  first wrong  {side.wrong}"] if side.wrong else []
        if side.failure is not None:
            lines += [f"  {name:<13}{text}" for name, text in _rows(side.failure)]
    return "\n".join([*lines, f"shown by {printable(found.case)}", *notes])


def _text(found: Bisection) -> str:
    """What was found, one thing a line."""
    notes = [f"note: {printable(note)}" for note in found.notes]
    failure = found.failure
    if failure is None:
        return "\n".join([f"nothing departs, on {len(found.cases)} cases", *notes])
    rows = [*_rows(failure), ("shown by", printable(found.case))]
    return "\n".join([f"{name:<12}{text}" for name, text in rows] + notes)


def _rows(failure: Failure) -> list[tuple[str, str]]:
    """What is known of a failure."""
    nodes = ", ".join(map(printable, failure.nodes[:3]))
    more = f" and {len(failure.nodes) - 3} more" if len(failure.nodes) > 3 else ""
    return [
        ("found", failure.kind),
        ("where", failure.where),
        ("operation", failure.operation or "cannot be told"),
        ("ONNX nodes", f"{nodes}{more}" if nodes else "cannot be told"),
        ("what", printable(failure.message.strip().partition("\n")[0])),
    ]
