"""What the devices have in HBM, as far as it is followed: blocks at known addresses.

Beyond that it counts as each device's own, of which nothing is claimed. A message that the LMU does
not fit passes through it by rows, in a loop, and is put together in HBM. So there, too,

* a write at an address of each device puts a block: its bytes are tagged, and no other instruction
  may read them before something that all devices have was written over all that differs;
* what was exchanged and is stored by the turns of a loop that are executed one by one has the age
  of the loop's beginning, since all of it is one exchange. With it nothing older is read: that is
  what an exchange before left there.

Which bytes an operand has must be known for that. Where they depend on the turn of a loop and meet
such bytes, the turns are executed one by one. Where they cannot be, since nobody knows how many
there are, or they are very many, an operand whose address depends on them is refused, and nothing
is claimed of one whose extents do.
"""

from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from typing import NamedTuple

from runtime.ring.checks.load.memory.runs import Content, Held, Kind, Runs, Tag, tags_of
from runtime.ring.checks.load.memory.tags import Tags
from runtime.ring.checks.load.touches import Pieces
from runtime.ring.checks.load.values import (
    FIRST_LOOP,
    HIGHEST,
    LOWEST,
    Value,
    ends,
    is_uniform,
    sources_of,
)

NOTHING, OWN, SAME, WHOLE = Kind.NOTHING, Kind.OWN, Kind.SAME, Kind.WHOLE
AGED = (NOTHING, SAME)
"""What else is read has an age; what each device has of its own has none here."""
MOST_PIECES = 64
"""Pieces that are followed one by one."""
MOST_EXCHANGED = 1 << 12
"""The same of an operand that meets what is exchanged."""


class Block(NamedTuple):
    """The hull of an operand, and its bytes from `base` on where they are few pieces there.

    `bases` are its addresses, one or one for each device, where they are known, and `parts` the
    bytes from there on, however many. Of `sources` (`values`) is which of them there are.
    """

    hull: tuple[int, int]
    bases: tuple[int, ...] = ()
    parts: Pieces = ()
    sources: int = 0

    @property
    def is_placed(self) -> bool:
        """Whether it is known on all devices alike, in few pieces."""
        return len(self.bases) == 1 and len(self.parts) <= MOST_PIECES

    def pieces(self) -> Iterable[tuple[int, int]]:
        """Its bytes, or its hull where they are unknown."""
        if not self.is_placed:
            return (self.hull,)
        return ((self.bases[0] + first, self.bases[0] + end) for first, end in self.parts)

    @property
    def is_exact(self) -> bool:
        """Whether its bytes are known, for the greatest values of symbols, and not too many."""
        is_counted = self.sources < FIRST_LOOP and bool(self.bases)
        return is_counted and len(self.parts) <= MOST_EXCHANGED


def block(
    base: Value, parts: Pieces, rows: tuple[Value, Value] | None, sources: int = 0
) -> Block | None:
    """The block of an operand; None where nothing bounds it.

    `rows` are how many there are and the bytes between them, where an index chooses. `sources` are
    those of its extents and strides.
    """
    if not parts:
        return Block((0, 0), (0,), ())
    low, high = ends(base)
    if rows is not None:
        (_, most), (least, widest) = ends(rows[0]), ends(rows[1])
        low, high = low + min(0, most * least), high + max(0, most * widest)
    if low <= LOWEST >> 1 or high >= HIGHEST >> 1:
        return None
    hull = (max(0, low + parts[0][0]), high + parts[-1][1])
    if low == high:
        return Block(hull, (low,), parts, sources)
    if isinstance(base, tuple) and rows is None:
        return Block(hull, base, parts, sources)
    return Block(hull, (), parts, sources | sources_of(base))


class Far:
    """Reads and writes of HBM; `older` is what was read that is older than a loop's turn.

    `ask` has the turns of a loop executed one by one if an operand depends on them. `began` is how
    many events there were where the outermost loop began of which that is done now.
    """

    def __init__(self, tags: Tags, ask: Callable[[int], None]) -> None:
        self.tags = tags
        self.ask = ask
        self.began: int | None = None
        self.older: dict[tuple[int, int], Content] = {}

    @contextmanager
    def one_by_one(self, is_counted: bool) -> Generator[None]:
        """The turns of a loop are executed one by one, perhaps more than there will be."""
        outer = self.began
        self.began = self.tags.known.count if outer is None and is_counted else outer
        try:
            yield
        finally:
            self.began = outer

    def read(self, hbm: Runs, at: int, base: Value, found: Block | None) -> Kind:
        """Who has what is read."""
        if found is None or not is_uniform(base):
            return OWN
        if hbm.is_marked:
            self.check(hbm, at, base, found)
        held = hbm.only(*found.hull)
        if isinstance(held, Content) and held.kind < SAME and found.parts:
            return OWN
        for low, high in found.pieces():
            for _, first, end, held in hbm.within(low, high):
                if not isinstance(held, Content) or held.kind < SAME:
                    return OWN
                if held.event < self.tags.oldest:
                    self.older.setdefault((first, end), held)
        return SAME

    def is_own(
        self, hbm: Runs, base: Value, parts: Pieces, rows: tuple[Value, Value] | None
    ) -> bool:
        """Whether what is read lies in bytes of which each device has its own, and no others."""
        if type(base) is not int or rows is not None or not parts or hbm.is_marked:
            return False
        held = hbm.only(max(0, base + parts[0][0]), base + parts[-1][1])
        return isinstance(held, Content) and held.kind is OWN

    def check(self, hbm: Runs, at: int, base: Value, found: Block | None) -> None:
        """Refuse a read of what is exchanged unless all devices have it, all of one age."""
        if found is None or not is_uniform(base) or not _meets(hbm, found):
            return
        self.ask(found.sources)
        if not found.is_exact:
            self._refuse_unplaced(at, found)
            return
        newest, eldest, before = -1, self.tags.known.count, -1
        for low, high in found.parts:
            for _, first, end, held in hbm.within(found.bases[0] + low, found.bases[0] + high):
                if isinstance(held, list):
                    self.tags.wording.refuse_place(held, at, first, end, "HBM")
                elif held.kind is WHOLE:
                    newest = max(newest, held.event)
                    eldest, before = min((eldest, before), (held.event, first))
                elif held.event < eldest and held.kind in AGED:
                    eldest, before = held.event, first
        if eldest < newest:
            self.tags.wording.refuse_older(at, before, newest, eldest)

    def write(self, hbm: Runs, at: int, base: Value, found: Block | None, kind: Kind) -> None:
        """An operand is written, of what `kind` of devices have.

        It is `Kind.WHOLE` where it is what was exchanged.
        """
        if found is not None and not found.parts:
            return
        is_met = hbm.is_marked and (found is None or _meets(hbm, found))
        if found is not None and (is_met or kind is WHOLE or not is_uniform(base)):
            self.ask(found.sources)
        if not is_uniform(base) and found is not None and found.is_exact:
            self._put(hbm, at, found)
            return
        if is_met:
            self._refuse_unplaced(at, found)
        if kind is OWN or not is_uniform(base):
            self._own(hbm, found)
        elif found is not None:
            self._same(hbm, at, found, kind)
        if is_met:
            hbm.is_marked = any(map(is_marked, hbm.held))

    def _refuse_unplaced(self, at: int, found: Block | None) -> None:
        """Refuse an operand that meets what is exchanged at an address that nobody knows."""
        if found is None or not found.bases:
            self.tags.wording.refuse_unknown(at, *((0, HIGHEST) if found is None else found.hull))

    def _put(self, hbm: Runs, at: int, found: Block) -> None:
        """Each device has a part of its own."""
        event = self.tags.known.new(at)
        hbm.is_marked = True
        for device, base in enumerate(found.bases):
            for low, high in found.parts:
                for index in range(hbm.cut(base + low), hbm.cut(base + high)):
                    held = hbm.held[index]
                    if not isinstance(held, list):
                        held = hbm.held[index] = tags_of(held, self.tags.devices)
                    held[device] = Tag(device, event, 0)

    def _own(self, hbm: Runs, found: Block | None) -> None:
        hull = (0, HIGHEST) if found is None else found.hull
        held = hbm.only(*hull)
        if isinstance(held, Content) and held.kind is OWN:
            return
        if found is None or not found.is_exact or not _meets(hbm, found):
            hbm.put(*hull, Content(OWN, 0))
            return
        for low, high in found.parts:
            hbm.put(found.bases[0] + low, found.bases[0] + high, Content(OWN, 0))

    def _same(self, hbm: Runs, at: int, found: Block, kind: Kind) -> None:
        event = self.tags.known.new(at)
        content = Content(SAME, event)
        if kind is WHOLE and self.began is not None and found.is_exact:
            content, hbm.is_marked = Content(WHOLE, self.began), True
        if found.is_placed or (hbm.is_marked and found.is_exact):
            for low, high in found.parts:
                hbm.put_on(found.bases[0] + low, found.bases[0] + high, content)
            return
        for _, first, end, held in list(hbm.within(*found.hull)):
            if is_marked(held):
                hbm.put(first, end, Content(OWN, 0))
            elif isinstance(held, Content) and held.kind is NOTHING:
                hbm.put(first, end, content)


def is_marked(held: Held) -> bool:
    """Whether bytes are exchanged: parts of devices, or what was stored by rows."""
    return isinstance(held, list) or held.kind is WHOLE


def places(hbm: Runs) -> list[int]:
    """Where devices have parts of their own."""
    if not hbm.is_marked:
        return []
    pairs = zip(hbm.starts, hbm.held, strict=True)
    return [start for start, held in pairs if isinstance(held, list)]


def _meets(hbm: Runs, found: Block) -> bool:
    """Whether an operand may have bytes that are exchanged."""
    return hbm.is_marked and any(is_marked(held) for *_, held in hbm.within(*found.hull))
