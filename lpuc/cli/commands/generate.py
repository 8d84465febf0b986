"""`lpuc generate`: tokens, one after the other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from lpuc.cli.input import stdin_text
from lpuc.cli.options import (
    FILE,
    about,
    chain,
    check_option,
    command,
    compile_options,
    fuel_option,
    reference_option,
    refuse_compiling,
    threads_option,
)
from lpuc.cli.output import write
from lpuc.compiler.options import CompileOptions
from lpuc.errors import printable_lines
from runtime.files import read_text

if TYPE_CHECKING:
    from lpuc.generation import Generation
    from lpuc.program import Origin
    from runtime.weights.image import Check

MOST_PROMPT = 1 << 26
"""Bytes of a prompt."""

F = TypeVar("F", bound=Callable[..., Any])


def _parse_tokens(
    _ctx: click.Context, _parameter: click.Parameter, value: str | None
) -> tuple[int, ...] | None:
    if value is None:
        return None
    words = [word.strip() for word in value.split(",")]
    if not all(word.isdecimal() and word.isascii() and len(word) < 19 for word in words):
        raise click.BadParameter("expected ids like 1,5,9")
    return tuple(int(word) for word in words)


def sampling_options(function: F) -> F:
    """How tokens are chosen; the command receives the options one by one."""
    decorators = (
        click.option("--temperature", type=float, default=0.0, show_default=True,
                     help="0 always takes the most likely token."),
        click.option("--top-k", type=int, metavar="K", help="Choose among the K most likely."),
        click.option("--top-p", type=float, metavar="P",
                     help="Choose among the most likely that hold probability P."),
        click.option("--repetition-penalty", type=float, default=1.0, show_default=True,
                     help="Above 1, tokens that the text has already become less likely."),
        click.option("--seed", type=int, default=0, show_default=True, metavar="INT",
                     help="Seed of the choice."),
    )  # fmt: skip
    return chain(decorators, function)


@command
@click.argument("program", type=FILE, metavar="PROGRAM|MODEL.onnx")
@click.option("--prompt", metavar="TEXT", help="Text to continue; '-' reads stdin.")
@click.option("--prompt-file", type=FILE, help="Text to continue, without its last line break.")
@click.option("--tokenizer", type=FILE, metavar="FILE|FOLDER",
              help="How text becomes tokens: tokenizer.json, or a model's folder.")  # fmt: skip
@click.option("--tokens", callback=_parse_tokens, metavar="IDS", help="Ids to continue: 1,5,9.")
@click.option("-n", "--max-new-tokens", type=int, default=32, show_default=True, metavar="N",
              help="How many new tokens, at most.")  # fmt: skip
@click.option("--stop-token", "--stop-tokens", "stop_tokens", type=int, multiple=True, metavar="ID",
              help="Stop before this id, too (repeatable).")  # fmt: skip
@click.option("--ignore-end", is_flag=True, help="Go on behind the end token of the model.")
@click.option("--inputs", type=FILE, metavar="IN.npz",
              help="Tensors that are none of the text: what an encoder has read.")  # fmt: skip
@sampling_options
@compile_options
@check_option
@reference_option
@fuel_option
@threads_option
def generate(
    program: Path,
    prompt: str | None,
    prompt_file: Path | None,
    tokens: tuple[int, ...] | None,
    options: CompileOptions,
    check: Check,
    reference: bool,
    fuel: int | None,
    tokenizer: Path | None,
    **choices: Any,
) -> None:
    """
    Continue a prompt with PROGRAM; a model is compiled first.

    With --tokens the new ids are printed, separated by spaces; with a prompt the text streams. The
    text ends before the model's end token where the folder of the tokenizer or of the model names
    it. How fast tokens came is said on stderr.
    """
    if [prompt, prompt_file, tokens].count(None) != 2:
        raise click.UsageError("give one of --prompt, --prompt-file and --tokens")
    if tokens is None and tokenizer is None:
        raise click.UsageError("a prompt needs --tokenizer")
    about(program)
    from lpuc.program import Program

    text = None if tokens is not None else _text(prompt, prompt_file)
    callee = Program(_origin(program, options, check), reference, fuel)
    if tokens is not None:
        _print_ids(callee.generate(tokens, tokenizer=tokenizer, **choices))
    elif text is not None and tokenizer is not None:
        _print_text(text, callee.generate(text, tokenizer=tokenizer, **choices))


def _text(prompt: str | None, file: Path | None) -> str:
    """The prompt, wherever it is; of a file without the line break at its end."""
    if file is not None:
        return read_text(file, MOST_PROMPT).removesuffix("\n")
    if prompt == "-":
        return stdin_text(MOST_PROMPT).removesuffix("\n")
    return prompt or ""


def _origin(path: Path, options: CompileOptions, check: Check) -> Origin:
    """The program in a file, or what a model is compiled to."""
    from lpuc.files.programs import is_program, read_program

    about(path)
    if not is_program(path):
        from lpuc.compiler.driver import compile_model

        return compile_model(path, options)
    refuse_compiling()
    return read_program(path, check)


def _print_ids(tokens: Generation[int]) -> None:
    for index, token in enumerate(tokens):
        write(f"{' ' if index else ''}{token}")
    write("\n")
    _print_speed(tokens)


def _print_text(prompt: str, pieces: Generation[str]) -> None:
    write(printable_lines(prompt))
    for piece in pieces:
        write(printable_lines(piece))
    write("\n")
    _print_speed(pieces)


def _print_speed(made: Generation[Any]) -> None:
    if made.seconds_to_first is None:
        return
    rate = made.tokens_per_second
    words = f"{len(made.tokens)} tokens, the first after {made.seconds_to_first:.3g} s"
    click.echo(words if rate is None else f"{words}, then {rate:.3g} tokens/s", err=True)
