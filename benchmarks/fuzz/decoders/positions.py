"""Where tokens stand: an input, counted from the cache, or counted in the mask."""

from __future__ import annotations

from benchmarks.fuzz.decoders.extents import Extents
from benchmarks.fuzz.decoders.graph import I64, Graph
from benchmarks.fuzz.decoders.sizes import Sizes

WAYS = ("input", "counted")


def positions(g: Graph, sizes: Sizes, extents: Extents, mask: str) -> str:
    """Integers [batch or 1, new]; `mask` is the mask [batch, total] or empty."""
    way = g.spelled("positions", (*WAYS, "from the mask") if mask else WAYS)
    if way == "input":
        return g.input("position_ids", I64, sizes.batch_dim, sizes.new_dim)
    if way == "counted":
        line = g("Unsqueeze", extents.range("past", "total"), g.ints(0))
        return extents.expand(line, "batch", "new") if g.chance(0.5) else line
    counts = g("CumSum", g.cast(mask, I64), g.index(1))
    places = g("Sub", counts, g.scalar(1, I64))
    if g.chance(0.7):
        hidden = g("Equal", mask, g.scalar(0, g.types[mask]))
        places = g("Where", hidden, g.scalar(1, I64), places, type=I64)
    else:
        places = g("Max", places, g.scalar(0, I64))
    first = g("Unsqueeze", extents.scalar("past"), g.ints(0))
    return g("Slice", places, first, g.ints(2**63 - 1), g.ints(1))
