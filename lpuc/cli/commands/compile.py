"""`lpuc compile`: a model to a program, or to the IR of one level."""

from __future__ import annotations

from os import PathLike
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
    model_dir_option,
    weights_options,
)
from lpuc.cli.output import check_text_output, print_text, show
from lpuc.cli.watching import watch_options
from lpuc.compiler.instrument import Instrumentation, Watch
from lpuc.compiler.options import CompileOptions
from lpuc.compiler.pipeline import LEVELS
from lpuc.errors import printable
from lpuc.files.disk import check_output

if TYPE_CHECKING:
    from lpuc.compiler.driver import CompiledProgram
    from lpuc.compiler.origins import Source

PROGRAM = "program"


@command
@click.argument("model", type=FILE, required=False)
@click.option("-o", "--output", type=FILE, metavar="OUT.lpu",
              help="The program to write.  [default: MODEL.lpu in this folder]")  # fmt: skip
@click.option("--emit", type=click.Choice((*LEVELS, PROGRAM)), default=PROGRAM, show_default=True,
              help="Stop at a level and print its IR (to stdout or -o).")  # fmt: skip
@click.option("--from", "dump", type=FILE, metavar="FILE.mlir",
              help="Go on from IR that --dump-ir or --emit wrote, instead of a model.")  # fmt: skip
@model_dir_option
@click.option("--plan-out", type=FILE, metavar="FILE",
              help="Where to write what each of several machines computes.")  # fmt: skip
@compile_options
@weights_options
@watch_options
def compile(
    model: Path | None,
    output: Path | None,
    emit: str,
    dump: Path | None,
    model_dir: Path | None,
    plan_out: Path | None,
    options: CompileOptions,
    watch: Watch,
) -> None:
    """Compile MODEL.onnx, or what --from names, and print a summary."""
    from lpuc.reports.lines import rows, size

    path = _input(model, dump, model_dir)
    about(path)
    source = _source(path, dump is not None, model_dir, options)
    _check_plan_output(plan_out, path, source, options)
    instrumentation = Instrumentation(watch)
    if emit != PROGRAM:
        check_text_output(output, inputs=(path,))
        print_text(source.emitted(emit, instrumentation, plan_out), output)
        return
    target = output or Path(f"{path.stem}.lpu")
    check_output(target, inputs=(path,))
    compiled = source.compiled(instrumentation, plan_out)
    facts = _facts(path, compiled, options)
    compiled.save(target)
    written = f"{printable(str(target))}, {size(target.stat().st_size)}"
    show(rows([*facts, ("program", written)]))


def _input(model: Path | None, dump: Path | None, model_dir: Path | None) -> Path:
    """The file that is compiled."""
    path = model or dump
    if path is None or (model is not None and dump is not None):
        raise click.UsageError("name a model, or with --from the IR to go on from")
    if dump is None and model_dir is not None:
        raise click.UsageError("--model-dir is for --from; a model is where it is")
    for name in given_options(COMPILING) if dump is not None else ():
        if name != "pipeline":
            flag = f"--{name.replace('_', '-')}"
            raise click.UsageError(f"{flag} is in the IR already; to change it, compile the model")
    return path


def _source(path: Path, is_dump: bool, model_dir: Path | None, options: CompileOptions) -> Source:
    """What is compiled."""
    from lpuc.compiler.origins import OfDump, OfModel

    if not is_dump:
        return OfModel(path, options)
    weights = options.weights if given_options(("weights", "no_weights")) else None
    file = None if path == STDIN else path
    return OfDump(text_of(path), file, model_dir, options.pipeline, weights)


def _facts(path: Path, compiled: CompiledProgram, options: CompileOptions) -> list[tuple[str, str]]:
    """What the summary says of a program."""
    from lpuc.reports.program import program_rows
    from lpuc.reports.ring import alone_rows

    program = compiled.program
    facts = [("model", printable(str(path))), *program_rows(program), *alone_rows(program)]
    facts += [(name, printable(reason)) for name, reason in compiled.remarks]
    if str(options.target).endswith(".toml"):
        facts.append(("target from", printable(str(options.target))))
    return facts


def _check_plan_output(
    plan_out: Path | None, path: Path, source: Source, options: CompileOptions
) -> None:
    if plan_out is None:
        return
    if source.devices == 1:
        raise click.UsageError("--plan-out is for several machines; --devices says how many")
    given = [Path(options.plan)] if isinstance(options.plan, str | PathLike) else []
    check_output(plan_out, (path, *given))
