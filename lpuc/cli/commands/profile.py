"""`lpuc profile`: how long a token takes on the modelled machine, and why."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lpuc.cli.options import (
    COMPILING,
    FILE,
    about,
    by_name,
    command,
    compile_options,
    extent,
    given_options,
    json_option,
)
from lpuc.cli.output import show
from lpuc.compiler.options import CompileOptions

if TYPE_CHECKING:
    from lpuc.profiling.floor import Floor
    from runtime.program.program import Program


@command
@click.argument("file", type=FILE)
@click.option("--context", type=int, metavar="N",
              help="Tokens in the cache.  [default: as many as fit, at most 131072]")  # fmt: skip
@click.option(
    "--symbol",
    multiple=True,
    callback=by_name(extent),
    metavar="NAME=INT",
    help="Another symbol of the run, as E, how long what an encoder has read is "
    "(repeatable).  [default: of 'step' as much as fits]",
)
@click.option("--entry", default="step", show_default=True, help="What is run.")
@click.option("--model", type=FILE, metavar="MODEL.onnx",
              help="The model of a program, from which the floor is computed.")  # fmt: skip
@click.option("--rows", type=click.IntRange(min=1), metavar="N", default=12, show_default=True,
              help="How many rows of nodes are shown.")  # fmt: skip
@click.option("--html", type=FILE, metavar="PAGE",
              help="Also write the profile as a page for a browser: *.html.")  # fmt: skip
@click.option(
    "--trace",
    type=FILE,
    metavar="TRACE",
    help="Also write what happens when, for the Perfetto UI: *.pftrace or *.json.",
)
@click.option(
    "--address-trace",
    type=FILE,
    metavar="TRACE",
    help="Also write the bursts of HBM for Ramulator 2: *.ldst (addresses) or *.rw (banks).",
)
@click.option("--window", metavar="NODE", default="",
              help="Of the address trace only what nodes that begin so ask for.")  # fmt: skip
@json_option
@compile_options
def profile(
    file: Path, context: int | None, symbol: dict[str, int], entry: str, model: Path | None,
    rows: int, html: Path | None, trace: Path | None, address_trace: Path | None, window: str,
    as_json: bool, options: CompileOptions,
) -> None:  # fmt: skip
    """
    Say how long a run of FILE takes on the modelled machine, why, and what would make it faster.

    FILE is a program, or a model that is compiled first, without its weights. Of a program only
    --target may be given: another machine of the same sizes to run it on. A model that the memory
    has no room for is timed all the same, which is said. The floor is what no compiler could save:
    each weight read once, the live cache once, no padding.
    """
    from lpuc.files.programs import is_program
    from lpuc.profiling import addresses, page
    from lpuc.profiling.floor import Floor
    from lpuc.profiling.profile import profiled
    from lpuc.profiling.roomy import compiled
    from lpuc.profiling.text import lines
    from lpuc.profiling.trace import check_form, write
    from lpuc.reports.data import as_json as to_json
    from passes.onnx.roles.binding import ENCODED

    about(file)
    if html is not None:
        page.check_form(html)
    if trace is not None:
        check_form(trace)
    if address_trace is not None:
        addresses.check_form(address_trace)
    elif window:
        raise click.UsageError("--window is for --address-trace")
    if is_program(file):
        program, source, precision = _read(file, options), model, None
    else:
        program, source, precision = compiled(file, options), model or file, options.precision
    used = _context(program, entry, context, symbol)
    symbols = _symbols(program, entry, symbol)
    encoded = symbols.get(ENCODED, 1)
    floor = None if source is None else _floor(source, program, entry, used, precision, encoded)
    known = isinstance(floor, Floor)
    products = _products(source, program, precision, encoded) if known else None
    found = profiled(program, entry, used, symbols, floor=floor, products=products)
    if html is not None:
        page.write_page(found, file.name, html)
    if trace is not None:
        write(found.run, program, trace)
    if address_trace is not None:
        addresses.write_addresses(program, found.symbols, entry, address_trace, window)
    show(to_json(found.as_dict()) if as_json else "\n".join(lines(found, rows)))


def _products(
    model: Path | None, program: Program, precision: str | None, encoded: int
) -> Callable[[int], int] | None:
    """The MACs of a prompt of so many tokens, of a model whose floor is known."""
    from lpuc.profiling.floor import prompt_of

    past = next((p for p in program.interface.inputs if p.role == "past"), None)
    if model is None or past is None:
        return None
    return lambda prompt: prompt_of(model, prompt, precision or past.storage.value, encoded)


def _read(file: Path, options: CompileOptions) -> Program:
    """A program from its file, on another machine if one is named."""
    from dataclasses import replace

    from lpuc.files.programs import read_program
    from lpuc.profiling.moving import on_target
    from runtime.target import Target

    if wrong := [name for name in given_options(COMPILING) if name != "target"]:
        spelled = wrong[0].replace("_", "-")
        raise click.UsageError(f"--{spelled} is for models; {file} is compiled already")
    program = replace(read_program(file, "used").program, images=(), references=None)
    return (
        on_target(program, Target.load(str(options.target)))
        if given_options(["target"])
        else program
    )


def _context(
    program: Program, entry: str, context: int | None, given: dict[str, int]
) -> int | None:
    """As many tokens as fit, up to `FARTHEST`, if a decoder is run and nothing is said."""
    from lpuc.profiling.profile import FARTHEST
    from lpuc.reports.prediction import counted
    from runtime.generation.device import GENERATE
    from runtime.program.interface_json import STEP

    if context is not None or entry not in dict(program.entries):
        return context
    most = program.entry(entry).greatest
    if entry == GENERATE and most:
        return max(1, min(FARTHEST, most["total"] - 2))
    name = counted(entry, program.entry(entry), most) if entry == STEP else None
    return None if name is None else given.get(name, min(FARTHEST, most[name]))


def _symbols(program: Program, entry: str, given: dict[str, int]) -> dict[str, int]:
    """Those that the context does not say: what is given, of `step` else as much as fits."""
    from lpuc.reports.prediction import counted
    from runtime.program.interface_json import STEP

    if entry != STEP:
        return given
    most = program.interface.greatest
    rest = {n: most[n] for n in most if n != counted(entry, program.interface, most)}
    return {**rest, **given}


def _floor(
    model: Path, program: Program, entry: str, context: int | None, precision: str | None,
    encoded: int,
) -> Floor | str:  # fmt: skip
    """The floor of one token, by `step` or the first of `generate`, or why there is none."""
    from lpuc.profiling.floor import floor_of
    from lpuc.profiling.floor.shapes import Unshaped
    from runtime.generation.device import GENERATE
    from runtime.program.interface_json import CHUNK

    past = next((p for p in program.interface.inputs if p.role == "past"), None)
    if entry == CHUNK:
        return "it is that of one token, and this takes many"
    if past is None or context is None:
        return "the model has no cache, so it is no decoder of one token"
    cached = context - 1 if entry == GENERATE else context
    try:
        return floor_of(model, cached, precision or past.storage.value, encoded)
    except Unshaped as reason:
        return str(reason)
