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
there are, or they are very many, what they put or store counts behind the loop (`late`), if that is
one operand and nothing else writes there; else it is refused. Extents may depend on turns, or on
symbols, if as much is stored as was put, and what is read was stored, whatever number they are
(`growing`).
"""

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import NoReturn

from runtime.ring.checks.load.memory.blocks import Block, is_marked, meets, places, put_in
from runtime.ring.checks.load.memory.growing import NEVER, Grown, covers, have
from runtime.ring.checks.load.memory.late import Late, Turning, innermost, least, note
from runtime.ring.checks.load.memory.runs import Content, Kind, Runs, Tag, tags_of
from runtime.ring.checks.load.memory.stored import Stored
from runtime.ring.checks.load.memory.tags import Tags
from runtime.ring.checks.load.values import HIGHEST, Value, is_uniform

_, NOTHING, OWN, SAME, WHOLE = Kind
AGED = (NOTHING, SAME)
"""What else is read has an age; what each device has of its own has none here."""


class Far:
    """Reads and writes of HBM; `older` is what was read that is older than a loop's turn.

    `ask` has the turns of a loop executed one by one if an operand depends on them. `began` is how
    many events there were where the outermost loop began of which that is done now. By event `put`
    are the parts of devices, by that of the first ones `stored` rows that were exchanged, but for
    what is of a turn before; extents of some of those in `growing` depend on symbols or turns.
    """

    def __init__(self, tags: Tags, ask: Callable[[int], None]) -> None:
        self.tags = tags
        self.ask = ask
        self.began: int | None = None
        self.older: dict[tuple[int, int], Content] = {}
        self.put: dict[int, Grown] = {}
        self.stored: dict[int, list[Grown]] = {}
        self.growing = set[int]()
        self.exchanged = Stored(tags.wording)
        self.turning = list[Turning]()
        """The loops around whose turns are looked at together, outermost first."""

    @contextmanager
    def one_by_one(self, is_counted: bool) -> Generator[None]:
        """The turns of a loop are executed one by one, perhaps more than there will be."""
        outer = self.began
        self.began = self.tags.known.count if outer is None and is_counted else outer
        try:
            with self.exchanged.one_by_one():
                yield
        finally:
            self.began = outer

    def leave(self, hbm: Runs, loop: Turning) -> None:
        """The turns of a loop end: what they stored together is stored now."""
        for at, (late, *_) in loop.late.items():
            whole = loop.whole(at, self.tags.devices)
            if whole is not None:
                first, *others = whole.bases
                self.write(hbm, at, whole.bases if others else first, whole, WHOLE)
                continue
            is_part = not is_uniform(late.base) and (late.is_met or at in loop.unlike)
            if is_part or (is_uniform(late.base) and put_in(hbm, *late.found.hull)):
                self._refuse_unknown(at, late.found)

    def read(self, hbm: Runs, at: int, base: Value, found: Block | None) -> Kind:
        """Who has what is read."""
        self.check(hbm, at, base, found)
        if found is None or not is_uniform(base):
            return OWN
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

    def check(self, hbm: Runs, at: int, base: Value, found: Block | None) -> None:
        """Refuse a read of what is exchanged unless all devices have it, all of one age."""
        if found is None or not (hbm.is_marked or hbm.is_mixed):
            return
        found = found.spread()
        if found.parts:
            self._check_stored(hbm, at, base, found)
        if is_uniform(base) and meets(hbm, found):
            self._check_turns(hbm, at, found)

    def _check_stored(self, hbm: Runs, at: int, base: Value, found: Block) -> None:
        if not found.bases and self.exchanged.is_unclear(hbm, Late(base, found), self.turning):
            self.ask(found.sources)
            self._refuse_unknown(at, found)
        self.exchanged.check(hbm, at, found)

    def _check_turns(self, hbm: Runs, at: int, found: Block) -> None:
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
        if self.growing:
            self._refuse_more(hbm, at, found)

    def write(self, hbm: Runs, at: int, base: Value, found: Block | None, kind: Kind) -> None:
        """An operand is written, of what `kind` of devices have.

        It is `Kind.WHOLE` where it is what was exchanged.
        """
        if found is not None and not found.parts:
            return
        ranges = [(0, HIGHEST) if found is None else found.hull]
        if found is not None and (kind is WHOLE or hbm.is_marked or hbm.is_stored):
            found, ranges = least(hbm, Late(base, found), self.turning, self.tags.devices)
        note(self.turning, at, (0, HIGHEST) if found is None else found.hull)
        is_met = hbm.is_marked and (found is None or meets(hbm, found))
        is_late = found is not None and self._is_late(hbm, at, base, found, kind, is_met)
        if is_late and is_uniform(base):
            return
        if not is_uniform(base) and found is not None and found.is_exact:
            return self._put(hbm, at, found)
        if is_met and not is_late:
            self._refuse_unplaced(at, found)
            self._refuse_less(hbm, at, found, kind)
        if is_late:
            self.exchanged.wipe(hbm, at, ranges)
        if kind is OWN or not is_uniform(base):
            self._own(hbm, found, ranges)
        elif found is not None:
            self._same(hbm, at, found, kind)
        if is_met:
            hbm.is_marked = any(map(is_marked, hbm.held))

    def write_own(self, hbm: Runs, at: int, base: Value, found: Block | None) -> None:
        """An operand is written, of which each device has its own."""
        if found is None or not is_uniform(base) or hbm.is_marked or hbm.is_stored:
            self.write(hbm, at, base, found, OWN)
        elif found.parts:
            note(self.turning, at, found.hull)
            self._own(hbm, found, (found.hull,))

    def _ask(self, hbm: Runs, base: Value, found: Block, kind: Kind, is_met: bool) -> None:
        is_vague = kind is SAME and not found.bases and hbm.is_mixed
        is_over = is_vague and self.exchanged.is_mixed(hbm, *found.hull)
        if is_met or is_over or kind is WHOLE or not is_uniform(base):
            self.ask(found.sources)

    def _is_late(
        self, hbm: Runs, at: int, base: Value, found: Block, kind: Kind, is_met: bool
    ) -> bool:
        """Whether what was exchanged is stored over other such bytes behind a loop only.

        Where nobody knows over which of them, none of them is read from now on. So it is with parts
        that are put in turns, but until then they are bytes of which nobody knows anything.
        """
        self._ask(hbm, base, found, kind, is_met)
        loop, is_put = innermost(self.turning, found.sources), not is_uniform(base)
        late = Late(base, found, is_met)
        if found.bases or not (kind is WHOLE or is_put):
            return False
        is_over = is_put or self.exchanged.hide(hbm, at, late, self.turning)
        if loop is None:
            return is_met and not is_put and not put_in(hbm, *found.hull)
        if not (is_met or is_over):
            return False
        loop.late.setdefault(at, []).append(late)
        return True

    def pass_turn(self, loop: int) -> None:
        """A turn of a loop ends: behind it, what extents depend on are other numbers."""
        for event, grown in self.put.items():
            self.put[event] = NEVER if grown.is_of(loop) else grown
        for first in self.growing:
            stored = self.stored[first]
            stored[:] = [grown for grown in stored if not grown.is_of(loop)]
        self.exchanged.pass_turn(loop)

    def is_new_to(self, first: Runs, left: Runs) -> bool:
        """Whether a turn may do something else where it finds what the one before left."""
        parts = places(left)
        is_known = not parts or parts == places(first)
        return not is_known or self.exchanged.is_new_to(first, left)

    def _refuse_unplaced(self, at: int, found: Block | None) -> None:
        """Refuse an operand that meets what is exchanged at an address that nobody knows."""
        if found is None or not found.bases:
            self._refuse_unknown(at, found)

    def _refuse_unknown(self, at: int, found: Block | None) -> NoReturn:
        self.tags.wording.refuse_unknown(at, *((0, HIGHEST) if found is None else found.hull))

    def _refuse_more(self, hbm: Runs, at: int, found: Block) -> None:
        """Refuse a read of more than was stored by rows, with some extents."""
        near = (
            hbm.within(found.bases[0] + low, found.bases[0] + high) for low, high in found.parts
        )
        helds = [held for runs in near for *_, held in runs if isinstance(held, Content)]
        events = {held.stored for held in helds if held.kind is WHOLE}
        stored = [grown for event in events for grown in self.stored[event]]
        if events & self.growing and not have(stored, found.grown):
            self._refuse_unknown(at, found)

    def _refuse_less(self, hbm: Runs, at: int, found: Block | None, kind: Kind) -> None:
        """Refuse what all devices have over parts of which there is more or less than of it.

        Bytes count that both have with the greatest extents: so parts may be stored row by row.
        """
        if found is None or kind is OWN or found.grown.is_fixed:
            return
        grown = found.grown
        if not all(covers(grown, put) and covers(put, grown) for put in self._put_in(hbm, found)):
            self._refuse_unknown(at, found)

    def _put_in(self, hbm: Runs, found: Block) -> list[Grown]:
        """The parts that an operand may meet."""
        return [self.put[event] for event in put_in(hbm, *found.hull) & self.put.keys()]

    def _put(self, hbm: Runs, at: int, found: Block) -> None:
        """Each device has a part of its own."""
        grown = found.grown
        for put in () if grown.is_fixed else self._put_in(hbm, found):
            if put is NEVER or not grown.replaces(put):
                self._refuse_unknown(at, found)
        event = self.tags.known.new(at)
        self.put[event] = grown
        self.exchanged.put_over(hbm, event, found)
        hbm.is_marked = True
        for device, base in enumerate(found.bases):
            for low, high in found.parts:
                for index in range(hbm.cut(base + low), hbm.cut(base + high)):
                    held = hbm.held[index]
                    if not isinstance(held, list):
                        held = hbm.held[index] = tags_of(held, self.tags.devices)
                    held[device] = Tag(device, event, 0)

    def _own(self, hbm: Runs, found: Block | None, ranges: Sequence[tuple[int, int]]) -> None:
        if found is not None and found.is_exact and meets(hbm, found):
            ranges = [(found.bases[0] + low, found.bases[0] + high) for low, high in found.parts]
        for low, high in ranges:
            held = hbm.only(low, high)
            if not isinstance(held, Content) or held.kind is not OWN:
                hbm.put(low, high, Content(OWN, 0))

    def _same(self, hbm: Runs, at: int, found: Block, kind: Kind) -> None:
        event = self.tags.known.new(at)
        content = Content(SAME, event)
        if kind is WHOLE and found.is_exact:
            content = self._whole(hbm, event, found)
        is_followed = hbm.is_marked or content.stored >= 0
        if found.is_placed or (is_followed and found.is_exact):
            for low, high in found.parts:
                hbm.put_on(found.bases[0] + low, found.bases[0] + high, content)
            if content.kind is SAME and content.stored >= 0:
                self.exchanged.mark(hbm, event)
            return
        for _, first, end, held in list(hbm.within(*found.hull)):
            if is_marked(held):
                hbm.put(first, end, Content(OWN, 0))
            elif isinstance(held, Content) and held.kind is NOTHING:
                hbm.put(first, end, content)

    def _whole(self, hbm: Runs, event: int, found: Block) -> Content:
        """What was exchanged, by turns that are executed one by one or by an instruction."""
        began = self.began
        if began is None:
            self.exchanged.over(hbm, event, found)
            return Content(SAME, event, stored=event)
        hbm.is_marked = True
        first = self.exchanged.over_by_row(hbm, self.tags.known.at[event], began, event, found)
        self.stored.setdefault(first, []).append(found.grown)
        self.growing |= set() if found.grown.is_fixed else {first}
        return Content(WHOLE, began, stored=first)
