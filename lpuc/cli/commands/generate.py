"""`lpuc generate`: tokens, one after the other."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from functools import partial
from itertools import chain, repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from lpuc.cli.options import (
    FILE,
    about,
    check_option,
    command,
    fuel_option,
    reference_option,
    threads_option,
)

if TYPE_CHECKING:
    from lpuc.text import Tokenizer
    from runtime.generation.device import Request
    from runtime.generation.sampling import Sampling
    from runtime.weights.image import Check

F = TypeVar("F", bound=Callable[..., Any])
Execute = Callable[["Request", Callable[[int], None]], None]


def _parse_tokens(
    _ctx: click.Context, _parameter: click.Parameter, value: str | None
) -> tuple[int, ...] | None:
    if value is None:
        return None
    words = [word.strip() for word in value.split(",")]
    if not all(word.isdecimal() and word.isascii() and len(word) < 19 for word in words):
        raise click.BadParameter("expected ids like 1,5,9")
    return tuple(int(word) for word in words)


def _not_nan(_ctx: click.Context, _parameter: click.Parameter, value: float | None) -> float | None:
    """`nan` passes every range check of click."""
    if value is not None and math.isnan(value):
        raise click.BadParameter("expected a number")
    return value


def sampling_options(function: F) -> F:
    """How tokens are chosen; the command receives the options one by one."""
    decorators = (
        click.option("--temperature", type=click.FloatRange(0, 1000), callback=_not_nan,
                     default=0.0, show_default=True,
                     help="0 always takes the most likely token."),
        click.option("--top-k", type=click.IntRange(min=1), metavar="K",
                     help="Choose among the K most likely."),
        click.option("--top-p", type=click.FloatRange(0, 1, min_open=True), callback=_not_nan,
                     metavar="P", help="Choose among the most likely that hold probability P."),
        click.option("--repetition-penalty", type=click.FloatRange(0.01, 100), callback=_not_nan,
                     default=1.0, show_default=True,
                     help="Above 1, tokens that the text has already become less likely."),
        click.option("--seed", type=click.IntRange(0, 2**64 - 1), default=0, show_default=True,
                     metavar="INT", help="Seed of the choice."),
    )  # fmt: skip
    for decorate in reversed(decorators):
        function = decorate(function)
    return function


@command
@click.argument("program", type=FILE)
@click.option("--prompt", metavar="TEXT", help="Text to continue; needs --tokenizer.")
@click.option("--tokenizer", type=FILE, metavar="tokenizer.json", help="How text becomes tokens.")
@click.option("--tokens", callback=_parse_tokens, metavar="IDS", help="Ids to continue: 1,5,9.")
@click.option("-n", "count", type=click.IntRange(min=0), default=32, show_default=True,
              metavar="N", help="How many new tokens.")  # fmt: skip
@click.option("--stop-token", type=click.IntRange(min=0), multiple=True, metavar="ID",
              help="Stop before this id (repeatable, up to 4).")  # fmt: skip
@sampling_options
@check_option
@reference_option
@fuel_option
@threads_option
def generate(
    program: Path,
    prompt: str | None,
    tokenizer: Path | None,
    tokens: tuple[int, ...] | None,
    count: int,
    stop_token: tuple[int, ...],
    check: Check,
    reference: bool,
    fuel: int | None,
    **choices: Any,
) -> None:
    """
    Continue a prompt with PROGRAM.

    With --tokens the new ids are printed, separated by spaces; with --prompt the text streams.

    The loop over tokens and the choice of each run on the device if PROGRAM has the entry
    `generate` (`lpuc inspect` shows it), else on the host; the tokens are the same.
    """
    from runtime.generation.sampling import Sampling

    if (prompt is None) == (tokens is None):
        raise click.UsageError("give either --prompt with --tokenizer, or --tokens")
    if (prompt is None) != (tokenizer is None):
        raise click.UsageError("--prompt and --tokenizer go together")
    about(program)
    execute = _load(program, check, reference, fuel)
    sampling, stops = Sampling(**choices), frozenset(stop_token)
    if tokens is not None:
        _print_ids(execute, _request(tokens, count, sampling, stops))
    elif prompt is not None and tokenizer is not None:
        from lpuc.text import Tokenizer

        words = Tokenizer.load(tokenizer)
        request = _request(words.encode(prompt), count, sampling, stops)
        _print_text(execute, request, prompt, words)


def _load(path: Path, check: Check, reference: bool, fuel: int | None) -> Execute:
    """What generates with a program; the program is read before anything is printed."""
    from runtime.generation.device import generate as generate_tokens
    from runtime.program.program import Program
    from runtime.run.interpreter import Interpreter

    program = Program.load(path, check)
    machine = Interpreter(program, fuel, reference=reference)
    return partial(generate_tokens, program, machine)


def _request(
    prompt: tuple[int, ...], count: int, sampling: Sampling, stops: frozenset[int]
) -> Request:
    from runtime.generation.device import Request

    return Request(prompt, count, sampling, stops)


def _print_ids(execute: Execute, request: Request) -> None:
    separators = chain([""], repeat(" "))
    execute(request, lambda token: _write(f"{next(separators)}{token}"))
    _write("\n")


def _print_text(execute: Execute, request: Request, prompt: str, tokenizer: Tokenizer) -> None:
    from lpuc.text import TextStream, printable_text

    stream = TextStream(tokenizer, request.prompt)
    _write(printable_text(prompt))
    execute(request, lambda token: _write(printable_text(stream.push(token))))
    _write(f"{printable_text(stream.rest())}\n")


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
