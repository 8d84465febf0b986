"""What the LMU holds, as far as devices have to agree in it.

Most bytes hold what a device computed alone; nothing is claimed of them, and they are not kept
here. Kept are families of slots (`families`), and areas at fixed addresses:

    GATHERED  the bytes of a complete family, when its memory is used for something else
    SAME      what was computed of such bytes alone
    DAMAGED   of which devices hold what they should not: slots that were not filled
    KEPT      what was gathered before the loop around, as far as its turns leave it
    LOST      what was gathered on some of the ways that meet, and not on all, or in a place that is
              not known, or written over there

Families go before areas.
"""

from collections.abc import Iterable, Iterator, Sequence

from runtime.ring.checks.compile.content.areas import Area, Kind, of_kind, order, outside
from runtime.ring.checks.compile.content.families import Family, Label, Piece
from runtime.ring.checks.compile.content.shapes import Shape, Shapes
from runtime.ring.checks.compile.content.slots import Slot, slot_of
from runtime.ring.checks.compile.values import Affine, Origin, Value


class Memory:
    """The LMU of all devices; `hulls` are the ranges outside of which nothing is known.

    `seen` are all that there were since somebody set it.
    """

    def __init__(self, shapes: Shapes) -> None:
        self.shapes = shapes
        self.symbols = shapes.symbols
        self.families: list[Family] = []
        self.areas: list[Area] = []
        self.hulls: list[tuple[int, int]] = []
        self.seen: set[tuple[int, int]] = set()
        self._slots: dict[Affine, Slot] = {}

    def copy(self) -> "Memory":
        """The same contents, to be changed apart."""
        other = Memory(self.shapes)
        other.families = [family.copy() for family in self.families]
        other.areas, other.hulls, other._slots = list(self.areas), list(self.hulls), self._slots
        return other

    def signature(self) -> object:
        """The contents whoever wrote them; None where slots are filled in part."""
        if not all(family.is_complete for family in self.families):
            return None
        families = [(f.base, f.step, f.is_read, f.ages()) for f in self.families]
        writers: dict[int, int] = {}
        areas = [area._replace(at=writers.setdefault(area.at, len(writers))) for area in self.areas]
        return families, areas

    def knows(self, base: Value, shape: Shape) -> bool:
        """Whether anything is known of a byte that an operand may touch."""
        if not self.hulls:
            return False
        if type(base) is int:
            low = base + shape.low
            high = low + shape.span
        else:
            low, high = self.hull(base, shape)
        for first, last in self.hulls:  # noqa: SIM110
            if first < high and low < last:
                return True
        return False

    def slot(self, address: Affine) -> Slot | None:
        """An address as that of a slot; None for one that is affine in no device, or in several."""
        found = self._slots.get(address)
        if found is None:
            found = slot_of(self.symbols, address)
            if found is not None:
                self._slots[address] = found
        return found

    def hull(self, base: Value, shape: Shape) -> tuple[int, int]:
        """The range of addresses that an operand may touch."""
        low, high = self.symbols.range(base)
        return low + shape.low, high + shape.low + shape.span

    def families_in(self, low: int, high: int) -> list[Family]:
        """The families that have a byte in a range."""
        return [f for f in self.families if _meet((low, high), f.extent)]

    def areas_in(self, low: int, high: int) -> list[Area]:
        """The areas that have a byte in a range."""
        return [area for area in self.areas if area.low < high and low < area.high]

    def family_of(self, slot: Slot) -> tuple[Family, int] | None:
        """The family that has such slots, and where in one the address lies."""
        for family in self.families:
            if family.step != slot.step:
                continue
            if family.base == slot.base:
                return family, 0
            start = self.symbols.minus(slot.base, family.base)
            if isinstance(start, int) and abs(start) < slot.step:
                return family, start
        return None

    def write(self, at: int, base: Value, shape: Shape, is_same: bool) -> None:
        """An instruction writes what it computed; `is_same` says that all devices computed it."""
        if not shape.span:
            return
        if self.symbols.origin(base) is Origin.DEVICE:
            slot = None if isinstance(base, int) else self.slot(base)
            label = None if slot is None else Label(0, at, slot.base, self._begin(slot, shape))
            self.put(at, base, shape, [Piece(0, shape, label, at)])
            return
        low, high = self.hull(base, shape)
        is_exact = isinstance(base, int) and shape.size > 0
        self._overwrite(low, high, is_exact, isinstance(base, int))
        if is_same and is_exact:
            self.areas.append(Area(low, high, Kind.SAME, at))
        self._changed()

    def _begin(self, slot: Slot, shape: Shape) -> int:
        """The age of what is written to a slot.

        One that does not fit its family, as memory is used again, is one of a new family.
        """
        known = self.family_of(slot)
        if known is None:
            return 0
        if known[0].has_room(known[1], shape):
            return known[0].aged()
        self._settle(known[0])
        self._changed()
        return 0

    def put(self, at: int, base: Value, shape: Shape, pieces: Sequence[Piece]) -> None:
        """Fill a slot with pieces, which count offsets from its address.

        Where the slot reaches into those of other devices, or is none at all, whatever may be meant
        is damaged.
        """
        slot = None if isinstance(base, int) else self.slot(base)
        if slot is None or not shape.is_exact:
            self.damage(at, *self.hull(base, shape))
            return
        family, start = self.family_of(slot) or (self._family(slot), 0)
        if not family.has_room(start, shape):
            self.damage(at, *self.hull(base, shape))
            return
        is_new = start < family.first or family.last < start + shape.span
        for piece in pieces:
            family.put(slot.distance, piece.behind(start))
        if is_new:
            self._grown(family)

    def _grown(self, family: Family) -> None:
        """A family has more bytes than before: they are those of no other any more."""
        for other in self.families_in(*family.extent):
            if other is not family:
                self._settle(other)
        if family not in self.families:
            self.families.append(family)
        self._changed()

    def _family(self, slot: Slot) -> Family:
        return Family(slot.base, slot.step, self.symbols.devices, self.symbols.range(slot.base))

    def damage(self, at: int, low: int, high: int) -> None:
        """Nobody knows what devices hold in a range from now on, nor in families that it meets."""
        for family in self.families_in(low, high):
            first, last = family.extent
            low, high = min(low, first), max(high, last)
            self.families.remove(family)
        self._overwrite(low, high, is_exact=True)
        self.areas.append(Area(low, high, Kind.DAMAGED, at))
        self._changed()

    def forget(self) -> None:
        """Where a loop begins: families are areas, gathered ones are kept."""
        for family in list(self.families):
            self._settle(family)
        self.areas = [
            area._replace(kind=Kind.KEPT) if area.kind is Kind.GATHERED else area
            for area in self.areas
        ]
        self._changed()

    def settled(self) -> list[Area]:
        """The areas that would be there if a loop began."""
        other = self.copy()
        other.forget()
        return other.areas

    def keep(self, areas: Iterable[Area]) -> None:
        """Of what is known, keep only some areas."""
        known = (Kind.KEPT, Kind.SAME)
        kept = {area for area in areas if area.kind in known}
        kept |= {area for area in self.areas if area.kind not in known}
        self.areas = sorted(kept, key=order)
        self._changed()

    def lose(self, areas: Iterable[Area]) -> None:
        """Hold areas for lost."""
        self.areas = sorted({*self.areas, *areas}, key=order)
        self._changed()

    def join(self, other: "Memory") -> None:
        """Keep what holds here and there."""
        other = other.copy()
        for one, two in ((self, other), (other, self)):
            for family in list(one.families):
                known = next((known for known in two.families if family.is_like(known)), None)
                if known is None:
                    one._settle(family)
                else:
                    family.is_read |= known.is_read
        here, there = set(self.areas), set(other.areas)
        kept = {area for area in here | there if area.kind in (Kind.DAMAGED, Kind.LOST)}
        kept |= here & there
        gathered = of_kind(here, Kind.GATHERED) ^ of_kind(there, Kind.GATHERED)
        kept |= {area._replace(kind=Kind.LOST) for area in gathered}
        self.areas = sorted(kept, key=order)
        self._changed()

    def _changed(self) -> None:
        self.hulls = [family.extent for family in self.families]
        self.hulls += [(area.low, area.high) for area in self.areas]
        self.seen.update(self.hulls)

    def _overwrite(self, low: int, high: int, is_exact: bool, is_placed: bool = True) -> None:
        """Take a range out of what is known; what stays in a part of it is damaged or private.

        What is known, or lost, gives way to what is written at a known place, up to its greatest
        extents. What was gathered is lost where something is written at a place that is not known.
        """
        for family in self.families_in(low, high):
            self._settle(family)
        self._cut(low, high, is_exact, is_placed)

    def _cut(self, low: int, high: int, is_exact: bool, is_placed: bool = True) -> None:
        kept: list[Area] = []
        for area in self.areas:
            if area.high <= low or high <= area.low:
                kept.append(area)
            elif is_exact or (is_placed and area.kind is not Kind.DAMAGED):
                kept += outside(area, low, high)
            elif area.kind in (Kind.DAMAGED, Kind.LOST):
                kept.append(area)
            elif area.kind is not Kind.SAME:
                kept.append(area._replace(kind=Kind.LOST))
        self.areas = kept

    def _settle(self, family: Family) -> None:
        """Make areas of a family: complete, damaged, or lost where nobody knows its place."""
        self.families.remove(family)
        for low, high in _unknown(family):
            self._cut(low, high, is_exact=False, is_placed=False)
        for area in self._remains(family):
            self._cut(area.low, area.high, is_exact=True)
            self.areas.append(area)

    def _remains(self, family: Family) -> Iterator[Area]:
        if not family.is_complete:
            for slot in family.slots:
                for piece in slot:
                    yield Area(*family.span(piece), Kind.DAMAGED, piece.at)
            return
        for piece in family.complete(self.shapes):
            if not isinstance(family.base, int):
                yield Area(*family.span(piece), Kind.LOST, piece.at)
                continue
            start = family.base + piece.start
            for first, size in _runs(piece.shape):
                yield Area(start + first, start + first + size, Kind.GATHERED, piece.at)


def _unknown(family: Family) -> Iterator[tuple[int, int]]:
    """Where pieces of a family are of which nobody knows how much they have."""
    for piece in family.slots[0]:
        if any(not isinstance(extent, int) for extent, _ in piece.shape.axes):
            yield family.span(piece)


def _runs(shape: Shape) -> list[tuple[int, int]]:
    """The dense pieces of a shape in slots: one, one for each device, or what is not kept."""
    if shape.size:
        return [(0, shape.size)]
    if len(shape.axes) != 2:
        return []
    (count, step), (size, _) = shape.axes
    if not isinstance(count, int) or not isinstance(size, int):
        return []
    return [(step * k, size) for k in range(count)]


def _meet(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return max(one[0], other[0]) < min(one[1], other[1])
