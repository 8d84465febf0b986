"""Messages on tags: what each device sends is the part of a block, and goes to its neighbour so."""

from collections.abc import Sequence

from runtime.ring.checks.load.memory.fewer import is_of_block
from runtime.ring.checks.load.memory.growing import Grown
from runtime.ring.checks.load.memory.runs import Runs, Tag, tags_at, tags_of
from runtime.ring.checks.load.memory.tags import Tags
from runtime.ring.checks.load.state import Piece, Sent, Slotted
from runtime.ring.checks.load.touches import Pieces


class Messages:
    """Takes messages out of the LMU and puts them into it, for all devices at once."""

    def __init__(self, tags: Tags) -> None:
        self.tags = tags

    def send(
        self, lmu: Runs, at: int, bases: Sequence[int], parts: Pieces, its: Grown
    ) -> Sent:  # fmt: skip
        """What each device sends, in the order of the message; `its` is how much of it."""
        tags = self._one_tag_each(lmu, bases, parts)
        if tags is not None:
            is_growing = self._check_sent(at, 0, {tag.event for tag in tags})
            sent = Slotted(parts, bases, tags)
        else:
            sent = [self._send_runs(lmu, at, *one, parts) for one in enumerate(bases)]
            is_growing = False
            for device, pieces in enumerate(sent):
                is_growing |= self._check_sent(at, device, {piece.tag.event for piece in pieces})
        if is_growing or not its.is_fixed:
            for base, pieces in zip(bases, _pieces(sent), strict=True):
                self._check_fewer(at, its._replace(bases=(base,)), pieces)
        return sent

    def _check_fewer(self, at: int, its: Grown, pieces: Sequence[Piece]) -> None:
        """Refuse a message that has more or less than was put with some numbers of symbols."""
        for piece in pieces:
            block = self.tags.known.blocks[piece.tag.event]
            is_fixed = block.grown is None and its.is_fixed
            if not is_fixed and not is_of_block(its, piece, block.grown):
                self.tags.wording.refuse_extents(at, block.at)

    def _check_sent(self, at: int, device: int, events: set[int]) -> bool:
        """Note that blocks are sent, of which nobody has read yet that all devices had them.

        Whether of some of them there may be fewer bytes.
        """
        is_growing = False
        for event in events:
            block = self.tags.known.blocks[event]
            block.sent = at
            is_growing |= block.grown is not None
            if block.read is not None:
                self.tags.wording.refuse_again(at, device, block.at)
        return is_growing

    def receive(
        self, lmu: Runs, bases: Sequence[int], parts: Pieces, sent: Sent, towards: int
    ) -> None:
        """Put what the neighbours `towards` one side sent into a place of each device."""
        if isinstance(sent, Slotted) and sent.parts == parts:
            self._receive_slots(lmu, bases, sent, towards)
            return
        now, messages = self.tags.known.count, _pieces(sent)
        for device, base in enumerate(bases):
            pieces = messages[(device + towards) % self.tags.devices]
            for piece in pieces:
                self.tags.known.blocks[piece.tag.event].received = now
            self._receive_runs(lmu, device, base, parts, pieces)

    def _receive_slots(self, lmu: Runs, bases: Sequence[int], sent: Slotted, towards: int) -> None:
        now, blocks, tags = self.tags.known.count, self.tags.known.blocks, list[Tag]()
        for device, base in enumerate(bases):
            source = (device + towards) % self.tags.devices
            tag, shift = sent.tags[source], sent.addresses[source] - base
            tags.append(Tag(tag.origin, tag.event, tag.shift + shift) if shift else tag)
        for event in {tag.event for tag in tags}:
            blocks[event].received = now
        self.tags.place_all(lmu, bases, sent.parts, tags)

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
                self.tags.place(lmu, at, at + taken, device, tag)
                at += taken

    def _one_tag_each(self, lmu: Runs, bases: Sequence[int], parts: Pieces) -> list[Tag] | None:
        """Tags of messages that have one on each device, of a block; None where they have not."""
        found = tags_at(lmu, bases, *parts[0])
        if found is None or any(tags_at(lmu, bases, *part) != found for part in parts[1:]):
            return None
        blocks, oldest = self.tags.known.blocks, self.tags.oldest
        events = {tag.event for tag in found}
        return found if min(events) >= oldest and events <= blocks.keys() else None

    def _send_runs(self, lmu: Runs, at: int, device: int, base: int, parts: Pieces) -> list[Piece]:
        found: list[Piece] = []
        for low, high in parts:
            for index, first, end, held in lmu.within(base + low, base + high):
                tag = tags_of(held, self.tags.devices)[device]
                if tag is None or tag.event not in self.tags.known.blocks:
                    self.tags.wording.refuse_message(at, device, first, end, tag)
                if tag.event < self.tags.oldest:
                    self.tags.note(lmu, index, first, end)
                found.append(Piece(end - first, first, tag))
        return found


def _pieces(sent: Sent) -> list[list[Piece]]:
    """What each device sent as pieces."""
    if not isinstance(sent, Slotted):
        return sent
    pairs = zip(sent.addresses, sent.tags, strict=True)
    return [[Piece(high - low, at + low, tag) for low, high in sent.parts] for at, tag in pairs]
