"""`lpuc disasm`: a program as assembly text."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from lpuc.cli.options import FILE, about, command
from lpuc.cli.output import check_text_output, print_text


@command
@click.argument("program", type=FILE)
@click.option("-o", "--output", type=FILE, help="Where to write; stdout if absent.")
@click.option("--source", is_flag=True, help="Say which ONNX nodes instructions came from.")
@click.option("--no-params", is_flag=True, help="Leave the parameters out, for reading.")
def disasm(program: Path, output: Path | None, source: bool, no_params: bool) -> None:
    """Print PROGRAM as assembly text; `lpuc asm` makes the same program of it."""

    from lpuc.files.programs import read_program
    from runtime.program.assembly import disassemble

    about(program)
    origin = read_program(program)
    check_text_output(output, origin.sources)
    loaded = origin.program
    if no_params:
        loaded = replace(loaded, images=())
    text = disassemble(loaded)
    print_text(text if source else _without_comments(text), output, inputs=origin.sources)


def _without_comments(text: str) -> str:
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith(";"))
