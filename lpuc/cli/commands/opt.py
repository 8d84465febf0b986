"""`lpuc opt`: passes over IR text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lpuc.cli.input import STDIN, text_of
from lpuc.cli.options import FILE, command
from lpuc.cli.output import check_text_output, print_text
from lpuc.cli.watching import watch_options
from lpuc.compiler.instrument import Instrumentation, Watch, ir_text
from lpuc.errors import MISMATCH, printable

if TYPE_CHECKING:
    from xdsl.dialects.builtin import ModuleOp
    from xdsl.passes import ModulePass

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
@click.option(
    "--check-numerics",
    is_flag=True,
    help="Run the IR before and behind each pass; exit code 3 where a pass changes its numbers.",
)
@watch_options
def opt(
    file: Path,
    pipeline: str,
    run_reproducer: bool,
    output: Path | None,
    print_debuginfo: bool,
    split_input_file: bool,
    check_numerics: bool,
    watch: Watch,
) -> int:
    """Run passes over the IR in FILE ('-' reads stdin) and print the result."""
    from lpuc.compiler.pipeline import check_pipeline, parse_passes

    text = text_of(file)
    check_text_output(output)
    if run_reproducer:
        if pipeline or split_input_file:
            raise click.UsageError(
                "a reproducer names its passes; -p and parts are for other files"
            )
        print_text(ir_text(_replayed(text, file, watch), locations=print_debuginfo), output)
        return 0
    passes = parse_passes(pipeline)
    check_pipeline(passes)
    results: list[str] = []
    lines = 0
    for part in text.split(SEPARATOR) if split_input_file else [text]:
        given = "\n" * lines + part
        changed = _changed(given, file, passes) if check_numerics else None
        if changed is not None:
            click.echo(f"error: {printable(changed)}", err=True)
            return MISMATCH
        results.append(_passed(given, file, passes, Instrumentation(watch), print_debuginfo))
        lines += part.count("\n")
    print_text(f"{SEPARATOR}\n".join(results), output)
    return 0


def _changed(text: str, file: Path, passes: Sequence[ModulePass]) -> str | None:
    """What passes do to the numbers of IR that they must not do."""
    from lpuc.compiler.dumping.reading import find_weights
    from lpuc.compiler.located import parse_module
    from lpuc.diagnosis.reduction.oracle import IrOracle

    module = parse_module(text, str(file))
    find_weights(module, None if file == STDIN else file)
    failure = IrOracle(passes)(module)
    return str(failure) if failure is not None and failure.kind == "numbers" else None


def _passed(
    text: str,
    file: Path,
    passes: Sequence[ModulePass],
    instrumentation: Instrumentation,
    has_locations: bool,
) -> str:
    """What passes make of IR, as text: with a table of nodes if it had one."""
    from lpuc.compiler.dumping.course import Course
    from lpuc.compiler.dumping.reading import expand_locations, find_weights
    from lpuc.compiler.dumping.written import fed_back
    from lpuc.compiler.located import parse_as_written
    from lpuc.compiler.pipeline import run_pipeline

    module = parse_as_written(text, str(file))
    is_keyed = expand_locations(module) and has_locations
    find_weights(module, None if file == STDIN else file, needed=False)
    with instrumentation.watching(module, course=Course.of(passes)):
        run_pipeline(module, passes, instrumentation)
    return fed_back(module) if is_keyed else ir_text(module, has_locations)


def _replayed(text: str, file: Path, watch: Watch) -> ModuleOp:
    """What is left of a reproducer that does not fail any more."""
    from lpuc.compiler.located import parse_module
    from lpuc.compiler.watching.replay import replay
    from lpuc.compiler.watching.reproducer import recipe_of

    recipe = recipe_of(text)
    module = parse_module(text, str(file), is_judged=False)
    replay(module, recipe, file, watch)
    return module
