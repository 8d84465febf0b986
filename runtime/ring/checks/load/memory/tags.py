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

from runtime.ring.checks.load.memory.events import Block, Events, Extents
from runtime.ring.checks.load.memory.runs import (
    EVERYBODY,
    NOTHING,
    Content,
    Held,
    Kind,
    Runs,
    Slots,
    Tag,
    tags_at,
    tags_of,
)
from runtime.ring.checks.load.refusal import Narrator, Wording
from runtime.ring.checks.load.state import Piece, Sent, Slotted
from runtime.ring.checks.load.touches import Pieces
from runtime.ring.checks.load.values import Value

LOST, NOBODY, OWN, SAME, WHOLE = Kind


class Tags:
    """Events, blocks, and what a loop's body reads that is older than its turn."""

    def __init__(self, narrator: Narrator, devices: int) -> None:
        self.devices = devices
        self.known = Events()
        self.wording = Wording(narrator, self.known)
        self.oldest = -1
        self.older: dict[tuple[int, int], Held] = {}
        self.split: tuple[Content, Slots] = NOTHING, tags_of(NOTHING, devices)

    def read(
        self, lmu: Runs, at: int, base: int, parts: Pieces, loose: bool = False,
        device: int | None = None,
    ) -> Kind:  # fmt: skip
        """An instruction reads an operand at an address of all devices, or else of one `device`.

        `loose` says that it may read less than that.
        """
        if len(parts) == 1:
            held = lmu.only(base + parts[0][0], base + parts[0][1])
            if type(held) is Content and held.kind is OWN and held.event >= self.oldest:
                return OWN
        starts, helds, worst, exchanged = lmu.starts, lmu.held, WHOLE, list[int]()
        eldest, oldest, count = len(self.known.at), self.oldest, len(starts)
        for low, high in parts:
            index = bisect_right(starts, base + low) - 1
            while index < count and starts[index] < base + high:
                content = helds[index]
                if isinstance(content, list):
                    content = self._content(lmu, index, at, device)
                kind, event, _ = content
                if event < oldest:
                    self._note(lmu, index, base + low, base + high)
                if kind is WHOLE:
                    exchanged.append(event)
                else:
                    worst = min(worst, kind)
                    eldest = min(eldest, event)
                index += 1
        if worst <= NOBODY and not (loose and worst is NOBODY):
            self.wording.refuse_content(at, base + parts[0][0], base + parts[-1][1], worst)
        if exchanged and not loose:
            self._refuse_stale(at, exchanged, eldest)
        self.known.read(exchanged)
        return max(worst, OWN)

    def put(self, lmu: Runs, at: int, base: int, parts: Pieces, kind: Kind) -> None:
        """An instruction writes at an address of all devices."""
        content = Content(kind, self.known.new(at))
        for low, high in parts:
            lmu.put(base + low, base + high, content)

    def put_block(
        self, lmu: Runs, at: int, bases: Sequence[int], parts: Pieces, extents: Extents
    ) -> None:
        """An instruction writes at an address of each device; `extents` are those of symbols."""
        event = self.known.new(at)
        self.known.blocks[event] = Block(at, extents)
        tags = [Tag(device, event, 0) for device in range(self.devices)]
        self._place_all(lmu, bases, parts, tags)

    def put_somewhere(self, lmu: Runs, at: int, low: int, high: int, kind: Kind) -> None:
        """An instruction writes some bytes of a range, nobody knows which."""
        event = self.known.new(at)
        for _, first, end, held in list(lmu.within(low, high)):
            if isinstance(held, list):
                is_done = all(tag is None or self.known.is_done(tag.event) for tag in held)
                known = OWN if is_done else LOST
            else:
                known = kind if held.kind is NOBODY else min(held.kind, kind)
            lmu.put(first, end, Content(known, event))

    def send(
        self, lmu: Runs, at: int, bases: Sequence[int], parts: Pieces, extents: Extents
    ) -> Sent:
        """What each device sends, in the order of the message.

        Its `extents` that depend on symbols and loops must be those of what was put.
        """
        tags = self._one_tag_each(lmu, bases, parts)
        if tags is not None:
            self._check_sent(at, 0, {tag.event for tag in tags}, extents)
            return Slotted(parts, bases, tags)
        sent = [self._send_runs(lmu, at, *one, parts) for one in enumerate(bases)]
        for device, pieces in enumerate(sent):
            self._check_sent(at, device, {piece.tag.event for piece in pieces}, extents)
        return sent

    def _check_sent(self, at: int, device: int, events: set[int], extents: Extents) -> None:
        """Note that blocks are sent, of which nobody has read yet that all devices had them."""
        for event in events:
            block = self.known.blocks[event]
            block.sent = at
            if block.read is not None:
                self.wording.refuse_again(at, device, block.at)
            if block.extents != extents:
                self.wording.refuse_extents(at, block.at)

    def receive(
        self, lmu: Runs, bases: Sequence[int], parts: Pieces, sent: Sent, towards: int
    ) -> None:
        """Put what the neighbours `towards` one side sent into a place of each device."""
        if isinstance(sent, Slotted) and sent.parts == parts:
            self._receive_slots(lmu, bases, sent, towards)
            return
        now, messages = self.known.count, _pieces(sent)
        for device, base in enumerate(bases):
            pieces = messages[(device + towards) % self.devices]
            for piece in pieces:
                self.known.blocks[piece.tag.event].received = now
            self._receive_runs(lmu, device, base, parts, pieces)

    def _receive_slots(self, lmu: Runs, bases: Sequence[int], sent: Slotted, towards: int) -> None:
        now, blocks, tags = self.known.count, self.known.blocks, list[Tag]()
        for device, base in enumerate(bases):
            source = (device + towards) % self.devices
            tag, shift = sent.tags[source], sent.addresses[source] - base
            tags.append(Tag(tag.origin, tag.event, tag.shift + shift) if shift else tag)
        for event in {tag.event for tag in tags}:
            blocks[event].received = now
        self._place_all(lmu, bases, sent.parts, tags)

    def _receive_runs(
        self, lmu: Runs, device: int, base: int, parts: Pieces, pieces: list[Piece]
    ) -> None:
        waiting = list(reversed(pieces))
        for low, high in parts:
            at = base + low
            while at < base + high:
                length, start, tag = waiting.pop()
                taken = min(length, base + high - at)
                if taken < length:
                    waiting.append(Piece(length - taken, start + taken, tag))
                if start != at:
                    tag = Tag(tag.origin, tag.event, tag.shift + start - at)
                self._place(lmu, at, at + taken, device, tag)
                at += taken

    def number(self, lmu: Runs, at: int, address: int) -> tuple[Kind, Value | None]:
        """What `lds` loads: who has it, and the number where `sts` put it there."""
        kind = self.read(lmu, at, address, ((0, 8),))
        held = lmu.only(address, address + 8)
        return kind, held.number if isinstance(held, Content) else None

    def _one_tag_each(self, lmu: Runs, bases: Sequence[int], parts: Pieces) -> list[Tag] | None:
        """Tags of messages that have one on each device, of a block; None where they have not."""
        found = tags_at(lmu, bases, *parts[0])
        if found is None or any(tags_at(lmu, bases, *part) != found for part in parts[1:]):
            return None
        blocks, oldest = self.known.blocks, self.oldest
        for tag in found:
            if tag.event < oldest or tag.event not in blocks:
                return None
        return found

    def _send_runs(self, lmu: Runs, at: int, device: int, base: int, parts: Pieces) -> list[Piece]:
        found: list[Piece] = []
        for low, high in parts:
            for index, first, end, held in lmu.within(base + low, base + high):
                tag = tags_of(held, self.devices)[device]
                if tag is None or tag.event not in self.known.blocks:
                    self.wording.refuse_message(at, device, first, end, tag)
                if tag.event < self.oldest:
                    self._note(lmu, index, first, end)
                found.append(Piece(end - first, first, tag))
        return found

    def _place_all(
        self, lmu: Runs, bases: Sequence[int], parts: Pieces, tags: Sequence[Tag]
    ) -> None:
        """Give bytes of each device, from an address of its own on, a tag."""
        starts, helds = lmu.starts, lmu.held
        for low, high in parts:
            for device, (base, tag) in enumerate(zip(bases, tags, strict=True)):
                first = bisect_left(starts, base + low)
                if starts[first : first + 2] == [base + low, base + high]:
                    held = helds[first]
                    if isinstance(held, list):
                        held[device] = tag
                        continue
                self._place(lmu, base + low, base + high, device, tag)

    def _place(self, lmu: Runs, low: int, high: int, device: int, tag: Tag) -> None:
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
                return Content(OWN, tag.event)
            self.wording.refuse_place(held, at, lmu.starts[index], lmu.end(index))
        content = NOTHING
        if tag is not None:
            if tag.shift:
                self.wording.refuse_place(held, at, lmu.starts[index], lmu.end(index))
            content = Content(SAME if tag.origin == EVERYBODY else WHOLE, tag.event)
        lmu.held[index] = content
        return content

    def _note(self, lmu: Runs, index: int, low: int, high: int) -> None:
        """Remember what is read and older than the turn of a loop: what it was at first."""
        held = lmu.held[index]
        place = max(lmu.starts[index], low), min(lmu.end(index), high)
        self.older.setdefault(place, list(held) if isinstance(held, list) else held)

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


def _pieces(sent: Sent) -> list[list[Piece]]:
    """What each device sent as pieces."""
    if not isinstance(sent, Slotted):
        return sent
    pairs = zip(sent.addresses, sent.tags, strict=True)
    return [[Piece(high - low, at + low, tag) for low, high in sent.parts] for at, tag in pairs]
