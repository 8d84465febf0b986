"""Valid models, at least one for each operator that the compiler takes."""

from __future__ import annotations

from functools import cache

from benchmarks.fuzz.invalid.cases import (
    attention,
    elementwise,
    indexing,
    layers,
    linear,
    moves,
    reductions,
    requantised,
    scales,
    sliding,
)
from benchmarks.fuzz.invalid.node import Node

FAMILIES = (
    attention,
    elementwise,
    indexing,
    moves,
    reductions,
    requantised,
    scales,
    sliding,
    layers,
    linear,
)


@cache
def valid() -> tuple[Node, ...]:
    """All models, in an order that does not change."""
    return tuple(node for family in FAMILIES for node in family.cases())
