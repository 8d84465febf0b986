"""Where text comes from: a file, or stdin for `-`."""

from __future__ import annotations

import sys
from pathlib import Path

from lpuc.cli.options import about
from lpuc.files.kinds import TEXT, require
from runtime.files import decoded, read_all, read_text

STDIN = Path("-")
MOST_BYTES = 1 << 30
"""Of a text; one that never ends must not fill the memory."""


def text_of(source: Path) -> str:
    """The text that the command is about."""
    if source == STDIN:
        return stdin_text(MOST_BYTES)
    about(source)
    require(source, TEXT)
    return read_text(source, MOST_BYTES)


def stdin_text(most: int) -> str:
    """All of stdin."""
    about("<stdin>")
    return decoded(read_all(sys.stdin.buffer, "<stdin>", most), "<stdin>")
