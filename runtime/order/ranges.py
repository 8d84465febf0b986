"""The bytes of HBM by which streams and transfers are ordered."""

from collections.abc import Sequence
from typing import NamedTuple

from runtime.isa.accesses import Access


class Range(NamedTuple):
    """Bytes of HBM from `low` up to `high`, and whether they are written; empty when equal."""

    low: int
    high: int
    writes: bool


def hbm_range(accesses: Sequence[Access]) -> Range | None:
    """The range of an instruction that has an operand in HBM."""
    far = next((access for access in accesses if access.hbm), None)
    return None if far is None else Range(*far.bounds(), far.writes)


def meet(one: Range, other: Range) -> bool:
    """Whether two ranges share a byte."""
    return max(one.low, other.low) < min(one.high, other.high)


def ordered(one: Range, other: Range) -> bool:
    """Whether two instructions may not change places: they meet, and one of them writes."""
    return (one.writes or other.writes) and meet(one, other)
