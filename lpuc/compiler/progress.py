"""One line on stderr that says what long work is at, for the command line on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager

CLEAR = "\r\033[K"
SHOWN = False
"""Whether anything is shown: a program that uses lpuc has its terminal for itself."""


@contextmanager
def at_work(what: str) -> Generator[None]:
    """Show `what` while the body runs, and take it away again; nothing if nobody can see it."""
    visible = SHOWN and sys.stderr.isatty()
    if visible:
        print(f"{CLEAR}{what} ...", end="", file=sys.stderr, flush=True)
    try:
        yield
    finally:
        if visible:
            print(CLEAR, end="", file=sys.stderr, flush=True)
