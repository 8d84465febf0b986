"""`lpuc generate`: tokens, one after the other."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lpuc.cli.options import FILE, about, command, threads_option

if TYPE_CHECKING:
    from lpuc.text import Tokenizer


def _parse_tokens(
    _ctx: click.Context, _parameter: click.Parameter, value: str | None
) -> tuple[int, ...] | None:
    if value is None:
        return None
    words = [word.strip() for word in value.split(",")]
    if not all(word.isdecimal() and word.isascii() and len(word) < 19 for word in words):
        raise click.BadParameter("expected ids like 1,5,9")
    return tuple(int(word) for word in words)


@command
@click.argument("program", type=FILE)
@click.option("--prompt", metavar="TEXT", help="Text to continue; needs --tokenizer.")
@click.option("--tokenizer", type=FILE, metavar="tokenizer.json", help="How text becomes tokens.")
@click.option("--tokens", callback=_parse_tokens, metavar="IDS", help="Ids to continue: 1,5,9.")
@click.option("-n", "count", type=click.IntRange(min=0), default=32, show_default=True,
              help="How many new tokens.")  # fmt: skip
@click.option("--temperature", type=click.FloatRange(min=0), default=0.0, show_default=True,
              help="0 always takes the most likely token.")  # fmt: skip
@click.option("--top-k", type=click.IntRange(min=1), help="Choose among the K most likely.")
@click.option("--top-p", type=click.FloatRange(0, 1, min_open=True),
              help="Choose among the most likely that hold probability P.")  # fmt: skip
@click.option("--seed", type=click.IntRange(0, 2**64 - 1), default=0, show_default=True,
              help="Seed of the choice.")  # fmt: skip
@click.option("--stop-token", type=click.IntRange(min=0), multiple=True,
              help="Stop before this id (repeatable).")  # fmt: skip
@threads_option
def generate(
    program: Path,
    prompt: str | None,
    tokenizer: Path | None,
    tokens: tuple[int, ...] | None,
    count: int,
    temperature: float,
    top_k: int | None,
    top_p: float | None,
    seed: int,
    stop_token: tuple[int, ...],
) -> None:
    """
    Continue a prompt with PROGRAM.

    With --tokens the new ids are printed, separated by spaces; with --prompt the text streams.
    """
    from lpuc.sampling import Sampling

    if (prompt is None) == (tokens is None):
        raise click.UsageError("give either --prompt with --tokenizer, or --tokens")
    if (prompt is None) != (tokenizer is None):
        raise click.UsageError("--prompt and --tokenizer go together")
    about(program)
    sampling = Sampling(temperature, top_k, top_p, seed)
    if tokens is not None:
        _print_ids(_stream(program, tokens, count, sampling, stop_token))
    elif prompt is not None and tokenizer is not None:
        from lpuc.text import Tokenizer

        words = Tokenizer.load(tokenizer)
        ids = words.encode(prompt)
        _print_text(words, prompt, ids, _stream(program, ids, count, sampling, stop_token))


def _stream(
    path: Path, ids: tuple[int, ...], count: int, sampling: object, stop: tuple[int, ...]
) -> Iterator[int]:
    """New ids, up to a stop token."""
    from lpuc.generate import Decoder, check_room, generate
    from lpuc.sampling import Sampling
    from runtime.interpreter import Interpreter
    from runtime.program import Program

    assert isinstance(sampling, Sampling)
    loaded = Program.load(path)
    decoder = Decoder.of(loaded.interface)
    if not stop:
        check_room(decoder, len(ids), count)
    for token in generate(decoder, Interpreter(loaded), ids, count, sampling):
        if token in stop:
            return
        yield token


def _print_ids(ids: Iterable[int]) -> None:
    for index, token in enumerate(ids):
        sys.stdout.write(f" {token}" if index else str(token))
        sys.stdout.flush()
    sys.stdout.write("\n")


def _print_text(
    tokenizer: Tokenizer, prompt: str, ids: tuple[int, ...], new: Iterable[int]
) -> None:
    from lpuc.text import printable_text

    sys.stdout.write(printable_text(prompt))
    for piece in tokenizer.stream(ids, new):
        sys.stdout.write(printable_text(piece))
        sys.stdout.flush()
    sys.stdout.write("\n")
