"""Areas of the LMU at fixed addresses, and what is known of them."""

from enum import Enum
from typing import NamedTuple


class Kind(Enum):
    """What is known of an area."""

    GATHERED = 0
    SAME = 1
    DAMAGED = 2
    LOST = 3


class Area(NamedTuple):
    """Addresses from `low` up to `high`, as the instruction `at` left them."""

    low: int
    high: int
    kind: Kind
    at: int


def order(area: Area) -> tuple[int, int, int, int]:
    """Areas in order of addresses."""
    return area.low, area.high, area.kind.value, area.at


def gathered(areas: set[Area]) -> set[Area]:
    """Those that were gathered."""
    return {area for area in areas if area.kind is Kind.GATHERED}


def outside(area: Area, low: int, high: int) -> list[Area]:
    """What an area has outside of a range."""
    left = [area._replace(high=low)] if area.low < low else []
    right = [area._replace(low=high)] if high < area.high else []
    return left + right
