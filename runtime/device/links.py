"""Links between devices: who sends what to whom, in which order, and how much is on its way.

    transports = ring_of(devices=4, depth=8)
    devices[0].transport = transports[0]

A `Transport` is all that a device knows of the others. In one process it is the ends of four
`Link`s; whoever connects processes writes another one.
"""

from collections import deque
from typing import NamedTuple, Protocol

from runtime.device.memory import Array
from runtime.device.stops import Blocked
from runtime.isa.fields import Four
from runtime.numerics.elements import ElementType
from runtime.traps import Trap, TrapKind


class Message(NamedTuple):
    """Elements on their way: a vector, which nobody changes, of a block in row-major order."""

    extents: Four
    element: ElementType
    data: Array

    def __str__(self) -> str:
        return f"{self.element.value} {self.extents}"


class Link:
    """Messages from one device to another, oldest first, at most `depth` of them."""

    def __init__(self, depth: int) -> None:
        assert depth > 0
        self.depth = depth
        self.messages: deque[Message] = deque()

    def send(self, message: Message) -> None:
        """Append a message; Blocked while the link is full."""
        if len(self.messages) >= self.depth:
            raise Blocked(f"{len(self.messages)} messages wait to be received")
        self.messages.append(message)

    def recv(self) -> Message:
        """Take the oldest message; Blocked while there is none."""
        if not self.messages:
            raise Blocked("no message has been sent")
        return self.messages.popleft()


class Transport(Protocol):
    """The two neighbours of a device, by the side on which they are."""

    def send(self, side: str, message: Message) -> None:
        """Send a message; Blocked, without any effect, while there is no room for it."""
        ...

    def recv(self, side: str) -> Message:
        """The next message; Blocked, without any effect, while there is none."""
        ...

    def clear(self) -> None:
        """Forget what is on its way."""
        ...


class Links:
    """The transport of a device whose neighbours are in the same process: links by side."""

    def __init__(self, outgoing: dict[str, Link], incoming: dict[str, Link]) -> None:
        self.outgoing, self.incoming = outgoing, incoming

    def send(self, side: str, message: Message) -> None:
        """Send a message to a neighbour."""
        self.outgoing[side].send(message)

    def recv(self, side: str) -> Message:
        """The next message of a neighbour."""
        return self.incoming[side].recv()

    def clear(self) -> None:
        """Forget what neighbours sent."""
        for link in self.incoming.values():
            link.messages.clear()


def ring_of(devices: int, depth: int) -> list[Links]:
    """The transports of devices in a ring; the right neighbour of the last one is the first."""
    left, right = ([Link(depth) for _ in range(devices)] for _ in range(2))
    return [
        Links(
            {"left": left[d], "right": right[d]},
            {"left": right[d - 1], "right": left[(d + 1) % devices]},
        )
        for d in range(devices)
    ]


def neighbours(transport: Transport | None) -> Transport:
    """The transport of a device; Trap where it is alone."""
    if transport is None:
        raise Trap(TrapKind.LINK, "this device has no neighbours")
    return transport


def refuse_other(message: Message, extents: Four, element: ElementType) -> None:
    """Trap unless a message has the extents and the element type with which it is received."""
    if message.extents != extents or message.element is not element:
        wanted = f"{element.value} {extents}"
        raise Trap(TrapKind.LINK, f"the message is {message}, expected {wanted}")
