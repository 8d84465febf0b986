"""`lpuc asm`: a program from assembly text."""

from __future__ import annotations

from pathlib import Path

import click

from lpuc.cli.input import text_of
from lpuc.cli.options import FILE, command
from lpuc.files.disk import check_output, replacing


@command
@click.argument("source", type=FILE)
@click.option("-o", "--output", type=FILE, required=True, help="The program to write.")
def asm(source: Path, output: Path) -> None:
    """Assemble SOURCE ('-' reads stdin) to a program."""
    from runtime.program.assembly import assemble
    from runtime.ring.checks.compile import proved

    text = text_of(source)
    check_output(output)
    program = proved(assemble(text, str(source)))
    files = program.references.files if program.references else ()
    weights = (output.parent / file.path for file in files)
    with replacing(output, inputs=weights) as temporary:
        program.write(temporary)
