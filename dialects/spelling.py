"""What somebody may have meant who wrote a name that does not exist."""

from __future__ import annotations

import difflib
from collections.abc import Collection
from typing import overload


@overload
def did_you_mean(name: str, known: Collection[str], otherwise: str) -> str: ...
@overload
def did_you_mean(name: str, known: Collection[str]) -> str | None: ...
def did_you_mean(name: str, known: Collection[str], otherwise: str | None = None) -> str | None:
    """A hint that names what looks like it, whatever the case; `otherwise` if nothing does."""
    spelled = {word.lower(): word for word in known}
    close = difflib.get_close_matches(name.lower(), spelled, n=3, cutoff=0.6)
    return f"did you mean {', '.join(spelled[c] for c in close)}?" if close else otherwise
