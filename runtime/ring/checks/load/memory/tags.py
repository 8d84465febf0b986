"""The rules for bytes of the LMU: whose they are, and who may read or send them.

Every write has an event. A write at an address that depends on the device puts a *block*: what the
devices put there with one instruction is what an exchange is about. Its bytes are tagged, sent and
received with their tags, and may be read by other instructions once every device has all of them,
each where its origin has it. So a device reads what the devices wrote where it believes it to be.

    place     devices have different bytes where one of them reads
    stale     exchanged bytes are read with bytes that are older
    block     a message has what was never written, or no part of a block, or one that was read
    way       what is read depends on the way that the program took
    unwritten what is read was never written
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from runtime.ring.checks.load.memory.events import Block, Events
from runtime.ring.checks.load.memory.fewer import (
    at_most,
    beneath,
    forget_turn,
    least,
    of_block,
)
from runtime.ring.checks.load.memory.growing import Grown
from runtime.ring.checks.load.memory.runs import (
    ALL,
    EVERYBODY,
    NOTHING,
    Content,
    Fewer,
    Held,
    Kind,
    Runs,
    Slots,
    Tag,
    tags_of,
)
from runtime.ring.checks.load.refusal import Narrator, Wording
from runtime.ring.checks.load.touches import Pieces
from runtime.ring.checks.load.values import Value

LOST, NOBODY, OWN, SAME, WHOLE = Kind
SCALAR = (1, 1, 1, 1, 0, 0, 0, 0)
"""Extents and strides of what `lds` loads."""


class Tags:
    """Events, blocks, and what a loop's body reads that is older than its turn."""

    def __init__(self, narrator: Narrator, devices: int) -> None:
        self.devices = devices
        self.known = Events()
        self.wording = Wording(narrator, self.known)
        self.sources = 0
        """Symbols and turns on which extents of something depend that was written."""
        self.oldest = -1
        self.older: dict[tuple[int, int], Held] = {}
        self.split: tuple[Content, Slots] = NOTHING, tags_of(NOTHING, devices)

    def read(
        self, lmu: Runs, at: int, base: int, parts: Pieces, its: Grown | None,
        loose: bool = False, device: int | None = None,
    ) -> Kind:  # fmt: skip
        """An instruction reads an operand at an address of all devices, or else of one `device`.

        `its` is how much of it, if that counts; `loose` says that it may read less than that.
        """
        starts, helds, found, plain = lmu.starts, lmu.held, list[Content](), None
        for low, high in parts:
            index = bisect_right(starts, base + low) - 1
            while index < len(starts) and starts[index] < base + high:
                if helds[index] is not plain:
                    content = self._found(lmu, index, at, its, device)
                    found.append(content)
                    if content.event < self.oldest:
                        self.note(lmu, index, base + low, base + high)
                    elif content is helds[index] and not content.fewer:
                        plain = content
                index += 1
        if len(found) == 1 and (worst := found[0].kind) is not WHOLE and worst >= OWN:
            return worst
        exchanged = [content.event for content in found if content.kind is WHOLE]
        others = [content for content in found if content.kind is not WHOLE]
        worst = min([content.kind for content in others], default=WHOLE)
        if worst < (NOBODY if loose else OWN):
            self.wording.refuse_content(at, base + parts[0][0], base + parts[-1][1], worst)
        if exchanged:
            eldest = min([content.event for content in others], default=self.known.count)
            self._read_exchanged(at, exchanged, None if loose else eldest)
        return max(worst, OWN)

    def _found(
        self, lmu: Runs, index: int, at: int, its: Grown | None, device: int | None
    ) -> Content:
        """What is read of a run, by all devices or one."""
        content = lmu.held[index]
        if isinstance(content, list):
            content = self._content(lmu, index, at, device)
        if content.fewer and its is not None:
            kind = self._least(lmu, index, at, its, content)
            return content if kind is content.kind else content._replace(kind=kind)
        return content

    def is_own(self, lmu: Runs, base: int, parts: Pieces) -> bool:
        """Whether bytes are each device's own, of this turn, and no fewer with some numbers."""
        if len(parts) != 1:
            return False
        ((low, high),) = parts
        held = lmu.only(base + low, base + high)
        if type(held) is not Content:
            return False
        return held.kind is OWN and held.event >= self.oldest and not held.fewer

    def _least(self, lmu: Runs, index: int, at: int, its: Grown, content: Content) -> Kind:
        """Who has what is read of a run of which there may be fewer bytes."""
        low, high = lmu.starts[index], lmu.end(index)
        kind = least(content, its, low, high)
        if kind is not content.kind and (content.kind is WHOLE or kind is LOST):
            self.wording.refuse_fewer(at, low, high, content.event)
        return kind

    def put(
        self, lmu: Runs, at: int, base: int, parts: Pieces, kind: Kind, its: Grown | None
    ) -> None:  # fmt: skip
        """An instruction writes at an address of all devices; `its` is how much, if that counts."""
        fewer = ALL
        if its is not None and not its.is_fixed:
            fewer = frozenset({Fewer(its, beneath(lmu, base, parts))})
            self.sources |= its.sources
        content = Content(kind, self.known.new(at), None, fewer)
        lmu.put_all(base, parts, content)

    def put_block(
        self, lmu: Runs, at: int, bases: Sequence[int], parts: Pieces, its: Grown
    ) -> None:  # fmt: skip
        """An instruction writes at an address of each device; `its` is how much there is of it."""
        event = self.known.new(at)
        grown = of_block(its, parts)
        self.known.blocks[event] = Block(at, grown)
        if grown is not None:
            self.sources |= its.sources
        tags = [Tag(device, event, 0) for device in range(self.devices)]
        self.place_all(lmu, bases, parts, tags)

    def put_somewhere(self, lmu: Runs, at: int, low: int, high: int, kind: Kind) -> None:
        """An instruction writes some bytes of a range, nobody knows which."""
        event = self.known.new(at)
        for _, first, end, held in list(lmu.within(low, high)):
            if isinstance(held, list):
                is_done = all(tag is None or self.known.is_done(tag.event) for tag in held)
                known = OWN if is_done else LOST
            else:
                known = kind if held.kind is NOBODY else min(held.kind, kind)
            fewer = ALL if isinstance(held, list) else at_most(held.fewer, kind)
            lmu.put(first, end, Content(known, event, None, fewer))

    def number(self, lmu: Runs, at: int, address: int) -> tuple[Kind, Value | None]:
        """What `lds` loads: who has it, and the number where `sts` put it there."""
        kind = self.read(lmu, at, address, ((0, 8),), Grown((address,), SCALAR, 8))
        held = lmu.only(address, address + 8)
        return kind, held.number if isinstance(held, Content) else None

    def place_all(
        self, lmu: Runs, bases: Sequence[int], parts: Pieces, tags: Sequence[Tag]
    ) -> None:
        """Give bytes of each device, from an address of its own on, a tag."""
        starts, helds, place = lmu.starts, lmu.held, bisect_left
        for low, high in parts:
            for device, (base, tag) in enumerate(zip(bases, tags, strict=True)):
                first, end = base + low, base + high
                index = place(starts, first)
                held = helds[index] if starts[index : index + 2] == [first, end] else None
                if type(held) is list:
                    held[device] = tag
                else:
                    self.place(lmu, first, end, device, tag)

    def place(self, lmu: Runs, low: int, high: int, device: int, tag: Tag) -> None:
        """Give bytes of one device a tag."""
        starts, helds = lmu.starts, lmu.held
        first = bisect_left(starts, low)
        last = first + 1
        if last >= len(starts) or starts[first] != low or starts[last] != high:
            first, last = lmu.cut(low), lmu.cut(high)
        for index in range(first, last):
            held = helds[index]
            if not isinstance(held, list):
                held = helds[index] = self._slots(held)
            held[device] = tag

    def _slots(self, held: Content) -> Slots:
        """The tags of bytes that have one story, of which there are often several runs."""
        if held != self.split[0]:
            self.split = held, tags_of(held, self.devices)
        return self.split[1][:]

    def _content(self, lmu: Runs, index: int, at: int, device: int | None) -> Content:
        """The content of a run that devices have apart, as one of them or all may read it."""
        held = lmu.held[index]
        assert isinstance(held, list)
        tag = held[device or 0]
        if held.count(tag) < len(held):
            if tag is not None and tag.origin == device:
                return Content(OWN, tag.event, None, self._fewer(tag))
            self.wording.refuse_place(held, at, lmu.starts[index], lmu.end(index))
        content = NOTHING
        if tag is not None:
            if tag.shift:
                self.wording.refuse_place(held, at, lmu.starts[index], lmu.end(index))
            block = self.known.blocks.get(tag.event)
            fewer = ALL if block is None or block.grown is None else self._fewer(tag)
            content = Content(SAME if tag.origin == EVERYBODY else WHOLE, tag.event, None, fewer)
        lmu.held[index] = content
        return content

    def _fewer(self, tag: Tag) -> frozenset[Fewer]:
        """How much there is of what has a tag."""
        block = self.known.blocks.get(tag.event)
        grown = None if block is None else block.grown
        return ALL if grown is None else frozenset({Fewer(grown, LOST)})

    def pass_turn(self, lmu: Runs, loop: int) -> None:
        """A turn of a loop ends: behind it, what extents depend on are other numbers."""
        if self.sources & loop:
            self.known.pass_turn(loop)
            forget_turn(lmu, loop)

    def note(self, lmu: Runs, index: int, low: int, high: int) -> None:
        """Remember what is read and older than the turn of a loop: what it was at first."""
        held = lmu.held[index]
        place = max(lmu.starts[index], low), min(lmu.end(index), high)
        self.older.setdefault(place, list(held) if isinstance(held, list) else held)

    def _read_exchanged(self, at: int, exchanged: list[int], eldest: int | None) -> None:
        """Note what is read, together with bytes of the `eldest` event, which may not count."""
        if eldest is not None:
            self._refuse_stale(at, exchanged, eldest)
        self.known.read(exchanged)

    def _refuse_stale(self, at: int, exchanged: list[int], eldest: int) -> None:
        """Refuse bytes that are older than the newest of exchanged ones read with them.

        Of those that were exchanged, too, the ones count that were read before.
        """
        newest, blocks = max(exchanged), self.known.blocks
        for event in exchanged:
            read = blocks[event].read
            if event != newest and read is not None and read <= newest:
                eldest = min(eldest, event)
        if eldest < blocks[newest].received:
            self.wording.refuse_stale(at, newest, eldest)
