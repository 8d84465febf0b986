"""How much a pass changed, as the kernel counts it while it changes IR."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, fields


@dataclass
class Tally:
    """Numbers of operations, and of values that were replaced."""

    inserted: int = 0
    """Operations that were made and put into a block."""
    erased: int = 0
    """Operations that were removed, with all that was in them."""
    replaced: int = 0
    """Values that others are read for."""
    moved: int = 0
    """Operations that stand elsewhere than before."""
    changed: int = 0
    """Times that an operand, a property, an attribute or a type was set anew."""

    def add(self, other: Tally) -> None:
        """Count what was counted elsewhere."""
        for field in fields(self):
            setattr(self, field.name, getattr(self, field.name) + getattr(other, field.name))


_kept: ContextVar[Tally | None] = ContextVar("_kept", default=None)


@contextmanager
def tallied() -> Generator[Tally]:
    """What passes that run in here change, counted together; those around it count it, too."""
    tally, outer = Tally(), _kept.get()
    token = _kept.set(tally)
    try:
        yield tally
    finally:
        _kept.reset(token)
        if outer is not None:
            outer.add(tally)


def tally_of_now() -> Tally:
    """What somebody asked to count with; one that nobody looks at if nobody did."""
    return _kept.get() or Tally()
