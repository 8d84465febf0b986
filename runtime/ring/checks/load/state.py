"""What is known at one place of the program: registers, memories, and messages on their way."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from runtime.numerics.elements import ElementType
from runtime.ring.checks.load.memory.runs import Runs, Tag, meet
from runtime.ring.checks.load.touches import Pieces
from runtime.ring.checks.load.values import UNKNOWN, Value, joined, sources_of

Four = tuple[int, int, int, int]
REGISTERS = 256
"""As many as an instruction can name."""


class Piece(NamedTuple):
    """Bytes of a message, where the sender had them, and their tag there."""

    length: int
    address: int
    tag: Tag


class Slotted(NamedTuple):
    """Messages of one tag each: their bytes from the address on that each device had them at."""

    parts: Pieces
    addresses: Sequence[int]
    tags: list[Tag]


Sent = Slotted | list[list[Piece]]
"""What each device sent, by its number."""


class Message(NamedTuple):
    """What all devices sent by one instruction."""

    at: int
    extents: tuple[Value, ...]
    element: ElementType
    sent: Sent


def no_registers() -> list[Value]:
    """Registers of which nothing is known but that r0 is 0."""
    return [0, *[UNKNOWN] * (REGISTERS - 1)]


@dataclass
class State:
    """`links` has the messages on their way to the left and to the right, oldest first."""

    registers: list[Value] = field(default_factory=no_registers)
    lmu: Runs = field(default_factory=Runs)
    hbm: Runs = field(default_factory=Runs)
    links: dict[str, deque[Message]] = field(
        default_factory=lambda: {"left": deque(), "right": deque()}
    )

    def copy(self) -> "State":
        """A state that changes apart from this one."""
        links = {side: deque(messages) for side, messages in self.links.items()}
        return State(self.registers[:], self.lmu.copy(), self.hbm.copy(), links)

    def in_flight(self) -> list[Message]:
        """All messages that were sent and not received."""
        return [message for messages in self.links.values() for message in messages]

    def met(self, other: "State") -> "State":
        """What is known where two ways meet that leave the same messages on their way."""
        registers = _met(self.registers, other.registers)
        return State(registers, meet(self.lmu, other.lmu), meet(self.hbm, other.hbm), self.links)


def _met(one: Sequence[Value], other: Sequence[Value]) -> list[Value]:
    """What registers hold where two ways meet; those that hold the same on each hold the same."""
    found, known = list[Value](), dict[tuple[Value, Value], Value]()
    for a, b in zip(one, other, strict=True):
        if a is b:
            found.append(a)
        elif (a is UNKNOWN or b is UNKNOWN) and not (sources_of(a) or sources_of(b)):
            found.append(UNKNOWN)
        else:
            found.append(known.get((a, b)) or known.setdefault((a, b), joined(a, b)))
    return found
