"""Links between devices: who sends what to whom, in which order, and how much is on its way.

    first, *others = ring_of(devices=4, depth=8)
    device = Device(..., transport=first)

A `Transport` is all that a device knows of the others. In one process it consists of the ends of
four `Link`s; whoever connects processes writes another one.
"""

from collections import deque
from collections.abc import Callable
from typing import NamedTuple, Protocol

from runtime.device.memory import Array
from runtime.device.stops import Blocked
from runtime.isa.fields import Four
from runtime.numerics.elements import ElementType
from runtime.traps import Trap, TrapKind


class Form(NamedTuple):
    """Extents and element type of a message."""

    extents: Four
    element: ElementType

    def __str__(self) -> str:
        return f"{self.element.value} {self.extents}"


Message = tuple[Form, Array]
"""Elements on their way: a vector, which nobody changes, of a block in row-major order."""


class Link:
    """Messages from one device to another, oldest first, at most `depth` of them."""

    def __init__(self, depth: int) -> None:
        assert depth > 0
        self.depth = depth
        self.messages: deque[Message] = deque()

    def has_room(self) -> bool:
        """Whether another message can be sent."""
        return len(self.messages) < self.depth

    def has_message(self) -> bool:
        """Whether a message can be received."""
        return bool(self.messages)

    def send(self, message: Message) -> None:
        """Append a message; Blocked while the link is full."""
        messages = self.messages
        if len(messages) >= self.depth:
            raise Blocked(f"{len(messages)} messages wait to be received", self.has_room)
        messages.append(message)

    def recv(self) -> Message:
        """Take the oldest message; Blocked while there is none."""
        if not self.messages:
            raise Blocked("no message is on its way", self.has_message)
        return self.messages.popleft()


class Transport(Protocol):
    """The two neighbours of a device, by the side on which they are.

    What `sender` and `receiver` give raises Blocked, without any effect, where it has to wait.
    """

    def sender(self, side: str) -> Callable[[Message], None]:
        """What sends a message to a neighbour."""
        ...

    def receiver(self, side: str) -> Callable[[], Message]:
        """What takes the oldest message of a neighbour."""
        ...

    def clear(self) -> None:
        """Forget what neighbours sent."""
        ...


class Links:
    """The transport of a device whose neighbours are in the same process: links by side."""

    def __init__(self, outgoing: dict[str, Link], incoming: dict[str, Link]) -> None:
        self.outgoing, self.incoming = outgoing, incoming

    def sender(self, side: str) -> Callable[[Message], None]:
        """What sends a message to a neighbour."""
        return self.outgoing[side].send

    def receiver(self, side: str) -> Callable[[], Message]:
        """What takes the oldest message of a neighbour."""
        return self.incoming[side].recv

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


def other_form(form: Form, expected: Form) -> Trap:
    """The trap of a message that is received with other extents or another element type."""
    return Trap(TrapKind.LINK, f"the message is {form}, expected {expected}")
