"""The parts of a text that are treated alone: `--split-input-file`."""

from __future__ import annotations

import re
from collections.abc import Iterator

SEPARATOR = "// -----"
_LINE = re.compile(rf"^{re.escape(SEPARATOR)}[^\S\n]*$", re.MULTILINE)


def parts_of(text: str) -> Iterator[tuple[str, int]]:
    """Each part, between lines that hold nothing but the separator, and its first line, from 1."""
    line = 1
    for part in _LINE.split(text):
        yield part, line
        line += part.count("\n")
