"""What lies in HBM of what devices exchange: parts that each puts in its place, rows of messages.

Of HBM nothing is claimed but this. A message for which the LMU is too small passes through it in a
loop, some rows in each turn, and is put together in HBM: there, too, are families of slots
(`families`). A device puts its part into slot 0, at an address that depends on it. What all have,
stored over the same bytes of every slot, is a complete piece: what device `j` stores into its own
slot with that instruction all store into slot `j`. So a byte of a part that is not stored over is
left, and differs from device to device.

Where no part is put before, what is stored by the turns of a loop that are walked one by one makes
a family, and each run of such a loop is another writer. When the turns end, what families have that
all devices agree in is an exchange like others (`stored`).

Bytes must be known for that. Where an operand depends on the counter of a loop, its turns are
walked one by one (`Loops.asked`). Where they cannot be, since nobody knows how many there are, or
they are very many, what they store is *late*: it counts behind the loop, as what one instruction
stores, if each turn goes on where the one before ended (`tiles`). While the loop turns, nothing
else may touch it but a device its own slot. If they leave gaps, an address that meets what is
exchanged is refused. Extents may depend on turns, or on symbols, where a part is put and stored
with the very same ones, or row by row: whatever number they are, all of it is stored.
"""

from collections.abc import Sequence

from runtime.ring.checks.compile.content.families import Family, Label, Piece
from runtime.ring.checks.compile.content.shapes import Shape, Shapes
from runtime.ring.checks.compile.content.slots import Slot, slot_of
from runtime.ring.checks.compile.content.tiles import Tile, Turns, together
from runtime.ring.checks.compile.hbm import rows
from runtime.ring.checks.compile.hbm.loops import Loops, place_of, start_of
from runtime.ring.checks.compile.hbm.reads import Reads
from runtime.ring.checks.compile.hbm.staged import Far, Late, left_of
from runtime.ring.checks.compile.hbm.stored import View, bases_of
from runtime.ring.checks.compile.proof import Report, Rule
from runtime.ring.checks.compile.values import Origin, symbols_of

_OTHERWISE = "how much {0} has in HBM of what {1} put there depends on a symbol in another way"
RUNS = 1 << 32
"""Runs of loops are told apart by multiples of this, instructions below it."""


class Staging:
    """The rules for HBM, for one walk."""

    def __init__(self, shapes: Shapes, report: Report) -> None:
        self.shapes = shapes
        self.symbols = shapes.symbols
        self.loops = Loops(shapes, report)
        self.reads = Reads(self.loops)

    def pass_turn(self, far: Far, symbol: int) -> None:
        """A turn ends: behind it, its counter is another number."""
        far.wholes.pass_turn(self.symbols, symbol)
        for family in far.families:
            for _, piece in left_of(family):
                extents = [extent for extent, _ in piece.shape.axes]
                self.loops.needed |= {symbol} & self.symbols.roots(extents)

    def write(self, far: Far, at: int, view: View, is_whole: bool) -> None:
        """An instruction stores; `is_whole` says that it is what all devices have exchanged."""
        if not view.shape.span:
            return
        self.loops.need(far, at, view)
        if self._is_late(far, at, view, is_whole):
            return
        under: frozenset[int] = frozenset()
        families = far.meeting(*self.loops.hull(view))
        if is_whole or families or far.wholes.meets(*self.loops.hull(view)):
            under = self._keep(far, at, view, families, is_whole)
        if self.symbols.origin(view.base) is Origin.DEVICE:
            self._put(far, at, view, under)
            return
        if (families or is_whole) and self.loops.asks(view, bool(families)):
            is_whole = False
        parts = self._parts(view)
        for family in families:
            is_alike = not is_whole or self._grows_alike(family, at, view, parts)
            if parts is None or not is_alike or not self._store(family, at, parts, under, is_whole):
                self._cover(far, family, at, view)
        if not self.loops.run:
            far.settle()
        if (
            is_whole
            and self.loops.run
            and parts is not None
            and not far.meeting(*self.loops.hull(view))
        ):
            self._begin(far, at, parts, under)

    def _is_late(self, far: Far, at: int, view: View, is_whole: bool) -> bool:
        """Whether a store counts behind a loop only, as what all turns store together.

        So it is where nobody counts the turns, and something is claimed of what is stored there.
        """
        if self.loops.uncounted.isdisjoint(symbols_of(view.base)):
            return False
        met = is_whole and far.wholes.meets(*self.loops.hull(view))
        is_put = self.symbols.origin(view.base) is Origin.DEVICE
        if not (met or is_put or far.meeting(*self.loops.hull(view))):
            return False
        far.late = [*(late for late in far.late if late.at != at), Late(at, view, is_whole)]
        return True

    def leave(self, far: Far, symbol: int, turns: Turns | None) -> bool:
        """A loop ends that has no such turns any more; False where nobody knows what it stored."""
        late = [late for late in far.late if symbol in symbols_of(late.view.base)]
        far.late = [other for other in far.late if other not in late]
        for at, view, is_whole in late:
            tile = Tile(view.base, view.shape.axes)
            whole = None if turns is None else together(self.symbols, tile, turns)
            if whole is not None and view.shape.is_exact:
                sizes = tuple(extent for extent, _ in whole.axes)
                self.write(far, at, View(whole.base, self.shapes.of(whole.axes), sizes), is_whole)
            elif self.symbols.origin(view.base) is Origin.DEVICE or far.meeting(
                *self.loops.hull(view)
            ):
                return False
            else:
                far.wholes.put_somewhere(at, self.loops.swept(view))
        return True

    def leave_run(self, far: Far) -> None:
        """The turns of a loop end that were walked one by one; what they stored is left."""
        self.loops.run, self.reads.swept = 0, {}
        self._settle(far, far.settle())

    def _settle(self, far: Far, families: Sequence[Family]) -> None:
        """What families have that all devices agree in is what was exchanged.

        That is alone of which no part was put before, or of which there is more or less.
        """
        for family in families:
            writers = dict.fromkeys(p.label.writer for p in family.agreed() if p.label is not None)
            for writer in writers:
                pieces = [p for p in family.agreed() if p.label and p.label.writer == writer]
                pieces.sort(key=lambda piece: piece.start)
                found = rows.joined(pieces) or self._unknown(pieces)
                shape = self.shapes.repeated(found, len(family.slots), family.step)
                view = View(start_of(family, pieces[0]), shape, ())
                runs = [run for piece in pieces for run in self.loops.runs(family, piece)]
                is_alone = not family.is_put or not all(isinstance(e, int) for e, _ in shape.axes)
                far.wholes.put_whole(pieces[0].at, view, runs, family.under, is_alone)

    def _unknown(self, pieces: Sequence[Piece]) -> Shape:
        """Pieces of a slot of which nobody knows how much there is in between."""
        size = pieces[-1].end - pieces[0].start
        return Shape(((self.symbols.unknown(), 1),), 0, size, False, 0)

    def _keep(
        self, far: Far, at: int, view: View, families: Sequence[Family], is_whole: bool
    ) -> frozenset[int]:
        """What is stored as one lies over what was stored before, and so does all else.

        The numbers of what was there.
        """
        self.reads.forget(*self.loops.hull(view))
        most, places = self.shapes.greatest(view.shape), bases_of(self.shapes, view.base)
        parts = [self.shapes.runs(most, place) for place in places]
        runs = [run for part in parts if part is not None for run in part]
        if not places or None in parts:
            swept = self.loops.swept(view)
            far.wholes.put_somewhere(at, swept) if is_whole else far.wholes.put(swept)
            return frozenset()
        is_put = self.symbols.origin(view.base) is Origin.DEVICE
        under = far.wholes.under(runs) if is_whole or is_put else frozenset[int]()
        under = under.union(*(family.under for family in families))
        if is_whole and not self.loops.run and view.shape.is_exact and isinstance(view.base, int):
            is_alone = bool(families) and not all(isinstance(size, int) for size in view.sizes)
            far.wholes.put_whole(at, view, runs, under, is_alone)
        else:
            far.wholes.put(runs)
        return under

    def _cover(self, far: Far, family: Family, at: int, view: View) -> None:
        """Something else is stored: of parts those are left that it does not cover for sure."""
        if family in far.stored:
            self._settle(far, [family])
            far.wholes.put(self.loops.swept(view))
            far.drop(family)
            return
        for low, high in self.shapes.runs(view.shape, view.base) or ():
            for distance in range(len(family.slots)):
                start = place_of(family) + family.step * distance
                family.clear(distance, low - start, high - start, at)
        if not any(left_of(family)):
            far.drop(family)

    def _put(self, far: Far, at: int, view: View, under: frozenset[int]) -> None:
        """Each device puts a part of its own."""
        slot = None if isinstance(view.base, int) else slot_of(self.symbols, view.base)
        is_known = not self.loops.asks(view) and view.shape.is_exact
        low, high = self.loops.hull(view)
        met = far.meeting(low, high)
        if slot is None or not is_known or not isinstance(slot.base, int):
            for family in met:
                far.drop(family)
            return
        piece = Piece(0, view.shape, Label(0, self._writer(at), slot.base), at)
        for family in met:
            if not self._fits(far, family, slot, piece):
                far.drop(family)
                continue
            part = piece.behind(slot.base - place_of(family))
            self._replaced(family.slots[slot.distance], part, view)
            family.put(slot.distance, part)
            family.under, family.is_put = family.under | under, True
        family = Family(slot.base, slot.step, self.symbols.devices, (slot.base, slot.base))
        if not far.meeting(low, high) and family.has_room(0, view.shape):
            family.put(slot.distance, piece)
            family.under, family.is_put = under, True
            far.families.append(family)

    def _replaced(self, slot: tuple[Piece, ...], new: Piece, view: View) -> None:
        """Refuse a part that is put over another with the greatest extents only."""
        if all(isinstance(size, int) for size in view.sizes):
            return
        for old in slot:
            is_same = (old.start, old.shape.axes) == (new.start, new.shape.axes)
            if not is_same and old.start < new.end and new.start < old.end:
                self.loops.refuse(Rule.CONTENT, _OTHERWISE, new.at, old.at, view)

    def _fits(self, far: Far, family: Family, slot: Slot, piece: Piece) -> bool:
        """Whether a part goes into a slot of a family, which is one of parts then."""
        assert isinstance(slot.base, int)
        start = slot.base - place_of(family)
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
            is_same = parts is not None and rows.are_alike(family, piece, parts)
            if not is_same and self.loops.has(family, piece, view):
                self.loops.refuse(Rule.CONTENT, _OTHERWISE, at, piece.at, view)
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
        self,
        family: Family,
        at: int,
        parts: tuple[int, int, Shape],
        under: frozenset[int],
        is_whole: bool,
    ) -> bool:
        """Store over a family, slot by slot; False where nothing is known of it behind that."""
        base, step, shape = parts
        start, devices = base - place_of(family), len(family.slots)
        family.under |= under
        if step == family.step and is_whole and family.has_room(start, shape):
            self._fill(family, at, base, start, shape)
            return True
        low, high = family.extent
        is_gone = shape.span == step and base <= low and high <= base + step * devices
        return is_whole and not is_gone and any(left_of(family))

    def _begin(
        self, far: Far, at: int, parts: tuple[int, int, Shape], under: frozenset[int]
    ) -> None:
        base, step, shape = parts
        family = Family(base, step, self.symbols.devices, (base, base))
        family.under = under
        if shape.span <= step:
            self._fill(family, at, base, 0, shape)
            far.families.append(family)
            far.stored.append(family)

    def _fill(self, family: Family, at: int, base: int, start: int, shape: Shape) -> None:
        for distance in range(len(family.slots)):
            label = Label(distance, self._writer(at), base)
            family.put(distance, Piece(start, shape, label, at))

    def _writer(self, at: int) -> int:
        return at + RUNS * self.loops.run
