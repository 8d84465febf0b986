"""`lpuc bench`: how fast a decoder is, beside ONNX Runtime."""

from __future__ import annotations

from pathlib import Path

import click

from lpuc.cli.options import (
    FILE,
    about,
    command,
    compile_options,
    json_option,
    refuse_compiling,
)
from lpuc.cli.output import show
from lpuc.compiler.options import CompileOptions


@command
@click.argument("file", type=FILE, metavar="MODEL.onnx|PROGRAM")
@click.option("--context", type=int, metavar="N",
              help="Tokens of the prompt.  [default: 1024, or what fits]")  # fmt: skip
@click.option("-n", "--tokens", type=int, default=16, show_default=True, metavar="N",
              help="Tokens that are timed behind each prompt.")  # fmt: skip
@click.option("--rounds", type=int, default=5, show_default=True, metavar="N",
              help="How often a prompt and its tokens are repeated.")  # fmt: skip
@click.option("--warm-up", type=int, default=1, show_default=True, metavar="N",
              help="Rounds before these that are not counted.")  # fmt: skip
@click.option("--threads", type=click.IntRange(min=1), default=1, show_default=True,
              help="Threads of each side.")  # fmt: skip
@click.option("--model", type=FILE, metavar="FILE",
              help="The model that ONNX Runtime runs.  [default: MODEL.onnx]")  # fmt: skip
@click.option("--against", type=click.Choice(("onnxruntime", "none")),
              help="Compare or fail, or do not.  [default: compare where it can be]")  # fmt: skip
@click.option("--unlike", is_flag=True, help="Compare although precisions differ.")
@click.option("--baseline", type=FILE, metavar="FILE.json",
              help="Compare with what --json printed before.")  # fmt: skip
@json_option
@compile_options
def bench(
    file: Path,
    context: int | None,
    tokens: int,
    rounds: int,
    warm_up: int,
    threads: int,
    model: Path | None,
    against: str | None,
    unlike: bool,
    baseline: Path | None,
    as_json: bool,
    options: CompileOptions,
) -> None:
    """
    Time a decoder: the first token behind a prompt, and those that follow.

    A model is compiled first, into a temporary file. lpuc and, where it is installed, ONNX Runtime
    each have a process of their own and take turns, token by token, with the same prompts, the same
    number of threads and the cache in place. Memory is the peak of a process, pages of mapped files
    counted. Unlike things are not compared, and that is said: other precisions, a program of
    another model or of one that changed, a baseline with other threads or another context.
    """
    from lpuc.bench.measuring import Wanted, measured
    from lpuc.bench.plan import Plan
    from lpuc.bench.report import lines
    from lpuc.bench.result import read_baseline
    from lpuc.files.programs import is_program
    from lpuc.reports.data import as_json as to_json

    about(file)
    if is_program(file):
        refuse_compiling()
    before = None if baseline is None else read_baseline(baseline)
    plan = Plan(0, tokens, rounds, warm_up, threads)
    result = measured(file, options, Wanted(plan, context, model, against, unlike, before))
    show(to_json(result.as_dict()) if as_json else "\n".join(lines(result)))
