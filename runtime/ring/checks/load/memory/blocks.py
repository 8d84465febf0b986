"""Operands in HBM: the bytes that they have, as far as those are known, and what lies there."""

from collections.abc import Iterable
from typing import NamedTuple

from runtime.ring.checks.load.memory.growing import Grown
from runtime.ring.checks.load.memory.runs import Content, Held, Kind, Runs
from runtime.ring.checks.load.touches import Pieces
from runtime.ring.checks.load.values import HIGHEST, LOWEST, Value, ends, sources_of

MOST_PIECES = 64
"""Pieces that are followed one by one."""
MOST_EXCHANGED = 1 << 12
"""The same of an operand that meets what is exchanged."""


class Block(NamedTuple):
    """The hull of an operand, and its bytes from `base` on where they are few pieces there.

    `bases` are its addresses, one or one for each device, where they are known, and `parts` the
    bytes from there on, however many. Of `sources` (`values`) is which of them there are, as the
    `shape` says, extents and strides of elements of `size` bytes.
    """

    hull: tuple[int, int]
    bases: tuple[int, ...] = ()
    parts: Pieces = ()
    sources: int = 0
    shape: tuple[Value, ...] = ()
    size: int = 0

    @property
    def is_placed(self) -> bool:
        """Whether it is known on all devices alike, in few pieces."""
        return len(self.bases) == 1 and len(self.parts) <= MOST_PIECES

    def pieces(self) -> Iterable[tuple[int, int]]:
        """Its bytes, or its hull where they are unknown."""
        if not self.is_placed:
            return (self.hull,)
        return ((self.bases[0] + first, self.bases[0] + end) for first, end in self.parts)

    def spread(self) -> "Block":
        """The same; nobody knows which bytes of a hull where a stride may be any of several."""
        strides = [ends(stride) for stride in self.shape[4:]]
        if all(low == high for low, high in strides):
            return self
        low, high = self.hull
        for extent, stride in zip(self.shape[:4], strides, strict=True):
            most = max(0, ends(extent)[1] - 1)
            low, high = low + most * min(0, stride[0]), high + most * max(0, *stride)
        return self._replace(hull=(max(0, low), high), bases=())

    @property
    def is_exact(self) -> bool:
        """Whether its bytes are known, for the greatest extents, and not too many."""
        return bool(self.bases) and len(self.parts) <= MOST_EXCHANGED

    @property
    def grown(self) -> Grown:
        """What may be more or less of it."""
        return Grown(self.bases, self.shape, self.size)


def block(
    base: Value, parts: Pieces, rows: tuple[Value, Value] | None, sources: int = 0,
    shape: tuple[Value, ...] = (), size: int = 0,
) -> Block | None:  # fmt: skip
    """The block of an operand; None where nothing bounds it.

    `rows` are how many there are and the bytes between them, where an index chooses. `sources` are
    those of its shape.
    """
    if not parts:
        return Block((0, 0), (0,), ())
    low, high = ends(base)
    if rows is not None:
        (_, count), (least, widest) = ends(rows[0]), ends(rows[1])
        last = max(0, count - 1)
        low, high = low + min(0, last * least), high + max(0, last * widest)
    if low <= LOWEST >> 1 or high >= HIGHEST >> 1:
        return None
    hull = (max(0, low + parts[0][0]), high + parts[-1][1])
    if low == high:
        return Block(hull, (low,), parts, sources | sources_of(base), shape, size)
    if isinstance(base, tuple) and rows is None:
        return Block(hull, base, parts, sources, shape, size)
    return Block(hull, (), parts, sources | sources_of(base), shape, size)


def is_marked(held: Held) -> bool:
    """Whether bytes are exchanged: parts of devices, or what was stored by rows."""
    return isinstance(held, list) or held.kind is Kind.WHOLE


def places(hbm: Runs) -> list[int]:
    """Where devices have parts of their own."""
    if not hbm.is_marked:
        return []
    pairs = zip(hbm.starts, hbm.held, strict=True)
    return [start for start, held in pairs if isinstance(held, list)]


def meets(hbm: Runs, found: Block) -> bool:
    """Whether an operand may have bytes that are exchanged."""
    return hbm.is_marked and any(is_marked(held) for *_, held in hbm.within(*found.hull))


def is_near(hbm: Runs, low: int, high: int) -> bool:
    """Whether something in a range is or was exchanged."""
    if not (hbm.is_marked or hbm.is_stored):
        return False
    near = (held for *_, held in hbm.within(low, high))
    return any(is_marked(held) or (isinstance(held, Content) and held.stored >= 0) for held in near)


def put_in(hbm: Runs, low: int, high: int) -> set[int]:
    """The events that put parts of devices in a range."""
    slots = [held for *_, held in hbm.within(low, high) if isinstance(held, list)]
    return {tag.event for held in slots for tag in held if tag is not None}


def is_own(hbm: Runs, base: Value, parts: Pieces, rows: tuple[Value, Value] | None) -> bool:
    """Whether what is read lies in bytes of which each device has its own, and no others."""
    if type(base) is not int or rows is not None or not parts or hbm.is_marked:
        return False
    held = hbm.only(max(0, base + parts[0][0]), base + parts[-1][1])
    return isinstance(held, Content) and held.kind is Kind.OWN
