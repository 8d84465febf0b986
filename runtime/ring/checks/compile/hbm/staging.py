"""What lies in HBM of what devices exchange: parts that each puts in its place, rows of messages.

Of HBM nothing is claimed but this. A message for which the LMU is too small passes through it in a
loop, some rows in each turn, and is put together in HBM: there, too, are families of slots
(`families`). A device puts its part into slot 0, at an address that depends on it. What all have,
stored over the same bytes of every slot, is a complete piece: what device `j` stores into its own
slot with that instruction all store into slot `j`. So a byte of a part that is not stored over is
left, and differs from device to device.

Where no part is put before, what is stored by the turns of a loop that are walked one by one makes
a family, and each run of such a loop is another writer: with bytes that it did not store nothing of
it is read, since those are of an exchange before.

Bytes must be known for that. Where an operand depends on the counter of a loop, its turns are
walked one by one (`Staging.asked`). Where they cannot be, since nobody knows how many there are, or
they are very many, an address that meets what is exchanged is refused. Extents may depend on them,
or on symbols, where a part is put and stored with the very same ones: whatever number they are, all
of it is stored. What is read may be less than what was stored.
"""

from runtime.ring.checks.compile.content.families import Family, Label, Piece
from runtime.ring.checks.compile.content.reading import faults
from runtime.ring.checks.compile.content.shapes import Shape, Shapes, are_within
from runtime.ring.checks.compile.content.slots import Slot, slot_of
from runtime.ring.checks.compile.hbm.staged import Far, left_of
from runtime.ring.checks.compile.hbm.stored import View, bases_of
from runtime.ring.checks.compile.proof import Report, Rule
from runtime.ring.checks.compile.values import Origin

_OTHERWISE = "how much {0} has in HBM of what {1} put there depends on a symbol in another way"
_OLDER = "{0} reads in HBM what {1} stored of an exchange, and what {2} left there of one before"
RUNS = 1 << 32
"""Runs of loops are told apart by multiples of this, instructions below it."""


class Staging:
    """The rules for HBM, for one walk.

    `counters` are the symbols of the loops around, `asked` those of which the turns are looked at
    if they are known, `needed` those of which they have to be, since what is exchanged does.
    `run` is the number of the outermost loop whose turns are walked one by one, or 0.
    """

    def __init__(self, shapes: Shapes, report: Report) -> None:
        self.shapes = shapes
        self.symbols = shapes.symbols
        self.report = report
        self.counters: set[int] = set()
        self.asked: set[int] = set()
        self.needed: set[int] = set()
        self.run = 0

    def asks(self, view: View, is_needed: bool = True) -> bool:
        """Whether an address depends on the counter of a loop, whose turns have to be known then.

        The turns are asked for where extents depend on it, too.
        """
        found = self.counters & self.symbols.roots((view.base,))
        self.asked |= self.counters & self.symbols.roots((view.base, *view.sizes))
        if is_needed:
            self.needed |= found
        return bool(found)

    def refuse(self, rule: Rule, words: str, at: int, by: int, view: View) -> None:
        """Refuse an operand; not yet where extents depend on turns with which it may be right."""
        found = self.counters & self.symbols.roots(view.sizes)
        self.needed |= found
        if not found:
            self.report.refuse(rule, words, at, by)

    def pass_turn(self, far: Far, symbol: int) -> None:
        """A turn ends: behind it, its counter is another number."""
        far.wholes.pass_turn(self.symbols, symbol)
        for family in far.families:
            for _, piece in left_of(family):
                extents = [extent for extent, _ in piece.shape.axes]
                self.needed |= {symbol} & self.symbols.roots(extents)

    def read(self, far: Far, at: int, view: View) -> None:
        """Refuse a read of what devices have different, or of a part of what was exchanged."""
        if far.wholes.is_mixed and (pair := far.wholes.wrong(self.shapes, view)):
            self.report.refuse(Rule.MIXTURE, _OLDER, at, *(whole.at for whole in pair))
        met = [f for f in far.meeting(*self._hull(view)) if f in far.stored or any(left_of(f))]
        if not met or self.symbols.origin(view.base) is Origin.DEVICE or self.asks(view):
            return
        is_same = self.symbols.origin(view.base) is Origin.SAME
        for family in met if is_same else ():
            self._read(family, at, view)
            if family in far.stored:
                self._read_rows(family, at, view)

    def _read(self, family: Family, at: int, view: View) -> None:
        for _, piece in left_of(family):
            if self._has(family, piece, view):
                told = "; ".join(dict.fromkeys(text for _, text in faults(family)))
                words = f"{{0}} reads parts in HBM, last put by {{1}}, of which {told}"
                self.refuse(Rule.CONTENT, words, at, piece.at, view)

    def _read_rows(self, family: Family, at: int, view: View) -> None:
        """Refuse a read of what one run of a loop stored together with other bytes.

        All that it may read counts.
        """
        read = self.shapes.runs(self.shapes.greatest(view.shape), view.base)
        met = [piece for piece in family.agreed() if self._has(family, piece, view)]
        if read is None or not met:
            return
        writers = {piece.label.writer for piece in met if piece.label is not None}
        rows = [
            run
            for piece in met
            for k in range(len(family.slots))
            for run in self.shapes.runs(piece.shape, family.step * k + _start(family, piece)) or ()
        ]
        if len(writers) > 1 or not are_within(read, rows):
            words = "{0} reads in HBM what {1} stored row by row together with other bytes"
            self.refuse(Rule.MIXTURE, words, at, met[0].at, view)

    def _has(self, family: Family, piece: Piece, view: View) -> bool:
        """Whether a read has a byte of a piece in any slot."""
        assert isinstance(family.base, int)
        starts = (family.base + family.step * k for k in range(len(family.slots)))
        return any(
            self.shapes.meets(view.shape, view.base, start + piece.start, start + piece.end)
            for start in starts
        )

    def write(self, far: Far, at: int, view: View, is_whole: bool) -> None:
        """An instruction stores; `is_whole` says that it is what all devices have exchanged."""
        if not view.shape.span:
            return
        if is_whole or far.wholes.meets(*self._hull(view)):
            self._keep(far, at, view, is_whole)
        if self.symbols.origin(view.base) is Origin.DEVICE:
            self._put(far, at, view)
            return
        families = far.meeting(*self._hull(view))
        if (families or is_whole) and self.asks(view, bool(families)):
            is_whole = False
        parts = self._parts(view)
        for family in families:
            is_alike = not is_whole or self._grows_alike(family, at, view, parts)
            if parts is None or not is_alike or not self._store(far, family, at, parts, is_whole):
                self._cover(far, family, at, view)
        if not self.run:
            far.settle()
        if is_whole and self.run and parts is not None and not far.meeting(*self._hull(view)):
            self._begin(far, at, parts)

    def _keep(self, far: Far, at: int, view: View, is_whole: bool) -> None:
        """What is stored as one lies over what was stored before, and so does all else."""
        most, places = self.shapes.greatest(view.shape), bases_of(self.shapes, view.base)
        parts = [self.shapes.runs(most, place) for place in places]
        runs = [run for part in parts if part is not None for run in part]
        is_one = is_whole and not self.run and view.shape.is_exact
        if is_one and isinstance(view.base, int) and runs:
            far.wholes.put_whole(at, view.base, view.shape, runs)
        else:
            far.wholes.put(runs if places and None not in parts else [self._hull(view)])

    def _cover(self, far: Far, family: Family, at: int, view: View) -> None:
        """Something else is stored: of parts those are left that it does not cover for sure."""
        runs = self.shapes.runs(self.shapes.greatest(view.shape), view.base)
        for low, high in () if family in far.stored else runs or ():
            for distance in range(len(family.slots)):
                start = _place(family) + family.step * distance
                family.clear(distance, low - start, high - start, at)
        if family in far.stored or not any(left_of(family)):
            far.drop(family)

    def _put(self, far: Far, at: int, view: View) -> None:
        """Each device puts a part of its own."""
        slot = None if isinstance(view.base, int) else slot_of(self.symbols, view.base)
        is_known = not self.asks(view) and view.shape.is_exact
        low, high = self._hull(view)
        met = far.meeting(low, high)
        if slot is None or not is_known or not isinstance(slot.base, int):
            for family in met:
                far.drop(family)
            return
        piece = Piece(0, view.shape, Label(0, self._writer(at), slot.base), at)
        for family in met:
            if self._fits(far, family, slot, piece):
                start = slot.base - _place(family)
                self._replaced(family.slots[slot.distance], piece._replace(start=start), view)
                family.put(slot.distance, piece._replace(start=start))
                return
            far.drop(family)
        family = Family(slot.base, slot.step, self.symbols.devices, (slot.base, slot.base))
        if family.has_room(0, view.shape):
            family.put(slot.distance, piece)
            far.families.append(family)

    def _replaced(self, slot: tuple[Piece, ...], new: Piece, view: View) -> None:
        """Refuse a part that is put over another with the greatest extents only."""
        if all(isinstance(size, int) for size in view.sizes):
            return
        for old in slot:
            is_same = (old.start, old.shape.axes) == (new.start, new.shape.axes)
            if not is_same and old.start < new.end and new.start < old.end:
                self.refuse(Rule.CONTENT, _OTHERWISE, new.at, old.at, view)

    def _fits(self, far: Far, family: Family, slot: Slot, piece: Piece) -> bool:
        """Whether a part goes into a slot of a family, which is one of parts then."""
        assert isinstance(slot.base, int)
        start = slot.base - _place(family)
        if family.step != slot.step or not family.has_room(start, piece.shape):
            return False
        if family in far.stored:
            far.stored.remove(family)
        return True

    def _grows_alike(
        self, family: Family, at: int, view: View, parts: tuple[int, int, Shape] | None
    ) -> bool:
        """Whether a store covers the same of parts whatever its extents are."""
        if all(isinstance(size, int) for size in view.sizes):
            return True
        for _, piece in left_of(family):
            is_same = parts is not None and _is_alike(family, piece, parts)
            if not is_same and self._has(family, piece, view):
                self.refuse(Rule.CONTENT, _OTHERWISE, at, piece.at, view)
                return False
        return True

    def _parts(self, view: View) -> tuple[int, int, Shape] | None:
        """What is stored as equal shapes for all devices: address, distance, shape; or None."""
        shape, devices = view.shape, self.symbols.devices
        if not isinstance(view.base, int) or shape.low or not shape.is_exact or not shape.axes:
            return None
        (count, step), *inner = shape.axes
        if shape.size and shape.size % devices == 0:
            size = shape.size // devices
            return view.base, size, Shape(((size, 1),), 0, size, True, size)
        if not isinstance(count, int) or count % devices or not inner:
            return None
        if rows := count // devices - 1:
            inner.insert(0, (rows + 1, step))
            step *= rows + 1
        span = shape.span - step * (devices - 1)
        size = span if len(inner) == 1 and isinstance(inner[0][0], int) else 0
        return view.base, step, Shape(tuple(inner), 0, span, True, size)

    def _store(
        self, far: Far, family: Family, at: int, parts: tuple[int, int, Shape], is_whole: bool
    ) -> bool:
        """Store over a family, slot by slot; False where nothing is known of it behind that."""
        base, step, shape = parts
        start, devices = base - _place(family), len(family.slots)
        if start and family in far.stored and not self._is_of_run(family):
            return False
        if step == family.step and is_whole and family.has_room(start, shape):
            self._fill(family, at, base, start, shape)
            return True
        low, high = family.extent
        is_gone = shape.span == step and base <= low and high <= base + step * devices
        return is_whole and not is_gone and any(left_of(family))

    def _is_of_run(self, family: Family) -> bool:
        """Whether the run of the loop around has stored into a family."""
        labels = (piece.label for piece in family.slots[0])
        return any(label is not None and label.writer // RUNS == self.run for label in labels)

    def _begin(self, far: Far, at: int, parts: tuple[int, int, Shape]) -> None:
        base, step, shape = parts
        family = Family(base, step, self.symbols.devices, (base, base))
        if shape.span <= step:
            self._fill(family, at, base, 0, shape)
            far.families.append(family)
            far.stored.append(family)

    def _fill(self, family: Family, at: int, base: int, start: int, shape: Shape) -> None:
        for distance in range(len(family.slots)):
            label = Label(distance, self._writer(at), base)
            family.put(distance, Piece(start, shape, label, at))

    def _writer(self, at: int) -> int:
        return at + RUNS * self.run

    def _hull(self, view: View) -> tuple[int, int]:
        low, high = self.symbols.range(view.base)
        return low + view.shape.low, high + view.shape.low + view.shape.span


def _start(family: Family, piece: Piece) -> int:
    return _place(family) + piece.start


def _place(family: Family) -> int:
    assert isinstance(family.base, int)
    return family.base


def _is_alike(family: Family, piece: Piece, parts: tuple[int, int, Shape]) -> bool:
    """Whether a piece is one of equal shapes for all devices, whatever its extents are."""
    base, step, shape = parts
    found = (_start(family, piece), family.step, piece.shape.axes)
    return found == (base, step, shape.axes)
