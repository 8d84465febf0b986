"""`lpuc asm`: a program from assembly text."""

from __future__ import annotations

from pathlib import Path

import click

from lpuc.cli.options import FILE, about, command
from lpuc.files.disk import read_text, replacing


@command
@click.argument("source", type=FILE)
@click.option("-o", "--output", type=FILE, required=True, help="The program to write.")
def asm(source: Path, output: Path) -> None:
    """Assemble SOURCE to a program."""
    from runtime.program.assembly import assemble

    about(source)
    program = assemble(read_text(source), str(source))
    files = program.references.files if program.references else ()
    weights = (output.parent / file.path for file in files)
    with replacing(output, inputs=(source, *weights)) as temporary:
        program.write(temporary)
