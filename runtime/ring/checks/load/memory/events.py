"""Writes, each of which is an event, and blocks: those that devices put at places of their own."""

from dataclasses import dataclass, field

from runtime.ring.checks.load.memory.growing import NEVER, Grown


@dataclass
class Block:
    """What the devices put at addresses of their own with one instruction, `at`."""

    at: int
    grown: Grown | None = None
    """What there is of it if its extents depend on symbols or turns."""
    sent: int | None = None
    """The instruction that sent some of it last."""
    received: int = 0
    """How many events there were when some of it was received last."""
    read: int | None = None
    """How many events there were when some of it was first read that all devices had."""


@dataclass
class Events:
    """The instructions of all events, by number, and the blocks by event."""

    at: list[int] = field(default_factory=list[int])
    blocks: dict[int, Block] = field(default_factory=dict[int, Block])

    @property
    def count(self) -> int:
        """How many events there were."""
        return len(self.at)

    def new(self, at: int) -> int:
        """Instruction `at` writes."""
        events = self.at
        events.append(at)
        return len(events) - 1

    def read(self, events: list[int]) -> None:
        """An instruction reads of some blocks what all devices have."""
        for event in events:
            block = self.blocks[event]
            if block.read is None:
                block.read = self.count

    def is_done(self, event: int) -> bool:
        """Whether nobody waits for what was written."""
        block = self.blocks.get(event)
        return block is None or block.sent is None or block.read is not None

    def pass_turn(self, loop: int) -> None:
        """A turn of a loop ends: behind it, what extents depend on are other numbers."""
        for block in self.blocks.values():
            if block.grown is not None and block.grown.is_of(loop):
                block.grown = NEVER

    def forget(self, event: int) -> None:
        """Drop the blocks from an event on: they are looked at again."""
        self.blocks = {at: block for at, block in self.blocks.items() if at < event}
