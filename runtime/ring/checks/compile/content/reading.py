"""Whether what an instruction reads is what all devices take it for.

A read at a fixed address must lie within what is complete, or meet no gathered byte at all: a read
that takes both together says that something was overwritten, or lies where it should not. At an
address that depends on the device, an instruction reads what its own device wrote, or one slot of
what is complete.
"""

from runtime.ring.checks.compile.content.areas import Area, Kind
from runtime.ring.checks.compile.content.families import Family, Piece
from runtime.ring.checks.compile.content.memory import Memory
from runtime.ring.checks.compile.content.shapes import Shape, are_within
from runtime.ring.checks.compile.content.slots import Slot
from runtime.ring.checks.compile.proof import Report, Rule
from runtime.ring.checks.compile.values import Origin, Value

_APART = "{0} reads a part of what {1} gathered together with other bytes"


class Reading:
    """The reads of a program, each of which passes or is refused; `gathered` counts.

    `used` are areas of which something is known, and that were read for it.
    """

    def __init__(self, report: Report) -> None:
        self.report = report
        self.gathered = 0
        self.used: set[Area] = set()

    def check(self, memory: Memory, at: int, base: Value, shape: Shape) -> bool:
        """Check what an instruction reads; whether it is the same on all devices."""
        if not shape.span:
            return True
        low, high = memory.hull(base, shape)
        origin = memory.symbols.origin(base)
        slot = None if isinstance(base, int) else memory.slot(base)
        for family in memory.families_in(low, high):
            if is_within(memory, family, base, shape):
                self.gathered += 1
                family.is_read = True
                return origin is Origin.SAME
            if slot is None or not _is_of_slot(memory, family, slot, shape):
                self._refuse_slots(memory, family, at, base, shape)
        is_known = self._check_areas(memory, at, base, shape)
        return is_known and origin is Origin.SAME

    def _check_areas(self, memory: Memory, at: int, base: Value, shape: Shape) -> bool:
        """Whether all that is read lies in areas that are the same on all devices."""
        low, high = memory.hull(base, shape)
        touched = [
            area
            for area in memory.areas_in(low, high)
            if memory.shapes.meets(shape, base, area.low, area.high)
        ]
        self._refuse_damaged(at, touched)
        covered = sum(min(area.high, high) - max(area.low, low) for area in touched)
        gathered = dict.fromkeys(area.at for area in touched if area.kind is Kind.GATHERED)
        if gathered and (len(gathered) > 1 or covered < high - low):
            self.report.refuse(Rule.MIXTURE, _APART, at, *gathered)
        self.gathered += len(gathered)
        self._check_kept(memory, at, base, shape, touched)
        if covered < high - low:
            return False
        self.used.update(touched)
        return True

    def _check_kept(
        self, memory: Memory, at: int, base: Value, shape: Shape, touched: list[Area]
    ) -> None:
        """What was gathered before the loop around is read with nothing else, if that is known.

        All that may be read counts.
        """
        kept = [area for area in touched if area.kind is Kind.KEPT]
        runs = memory.shapes.runs(memory.shapes.greatest(shape), base) if kept else None
        if runs is None:
            return
        self.used.update(kept)
        if not are_within(runs, [(area.low, area.high) for area in touched]):
            self.report.refuse(Rule.MIXTURE, _APART, at, *dict.fromkeys(area.at for area in kept))

    def _refuse_damaged(self, at: int, areas: list[Area]) -> None:
        for area in areas:
            if area.kind is Kind.DAMAGED:
                words = "{0} reads bytes that {1} left different on each device"
                self.report.refuse(Rule.CONTENT, words, at, area.at)
            if area.kind is Kind.LOST:
                words = (
                    "{0} reads what {1} gathered on some of the ways that lead there only, or in a "
                    "place that is not known, or that was written over in such a place"
                )
                self.report.refuse(Rule.CONTENT, words, at, area.at)

    def _refuse_slots(
        self, memory: Memory, family: Family, at: int, base: Value, shape: Shape
    ) -> None:
        """Refuse a read that meets a slot but does not lie within what is complete."""
        pieces = [piece for slot in family.slots for piece in slot]
        for piece in pieces:
            if memory.shapes.meets(shape, base, *family.span(piece)):
                self._refuse_piece(family, at, piece)

    def _refuse_piece(self, family: Family, at: int, piece: Piece) -> None:
        if family.is_complete:
            self.report.refuse(Rule.MIXTURE, _APART, at, piece.at)
        wrong = next((piece for piece, _ in faults(family)), piece)
        told = "; ".join(dict.fromkeys(text for _, text in faults(family)))
        words = f"{{0}} reads slots, last filled by {{1}}, of which {told}"
        self.report.refuse(Rule.CONTENT, words, at, wrong.at)


def is_within(memory: Memory, family: Family, base: Value, shape: Shape) -> bool:
    """Whether a read lies within a complete piece."""
    offset = memory.symbols.minus(base, family.base)
    return any(
        memory.shapes.holds(piece.shape, memory.symbols.add(offset, -piece.start), shape)
        for piece in family.complete(memory.shapes)
    )


def _is_of_slot(memory: Memory, family: Family, slot: Slot, shape: Shape) -> bool:
    """Whether a read lies within what the device itself wrote into its slot."""
    found = memory.family_of(slot)
    if found is None or found[0] is not family or slot.distance:
        return False
    return any(
        piece.label is not None
        and piece.label.device == 0
        and memory.shapes.holds(piece.shape, found[1] - piece.start, shape)
        for piece in family.slots[0]
    )


def faults(family: Family) -> list[tuple[Piece, str]]:
    """The pieces that are not what their slot should hold, and why."""
    agreed = {(piece.start, piece.shape.axes) for piece in family.agreed()}
    found: list[tuple[Piece, str]] = []
    for distance, slot in enumerate(family.slots):
        for piece in slot:
            if (piece.start, piece.shape.axes) not in agreed:
                found.append((piece, _fault(family, distance, piece)))
    empty = [f"that of d{j} is not filled" for j, slot in enumerate(family.slots) if not slot]
    first = next(piece for slot in family.slots for piece in slot)
    return [*((first, text) for text in empty[:1]), *found][:2]


def _fault(family: Family, distance: int, piece: Piece) -> str:
    label = piece.label
    if label is None:
        return f"that of d{distance} holds bytes of unknown origin"
    if label.device != distance:
        return f"that of d{distance} holds what device d{label.device} wrote"
    if not family.is_at(piece):
        return f"that of d{distance} holds bytes from elsewhere in its slot"
    return f"that of d{distance} differs from others in extent or writer"
