"""Where results go: stdout, or a file that is written whole or not at all."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from lpuc.errors import UserError, printable_lines
from lpuc.files.disk import check_output, write_text

STDOUT = Path("-")


def show(text: str) -> None:
    """Print lines for people; names in them come from files and must not steer the terminal."""
    write(f"{printable_lines(text)}\n")


def write(text: str) -> None:
    """Write to stdout at once; a fault of it is not one of the file that the command is about."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise UserError(error.strerror or str(error), file="<stdout>") from error


def check_text_output(output: Path | None, inputs: Iterable[Path] = ()) -> None:
    """Refuse what `print_text` could not write, before work is put into it."""
    if output not in (None, STDOUT):
        check_output(output, inputs)


def print_text(text: str, output: Path | None, inputs: Iterable[Path] = ()) -> None:
    """Write to `output`; to stdout if it is None or `-`, where nothing may steer a terminal."""
    if output is None or output == STDOUT:
        write(printable_lines(text) if sys.stdout.isatty() else text)
    else:
        write_text(output, text, inputs)
