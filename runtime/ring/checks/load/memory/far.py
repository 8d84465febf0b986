"""What the devices have in HBM, as far as it is followed: blocks at known addresses.

Beyond that it counts as each device's own.
"""

from collections.abc import Iterable
from typing import NamedTuple

from runtime.ring.checks.load.memory.runs import Content, Kind, Runs
from runtime.ring.checks.load.memory.tags import Tags
from runtime.ring.checks.load.touches import Pieces
from runtime.ring.checks.load.values import HIGHEST, LOWEST, Value, ends, is_uniform

OWN, SAME = Kind.OWN, Kind.SAME
MOST_PIECES = 64
"""Pieces that are followed one by one."""


class Block(NamedTuple):
    """The hull of an operand, and its bytes from `base` on where they are few pieces there."""

    hull: tuple[int, int]
    base: int = 0
    parts: Pieces | None = None

    def pieces(self) -> Iterable[tuple[int, int]]:
        """Its bytes, or its hull where they are unknown."""
        if self.parts is None:
            return (self.hull,)
        return ((self.base + first, self.base + end) for first, end in self.parts)


def block(base: Value, parts: Pieces, rows: tuple[Value, Value] | None) -> Block | None:
    """The block of an operand; None where nothing bounds it.

    `rows` are how many there are and the bytes between them, where an index chooses.
    """
    if not parts:
        return Block((0, 0), 0, ())
    low, high = ends(base)
    if rows is not None:
        (_, most), (least, widest) = ends(rows[0]), ends(rows[1])
        low, high = low + min(0, most * least), high + max(0, most * widest)
    if low <= LOWEST >> 1 or high >= HIGHEST >> 1:
        return None
    hull = (max(0, low + parts[0][0]), high + parts[-1][1])
    if low < high or len(parts) > MOST_PIECES:
        return Block(hull)
    return Block(hull, low, parts)


class Far:
    """Reads and writes of HBM; `older` is what was read that is older than a loop's turn."""

    def __init__(self, tags: Tags) -> None:
        self.tags = tags
        self.older: dict[tuple[int, int], Content] = {}

    def read(self, hbm: Runs, base: Value, found: Block | None) -> Kind:
        """Who has what is read."""
        if found is None or not is_uniform(base):
            return OWN
        held = hbm.only(*found.hull)
        if isinstance(held, Content) and held.kind is not SAME and found.parts != ():
            return OWN
        for low, high in found.pieces():
            for _, first, end, held in hbm.within(low, high):
                assert isinstance(held, Content)
                if held.kind is not SAME:
                    return OWN
                if held.event < self.tags.oldest:
                    self.older[first, end] = held
        return SAME

    def write(self, hbm: Runs, at: int, base: Value, found: Block | None, kind: Kind) -> None:
        """An operand is written, of what `kind` of devices have."""
        if kind is OWN or not is_uniform(base):
            hull = (0, HIGHEST) if found is None else found.hull
            held = hbm.only(*hull)
            if not isinstance(held, Content) or held.kind is not OWN:
                hbm.put(*hull, Content(OWN, 0))
            return
        if found is None:
            return
        event = self.tags.known.new(at)
        if found.parts is not None:
            for low, high in found.pieces():
                hbm.put(low, high, Content(SAME, event))
            return
        for _, first, end, held in list(hbm.within(*found.hull)):
            if isinstance(held, Content) and held.kind is Kind.NOTHING:
                hbm.put(first, end, Content(SAME, event))
