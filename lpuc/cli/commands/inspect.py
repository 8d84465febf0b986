"""`lpuc inspect`: what a model or a program holds."""

from __future__ import annotations

from pathlib import Path

import click

from lpuc.cli.options import FILE, about, command
from lpuc.errors import UserError, printable


@command
@click.argument("file", type=FILE)
@click.option("--check", is_flag=True, help="Of a program: check the digests of parameters, too.")
def inspect(file: Path, check: bool) -> None:
    """Show what is in FILE, a model or a program, and whether a model will compile."""
    about(file)
    if _is_program(file):
        _show_program(file, check)
    else:
        from lpuc.reports.model import model_report

        click.echo(model_report(file))


def _is_program(file: Path) -> bool:
    from runtime.program.container import MAGIC

    if file.exists() and not file.is_file():
        raise UserError("is not a regular file")
    with file.open("rb") as stream:
        return stream.read(len(MAGIC)) == MAGIC


def _show_program(file: Path, check: bool) -> None:
    from lpuc.reports.memory_map import memory_maps
    from lpuc.reports.program import (
        histogram,
        interface_rows,
        program_rows,
        rows,
        size,
        weights_text,
    )
    from runtime.program.program import Program

    program = Program.load(file, "all" if check else "used")
    head = ("program", f"{printable(str(file))}, {size(file.stat().st_size)}")
    facts = [head, ("weights", weights_text(program)), *program_rows(program)]
    click.echo(rows([*facts, *interface_rows(program)]))
    click.echo(f"\ninstructions\n{histogram(program)}\n\n{memory_maps(program)}")
