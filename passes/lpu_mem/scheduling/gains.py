"""Whether one order is better than another, whose times are known at several contexts."""

from __future__ import annotations

from collections.abc import Sequence

WORTH = 8
"""How many times as much an order has to save at some contexts as it loses at others."""


def is_better(new: Sequence[float], old: Sequence[float]) -> bool:
    """Whether it saves more than it loses, and much more where it loses at all."""
    changes = [after - before for after, before in zip(new, old, strict=True)]
    saved, lost = -sum(c for c in changes if c < 0), sum(c for c in changes if c > 0)
    return saved > WORTH * lost
