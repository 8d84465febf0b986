"""`lpuc compile`: a model to a program, or to the IR of one level."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from lpuc.cli.options import (
    FILE,
    about,
    command,
    compile_options,
    watch_options,
    weights_options,
)
from lpuc.cli.output import check_text_output, print_text, show
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
@compile_options
@weights_options
@watch_options
def compile(
    model: Path, output: Path | None, emit: str, options: CompileOptions, watch: Watch
) -> None:
    """Compile MODEL.onnx and print a summary."""
    from lpuc.compiler.driver import compile_model
    from lpuc.reports.program import program_rows, rows, size

    about(model)
    instrumentation = Instrumentation(watch)
    if emit != PROGRAM:
        _emit(model, output, emit, options, instrumentation)
        return
    target = output or Path(f"{model.stem}.lpu")
    check_output(target, inputs=(model,))
    compiled = compile_model(model, options, instrumentation)
    remarks = [(name, printable(reason)) for name, reason in compiled.remarks]
    facts = [("model", printable(str(model))), *program_rows(compiled.program), *remarks]
    if str(options.target).endswith(".toml"):
        facts.append(("target from", printable(str(options.target))))
    compiled.save(target)
    written = f"{printable(str(target))}, {size(target.stat().st_size)}"
    show(rows([*facts, ("program", written)]))


def _emit(
    model: Path,
    output: Path | None,
    level: str,
    options: CompileOptions,
    instrumentation: Instrumentation,
) -> None:
    """The IR of a level instead of a program."""
    from lpuc.compiler.driver import load_module, lower

    check_text_output(output, inputs=(model,))
    load = partial(load_module, model, options)
    module = load()
    lower(module, options, level, instrumentation, load)
    print_text(ir_text(module), output)
