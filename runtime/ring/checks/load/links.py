"""Messages between the devices, and who waits for whom.

All devices run one text and branch alike, so they are at the same place together: what one does by
an instruction all do. With links that keep the order of messages no other pace gives other results,
and if all wait here, at any pace each waits in the end: the neighbour for whom a device waits
stands at the same instruction, and so on around the ring.

    cycle     a receive finds no message, or a send finds the link full
    message   a message has no element, or other extents or another type than it is received with
    bounds    an operand leaves the LMU, is not aligned, or overlaps itself
    left over a message is on its way where none may be
"""

from functools import lru_cache
from math import prod
from typing import Any, NoReturn

from runtime.isa.instructions.net import Recv, Send
from runtime.ring.checks.load.memory.growing import Grown
from runtime.ring.checks.load.memory.messages import Messages
from runtime.ring.checks.load.memory.tags import Tags
from runtime.ring.checks.load.refusal import Narrator
from runtime.ring.checks.load.state import Message, State
from runtime.ring.checks.load.touches import in_order, overlaps, run_of
from runtime.ring.checks.load.values import Turns, Value, shown, sources_of
from runtime.target import Target

Shape = tuple[int, ...]
Extents = tuple[Value, ...]
Places = tuple[int, ...]
MOST_RUNS = 1 << 14
"""Pieces of a message at most."""
OPPOSITE = {"left": "right", "right": "left"}
TOWARDS = {"left": -1, "right": 1}


class Ends:
    """Sends and receives, for all devices at once."""

    def __init__(self, narrator: Narrator, tags: Tags, devices: int, target: Target) -> None:
        self.narrator = narrator
        self.messages = Messages(tags)
        self.devices = devices
        self.target = target
        self.loops = 0
        """The loops around whose turns are looked at together and could be looked at apart."""
        self.counted = 0
        """Those of the loops around of which it is known how many turns they have."""

    def send(
        self, state: State, at: int, inst: Any, base: Value, shape: Shape, extents: Extents
    ) -> None:
        """Every device sends to one side."""
        assert isinstance(inst, Send)
        messages = state.links[inst.side]
        if len(messages) >= self.target.link_depth:
            self._refuse_cycle(
                at, TOWARDS[inst.side],
                f"to take one of {len(messages)} messages from a link that holds no more",
            )  # fmt: skip
        if min(shape[:4]) <= 0:
            name = self.narrator.name(at)
            self.narrator.refuse("message", f"{name} sends no element", at)
        size = inst.src.type.itemsize
        bases, parts = self.places(at, base, shape, size), in_order(shape, size)
        its = Grown(bases, (*extents, *shape[4:]), size)
        sent = self.messages.send(state.lmu, at, bases, parts, its)
        messages.append(Message(at, extents, inst.src.type, sent))

    def recv(
        self, state: State, at: int, inst: Any, base: Value, shape: Shape, extents: Extents
    ) -> None:
        """Every device receives from one side what its neighbour there sent to the other."""
        assert isinstance(inst, Recv)
        messages = state.links[OPPOSITE[inst.side]]
        if not messages:
            self._refuse_cycle(at, TOWARDS[inst.side], "to send, which it does only later")
        message = messages.popleft()
        if message.extents != extents or message.element is not inst.dst.type:
            self._refuse_message(at, message, f"{inst.dst.type.value} {_shown(extents)}")
        size = inst.dst.type.itemsize
        self.refuse_overlap(at, shape, size)
        bases, parts = self.places(at, base, shape, size), in_order(shape, size)
        self.messages.receive(state.lmu, bases, parts, message.sent, TOWARDS[inst.side])

    def places(self, at: int, base: Value, shape: Shape, size: int) -> Places:
        """The address of an operand on each device, which lies in the LMU and is aligned."""
        if isinstance(base, int):
            base = (base,) * self.devices
        if not isinstance(base, tuple):
            self.ask(sources_of(base))
            self._refuse_bounds(at, "has an address that may be any of many")
        if problem := _problem(base, shape, size, self.target.lmu_bytes):
            self._refuse_bounds(at, problem)
        return base

    def refuse_overlap(self, at: int, shape: Shape, size: int) -> None:
        """Refuse a result of which an element is written twice."""
        if overlaps(shape, size):
            self._refuse_bounds(at, "writes bytes twice")

    def refuse_left_over(self, state: State, at: int, where: str) -> None:
        """Refuse messages that are on their way where none may be."""
        for message in state.in_flight():
            name = self.narrator.name(message.at)
            what = f"what {name} sent is not received {where}"
            self.narrator.refuse("left over", what, message.at, at)

    def ask(self, sources: int) -> None:
        """Raise Turns where something is known once the turns of some loop are."""
        if loops := sources & self.loops:
            raise Turns(loops)

    def ask_counted(self, sources: int) -> None:
        """The same where less holds of fewer turns than there are at most."""
        self.ask(sources & self.counted)

    def _refuse_bounds(self, at: int, problem: str) -> NoReturn:
        self.narrator.refuse("bounds", f"{self.narrator.name(at)} {problem}", at)

    def _refuse_message(self, at: int, message: Message, wanted: str) -> NoReturn:
        name, other = self.narrator.name(at), self.narrator.name(message.at)
        self.narrator.refuse(
            "message",
            f"{name} expects {wanted}, and {other} on the neighbour sent {message.element.value} "
            f"{_shown(message.extents)}",
            at, message.at,
        )  # fmt: skip

    def _refuse_cycle(self, at: int, towards: int, what: str) -> NoReturn:
        n = self.devices
        waits = [f"device {d} for device {(d + towards) % n}" for d in range(n)]
        self.narrator.refuse(
            "cycle",
            f"every device waits for ever at {self.narrator.name(at)} for its neighbour {what}: "
            f"{', '.join(waits)}",
            at,
        )


def is_sound(places: Places, shape: Shape, size: int, most: int) -> bool:
    """Whether an operand may lie at some addresses of an LMU of so many bytes."""
    return not _problem(places, shape, size, most)


@lru_cache(1 << 12)
def _problem(places: Places, shape: Shape, size: int, most: int) -> str:
    """What is wrong with an operand at some addresses, nothing where it is right."""
    if min(shape[:4]) <= 0:
        return ""
    if prod(shape[:4]) * size > most:
        return "has more bytes than the LMU"
    used = [(e - 1) * s for e, s in zip(shape[:4], shape[4:], strict=True)]
    low, high = sum(r for r in used if r < 0), sum(r for r in used if r > 0) + size
    if min(places) + low < 0 or max(places) + high > most:
        return "leaves the LMU"
    if prod(shape[:4]) * size > MOST_RUNS * run_of(shape, size):
        return "lies in too many pieces"
    steps = (s for e, s in zip(shape[:4], shape[4:], strict=True) if e > 1)
    return f"is not aligned to {size} bytes" if any(n % size for n in (*places, *steps)) else ""


def _shown(extents: Extents) -> str:
    return f"({', '.join(map(shown, extents))})"
