"""`lpuc compile`: a model to a program, or to the IR of one level."""

from __future__ import annotations

from functools import partial
from os import PathLike
from pathlib import Path

import click

from lpuc.cli.options import (
    FILE,
    about,
    command,
    compile_options,
    weights_options,
)
from lpuc.cli.output import check_text_output, print_text, show
from lpuc.cli.watching import watch_options
from lpuc.compiler.instrument import Instrumentation, Watch, ir_text
from lpuc.compiler.options import CompileOptions
from lpuc.compiler.pipeline import LEVELS
from lpuc.errors import printable
from lpuc.files.disk import check_output

PROGRAM = "program"


@command
@click.argument("model", type=FILE)
@click.option("-o", "--output", type=FILE, metavar="OUT.lpu",
              help="The program to write.  [default: MODEL.lpu in this folder]")  # fmt: skip
@click.option("--emit", type=click.Choice((*LEVELS, PROGRAM)), default=PROGRAM, show_default=True,
              help="Stop at a level and print its IR (to stdout or -o).")  # fmt: skip
@click.option("--plan-out", type=FILE, metavar="FILE",
              help="Where to write what each of several machines computes.")  # fmt: skip
@compile_options
@weights_options
@watch_options
def compile(
    model: Path,
    output: Path | None,
    emit: str,
    plan_out: Path | None,
    options: CompileOptions,
    watch: Watch,
) -> None:
    """Compile MODEL.onnx and print a summary."""
    from lpuc.compiler.driver import compile_model
    from lpuc.reports.lines import rows, size
    from lpuc.reports.program import program_rows
    from lpuc.reports.ring import alone_rows

    about(model)
    instrumentation = Instrumentation(watch)
    _check_plan_output(plan_out, model, options)
    if emit != PROGRAM:
        _emit(model, output, emit, plan_out, options, instrumentation)
        return
    target = output or Path(f"{model.stem}.lpu")
    check_output(target, inputs=(model,))
    compiled = compile_model(model, options, instrumentation, plan_out)
    remarks = [(name, printable(reason)) for name, reason in compiled.remarks]
    program = compiled.program
    facts = [("model", printable(str(model))), *program_rows(program), *alone_rows(program)]
    facts += remarks
    if str(options.target).endswith(".toml"):
        facts.append(("target from", printable(str(options.target))))
    compiled.save(target)
    written = f"{printable(str(target))}, {size(target.stat().st_size)}"
    show(rows([*facts, ("program", written)]))


def _check_plan_output(plan_out: Path | None, model: Path, options: CompileOptions) -> None:
    if plan_out is None:
        return
    if options.devices == 1:
        raise click.UsageError("--plan-out is for several machines; --devices says how many")
    given = [Path(options.plan)] if isinstance(options.plan, str | PathLike) else []
    check_output(plan_out, (model, *given))


def _emit(
    model: Path,
    output: Path | None,
    level: str,
    plan_out: Path | None,
    options: CompileOptions,
    instrumentation: Instrumentation,
) -> None:
    """The IR of a level instead of a program."""
    from lpuc.compiler.driver import load_module, lower
    from lpuc.compiler.plans import keeping
    from lpuc.compiler.sources import source_ranges

    check_text_output(output, inputs=(model,))
    load = partial(load_module, model, options)
    module = load()
    with keeping(module, plan_out, (model, *source_ranges(module))):
        lower(module, options, level, instrumentation, load)
    print_text(ir_text(module), output)
