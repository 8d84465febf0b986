"""`lpuc reduce`: the smallest model or IR that still fails in the same way."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

import click
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from lpuc.cli.input import text_of
from lpuc.cli.options import FILE, about, command, compile_options
from lpuc.cli.output import show
from lpuc.compiler.dumping.reading import find_weights, standing_of
from lpuc.compiler.located import parse_module
from lpuc.compiler.options import CompileOptions
from lpuc.compiler.pipeline import check_pipeline, parse_passes
from lpuc.compiler.progress import say
from lpuc.compiler.watching.printing import ir_text
from lpuc.diagnosis.reduction.command import Command
from lpuc.diagnosis.reduction.model.case import Case
from lpuc.diagnosis.reduction.search import MOST_TRIES
from lpuc.diagnosis.reduction.subjects import (
    SECONDS,
    Limits,
    Subject,
    of_ir,
    of_ir_tested,
    of_lowered,
    of_model,
)
from lpuc.diagnosis.reduction.written import MODEL as CASE
from lpuc.diagnosis.reduction.written import check_folder, lit_test, replay, title, write_case
from lpuc.errors import Terminated, UsageError, printable, printable_lines
from lpuc.files.disk import check_output, write_text
from lpuc.files.kinds import MODEL, TEXT, kind_of, require
from lpuc.files.npz import read_npz
from passes.rewriting.kernel import set_attribute
from passes.rewriting.standing import DUMP

T = TypeVar("T")

IR, FOLDER, LIT = ".mlir", Path("lpuc-reduced"), Path("lpuc-reduced.mlir")
NODES, OPERATIONS = "nodes", "operations"
MOST_INPUT_BYTES = 1 << 32
_RUN = re.compile(r"^// RUN: .* -p (?:'([^']*)'|\"([^\"]*)\"|([^\s'\"]+))", re.MULTILINE)


@command
@click.argument("file", type=FILE)
@click.option("-o", "--output", type=FILE, metavar="OUT",
              help=f"Where to write: a lit test (*.mlir), or the folder of a case."
              f"  [default: {LIT} for IR, {FOLDER}/ for a model]")  # fmt: skip
@click.option("--test", metavar="CMD",
              help="Keep what CMD finds interesting (exit code 0) instead of what fails in lpuc."
              " It is given the path of a candidate, in a folder of its own.")  # fmt: skip
@click.option("--inputs", type=FILE, metavar="IN.npz",
              help="Inputs that show the failure of a model.  [default: drawn]")  # fmt: skip
@click.option("--max-tries", type=click.IntRange(min=1), default=MOST_TRIES, show_default=True,
              metavar="N", help="Candidates to try in all.")  # fmt: skip
@click.option("--timeout", type=click.FloatRange(min=0, min_open=True), default=SECONDS,
              show_default=True, metavar="SECONDS",
              help="For each candidate; what takes longer hangs.")  # fmt: skip
@compile_options
def reduce(
    file: Path,
    output: Path | None,
    test: str | None,
    inputs: Path | None,
    max_tries: int,
    timeout: float,
    options: CompileOptions,
) -> None:
    """
    Make FILE, a model or IR (.mlir), smaller for as long as it fails in the same way.

    What fails is a pass, the encoder or the interpreter: a crash, a rule that is broken, a refusal,
    passes that do not end, wrong numbers. IR is run through the passes of --pipeline, or else of
    its own RUN line. The same is what has the same kind, place and operation. Of what is left, no
    node or operation can be taken away. Ctrl-C writes the smallest so far.

    IR becomes a lit test, a model a folder with model.onnx, inputs.npz, outputs.npz of ONNX Runtime
    and README.md; a model becomes a lit test, too, if OUT ends in .mlir.
    """
    asked = None if test is None else Command.of(test, timeout)
    is_ir = file.suffix == IR or kind_of(file) is TEXT
    limits = Limits(max_tries, timeout, partial(_progress, OPERATIONS if is_ir else NODES))
    if is_ir:
        if inputs is not None:
            raise click.UsageError("--inputs are those of a model; inputs of IR are drawn")
        _reduce_ir(file, output or LIT, options, limits, asked)
    else:
        _reduce_model(file, output or FOLDER, options, limits, asked, inputs)


def _progress(unit: str, size: int, tries: int) -> None:
    say(f"{size} {unit}, {tries} tries")


def _finish(subject: Subject[T], unit: str, write: Callable[[T], object]) -> None:
    """Reduce, and write what is left, whatever ends it."""
    try:
        subject.run()
    except (KeyboardInterrupt, Terminated):
        say("")
        write(subject.search.best)
        raise
    say("")
    write(subject.search.best)
    if subject.failure is not None:
        show(title(subject.failure))
    size, tries = subject.size(subject.search.best), subject.search.tries
    show(f"{subject.before} {unit} became {size} in {tries} tries")
    if subject.is_spent:
        show("there may be less: --max-tries are used up")


def _reduce_ir(
    file: Path, output: Path, options: CompileOptions, limits: Limits, asked: Command | None
) -> None:
    text = text_of(file)
    check_output(output)
    module = parse_module(text, str(file))
    find_weights(module, file, needed=False)
    if asked is not None:
        tested = of_ir_tested(module, file.name, limits, asked)
        _finish(tested, OPERATIONS, lambda best: write_text(output, ir_text(best)))
    else:
        subject, passes = of_ir(module, _passes(text, module, options.pipeline), limits)
        _finish_lit(output, subject, passes)
    show(f"written to {output}")


def _finish_lit(output: Path, subject: Subject[ModuleOp], passes: Sequence[ModulePass]) -> None:
    failure = subject.failure
    assert failure is not None
    _finish(subject, OPERATIONS, lambda best: write_text(output, lit_test(best, passes, failure)))


def _passes(text: str, module: ModuleOp, pipeline: str | None) -> Sequence[ModulePass]:
    """The passes that are asked for, that the text names, or that are to come behind a dump."""
    named, standing = _RUN.search(text), standing_of(module)
    set_attribute(module, DUMP, None)
    if pipeline is None and named is not None:
        pipeline = next(filter(None, named.groups()), "")
    if pipeline is None and standing is not None:
        pipeline = ",".join(standing.rest)
    if pipeline is None:
        raise UsageError("FILE does not say which passes to run; name them with --pipeline")
    passes = parse_passes(pipeline)
    check_pipeline(passes)
    return passes


def _reduce_model(
    file: Path,
    output: Path,
    options: CompileOptions,
    limits: Limits,
    asked: Command | None,
    inputs: Path | None,
) -> None:
    about(file)
    require(file, MODEL)
    given = None if inputs is None else read_npz(inputs, MOST_INPUT_BYTES)
    is_lit = output.suffix == IR
    if is_lit and asked is not None:
        raise click.UsageError("what CMD finds interesting is a model; let OUT be a folder")
    if is_lit:
        check_output(output)
    else:
        check_folder(output)
    subject = of_model(file, options, limits, asked, given)
    if is_lit:
        _finish(subject, NODES, lambda _best: None)
        with of_lowered(subject, options, limits) as (lower, passes):
            _finish_lit(output, lower, passes)
    else:
        test = None if asked is None else f"{asked} {CASE}"
        _finish(
            subject, NODES, lambda best: _write_case(output, file, best, subject, options, test)
        )
    show(f"written to {output}")


def _write_case(
    output: Path,
    file: Path,
    best: Case,
    subject: Subject[Case],
    options: CompileOptions,
    test: str | None,
) -> None:
    """The folder of a case; `test` is the command that finds it interesting, if one does."""
    failure = subject.failure
    text = f"# {title(failure)}\n\n{best.nodes} nodes of the {subject.before} of {file.name}."
    line = test or ""
    if failure is not None:
        line = replay(best, options, subject.command)
    write_case(output, best, printable_lines(text), printable(line))
