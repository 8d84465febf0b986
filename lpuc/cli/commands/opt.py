"""`lpuc opt`: passes over IR text."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lpuc.cli.input import text_of
from lpuc.cli.options import FILE, command
from lpuc.cli.output import check_text_output, print_text
from lpuc.cli.watching import watch_options
from lpuc.compiler.instrument import Instrumentation, Watch, ir_text
from lpuc.errors import UserError

if TYPE_CHECKING:
    from xdsl.dialects.builtin import ModuleOp

SEPARATOR = "// -----"


@command
@click.argument("file", type=FILE)
@click.option(
    "-p",
    "--pipeline",
    "--pass-pipeline",
    default="",
    metavar="PASSES",
    help="Passes: 'p1,p2{opt=1},...', or 'builtin.module(p1,p2{opt=1},...)'.",
)
@click.option("-o", "--output", type=FILE, help="Where to write; stdout if absent.")
@click.option(
    "--run-reproducer",
    is_flag=True,
    help="Do again what FILE says has failed.",
)
@click.option("--print-debuginfo", is_flag=True, help="Print locations, the ONNX nodes.")
@click.option("--split-input-file", is_flag=True, help=f"Treat parts between '{SEPARATOR}' alone.")
@watch_options
def opt(
    file: Path,
    pipeline: str,
    run_reproducer: bool,
    output: Path | None,
    print_debuginfo: bool,
    split_input_file: bool,
    watch: Watch,
) -> None:
    """Run passes over the IR in FILE ('-' reads stdin) and print the result."""
    from lpuc.compiler.pipeline import check_pipeline, parse_passes, run_pipeline

    text = text_of(file)
    check_text_output(output)
    if run_reproducer:
        if pipeline or split_input_file:
            raise click.UsageError(
                "a reproducer names its passes; -p and parts are for other files"
            )
        print_text(ir_text(_replayed(text, file, watch), locations=print_debuginfo), output)
        return
    passes = parse_passes(pipeline)
    check_pipeline(passes)
    results: list[str] = []
    lines = 0
    for part in text.split(SEPARATOR) if split_input_file else [text]:
        module = parse_module("\n" * lines + part, str(file))
        lines += part.count("\n")
        instrumentation = Instrumentation(watch)
        with instrumentation.watching(module):
            run_pipeline(module, passes, instrumentation)
        results.append(ir_text(module, locations=print_debuginfo))
    print_text(f"{SEPARATOR}\n".join(results), output)


def _replayed(text: str, file: Path, watch: Watch) -> ModuleOp:
    """What is left of a reproducer that does not fail any more."""
    from lpuc.compiler.watching.replay import replay
    from lpuc.compiler.watching.reproducer import recipe_of

    recipe = recipe_of(text)
    module = parse_module(text, str(file), is_judged=False)
    replay(module, recipe, file, watch)
    return module


def parse_module(text: str, name: str, is_judged: bool = True) -> ModuleOp:
    """Read a module, verified as a rule; a fault of the text is the user's."""
    from xdsl.utils.exceptions import ParseError, VerifyException

    from lpuc.compiler.located import read_module

    try:
        return read_module(text, name, is_judged)
    except (ParseError, VerifyException, ValueError, MemoryError, OverflowError) as error:
        raise UserError(str(error).strip()) from error
    except RecursionError:
        raise UserError("regions are nested too deeply") from None
