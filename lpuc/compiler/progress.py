"""One line on stderr that says what long work is at, for the command line on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager

CLEAR = "\r\033[K"
SHOWN = False
"""Whether anything is shown: a program that uses lpuc has its terminal for itself."""


def is_visible() -> bool:
    """Whether somebody can see what long work is at."""
    return SHOWN and sys.stderr.isatty()


def say(what: str) -> None:
    """Show one line in the place of the last; an empty one takes it away."""
    if is_visible():
        text = f"{CLEAR}{what} ..." if what else CLEAR
        print(text, end="", file=sys.stderr, flush=True)


@contextmanager
def at_work(what: str) -> Generator[None]:
    """Show `what` while the body runs, and take it away again; nothing if nobody can see it."""
    say(what)
    try:
        yield
    finally:
        say("")
