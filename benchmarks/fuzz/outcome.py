"""What becomes of a case, in words: nothing that a process which judges cases has to import."""

from __future__ import annotations

from dataclasses import dataclass

VERDICTS = ("right", "refused", "wrong", "crash", "uncounted")


@dataclass(frozen=True)
class Outcome:
    """What became of a model; `stage` is `reference`, `compile` or a path of the interpreter."""

    verdict: str
    detail: str = ""
    stage: str = ""
    error: float = 0.0
    """The largest difference that was seen."""
