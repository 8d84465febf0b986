"""Where results go: stdout, or a file that is written whole or not at all."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from lpuc.files.disk import write_text


def print_text(text: str, output: Path | None, inputs: Iterable[Path] = ()) -> None:
    """Write to `output`; to stdout if it is None or `-`."""
    if output is None or str(output) == "-":
        sys.stdout.write(text)
        sys.stdout.flush()
    else:
        write_text(output, text, inputs)
