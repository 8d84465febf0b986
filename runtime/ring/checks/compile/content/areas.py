"""Areas of the LMU at fixed addresses, and what is known of them."""

from collections.abc import Iterable
from enum import Enum
from typing import NamedTuple


class Kind(Enum):
    """What is known of an area."""

    GATHERED = 0
    SAME = 1
    DAMAGED = 2
    LOST = 3
    KEPT = 4


class Area(NamedTuple):
    """Addresses from `low` up to `high`, as the instruction `at` left them."""

    low: int
    high: int
    kind: Kind
    at: int


def order(area: Area) -> tuple[int, int, int, int]:
    """Areas in order of addresses."""
    return area.low, area.high, area.kind.value, area.at


def of_kind(areas: Iterable[Area], kind: Kind) -> set[Area]:
    """Those of which as much is known."""
    return {area for area in areas if area.kind is kind}


def is_within(area: Area, known: Iterable[Area]) -> bool:
    """Whether an area is a part of another of its kind."""
    return any(
        other.kind is area.kind and other.low <= area.low and area.high <= other.high
        for other in known
    )


def left_of(area: Area, behind: Iterable[Area]) -> set[Area]:
    """What others leave of an area of which something is known: parts of which as much is."""
    kinds = (Kind.KEPT,) if area.kind is Kind.KEPT else (Kind.KEPT, Kind.SAME)
    met = [other for other in behind if other.kind in kinds]
    found = {area._replace(low=max(a.low, area.low), high=min(a.high, area.high)) for a in met}
    return {part for part in found if part.low < part.high}


def outside(area: Area, low: int, high: int) -> list[Area]:
    """What an area has outside of a range."""
    left = [area._replace(high=low)] if area.low < low else []
    right = [area._replace(low=high)] if high < area.high else []
    return left + right
