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
from lpuc.compiler.reading.parts import SEPARATOR, parts_of
from lpuc.errors import USER, UserError, printable

if TYPE_CHECKING:
    from xdsl.dialects.builtin import ModuleOp
    from xdsl.passes import ModulePass

    from lpuc.compiler.located import Source


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
@click.option("--run-reproducer", is_flag=True, help="Do again what FILE says has failed.")
@click.option("--print-debuginfo", is_flag=True, help="Print locations, the ONNX nodes.")
@click.option("--split-input-file", is_flag=True, help=f"Treat parts between '{SEPARATOR}' alone.")
@click.option(
    "--verify-diagnostics",
    is_flag=True,
    help="Hold errors to the comments 'expected-error @+1 {{words}}' of FILE.",
)
@watch_options
def opt(
    file: Path,
    pipeline: str,
    run_reproducer: bool,
    output: Path | None,
    print_debuginfo: bool,
    split_input_file: bool,
    verify_diagnostics: bool,
    watch: Watch,
) -> int:
    """Run passes over the IR in FILE ('-' reads stdin) and print the result."""
    from lpuc.compiler.located import Source
    from lpuc.compiler.pipeline import check_pipeline, parse_passes

    text, name = text_of(file), "<stdin>" if file == STDIN else str(file)
    check_text_output(output)
    if run_reproducer:
        if pipeline or split_input_file or verify_diagnostics:
            raise click.UsageError("a reproducer says itself what to do with it")
        print_text(ir_text(_replayed(text, file, watch), locations=print_debuginfo), output)
        return 0
    passes = parse_passes(pipeline)
    check_pipeline(passes)
    parts = parts_of(text) if split_input_file else [(text, 1)]
    results, wrong = list[str](), False
    for part, first in parts:
        source = Source(part, name, first)
        try:
            error = None
            results.append(_passed(source, file, passes, Instrumentation(watch), print_debuginfo))
        except UserError as found:
            if not verify_diagnostics:
                raise
            error = found
        wrong |= verify_diagnostics and _is_unexpected(source, error)
    print_text(f"{SEPARATOR}\n".join(results), output)
    return USER if wrong else 0


def _passed(
    source: Source,
    file: Path,
    passes: Sequence[ModulePass],
    instrumentation: Instrumentation,
    has_locations: bool,
) -> str:
    """
    What passes make of IR, as text: with a table of nodes if it had one. `UserError` with the place
    of what is wrong.
    """
    from dialects.errors import CompileError
    from lpuc.compiler.dumping.course import Course
    from lpuc.compiler.dumping.reading import expand_locations, find_weights
    from lpuc.compiler.dumping.written import fed_back
    from lpuc.compiler.pipeline import run_pipeline

    module = source.read()
    is_keyed = expand_locations(module) and has_locations
    find_weights(module, None if file == STDIN else file, needed=False)
    try:
        with instrumentation.watching(module, course=Course.of(passes)):
            run_pipeline(module, passes, instrumentation)
    except CompileError as error:
        raise source.refusal(error) from error
    return fed_back(module) if is_keyed else ir_text(module, has_locations)


def _is_unexpected(source: Source, error: UserError | None) -> bool:
    """Whether what was met is not what the comments say; each difference is shown."""
    from lpuc.compiler.located import TextError
    from lpuc.compiler.reading.expectations import Diagnostic, expectations, left_over

    found = list[Diagnostic]()
    if isinstance(error, TextError):
        found.append(Diagnostic(error.problem, error.line, error.column))
    elif error is not None:
        found.append(Diagnostic(str(error)))
    differences = list(left_over(expectations(source.text, source.first), found))
    for line, column, words in differences:
        where = "".join(f":{number}" for number in (line, column) if number is not None)
        click.echo(printable(f"error: {source.name}{where}: {words}"), err=True)
    return bool(differences)


def _replayed(text: str, file: Path, watch: Watch) -> ModuleOp:
    """What is left of a reproducer that does not fail any more."""
    from lpuc.compiler.located import parse_module
    from lpuc.compiler.watching.replay import replay
    from lpuc.compiler.watching.reproducer import recipe_of

    recipe = recipe_of(text)
    module = parse_module(text, str(file), is_judged=False)
    replay(module, recipe, file, watch)
    return module
