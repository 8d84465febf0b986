"""Messages on the links of a ring, as all devices see them at once.

All devices run one text. So what one receives from its right with its k-th receive from there, is
what its right neighbour sent with the k-th send to the left: the same instruction, seen one place
further. A queue holds what was sent on one side and not received: where it is empty, a receive
would wait for a message that its neighbour only sends behind its own, equal receive, and where it
is full, a send waits for a receive behind it. Since this goes around the whole ring, neither ends.
"""

from collections.abc import Sequence
from typing import NamedTuple

from runtime.isa.instructions.net import Recv, Send
from runtime.ring.checks.compile.content.families import Label, Piece, cut, moved
from runtime.ring.checks.compile.content.memory import Memory
from runtime.ring.checks.compile.content.shapes import Shape
from runtime.ring.checks.compile.proof import Report, Rule
from runtime.ring.checks.compile.values import Value

OPPOSITE = {"left": "right", "right": "left"}


class Message(NamedTuple):
    """What the send `at` takes; the pieces count offsets from the first byte that is sent."""

    at: int
    send: Send
    extents: tuple[Value, ...]
    shape: Shape
    pieces: tuple[Piece, ...]


Queues = tuple[tuple[Message, ...], tuple[Message, ...]]
"""What is in flight to the left and to the right, oldest first."""


class Links:
    """The rules that sends and receives keep to; `most` is the most messages that a link held."""

    def __init__(self, depth: int, report: Report) -> None:
        self.depth = depth
        self.report = report
        self.most = 0

    def push(self, queues: Queues, message: Message) -> Queues:
        """The queues with a message on its link."""
        side = message.send.side
        if not message.shape.span:
            self.report.refuse(Rule.PAIRING, "{0} sends no element", message.at)
        waiting = queues[0 if side == "left" else 1]
        if len(waiting) >= self.depth:
            self.report.refuse(
                Rule.DEPTH,
                f"{{0}} waits for ever: the link to the {side} holds {self.depth} messages, the "
                "oldest that of {1}, and none is received before",
                message.at, waiting[0].at,
            )  # fmt: skip
        if len(waiting) >= self.most:
            self.most = len(waiting) + 1
        return _with(queues, side, (*waiting, message))

    def pull(
        self, queues: Queues, at: int, recv: Recv, extents: tuple[Value, ...]
    ) -> tuple[Queues, Message]:
        """The queues without the message that a receive finds, and that message."""
        side = OPPOSITE[recv.side]
        waiting = queues[0 if side == "left" else 1]
        if not waiting:
            self.report.refuse(
                Rule.ORDER,
                f"{{0}} waits for ever: each message that was sent to the {side} before it is "
                "received before it",
                at,
            )  # fmt: skip
        message = waiting[0]
        if message.send.src.type is not recv.dst.type or message.extents != extents:
            self.report.refuse(
                Rule.PAIRING,
                f"{{0}} takes {_told(extents, recv.dst.type)} where {{1}} sends "
                f"{_told(message.extents, message.send.src.type)}",
                at, message.at,
            )  # fmt: skip
        return _with(queues, side, waiting[1:]), message


def _with(queues: Queues, side: str, waiting: tuple[Message, ...]) -> Queues:
    left, right = queues
    return (waiting, right) if side == "left" else (left, waiting)


def unlike(one: Queues, other: Queues) -> int:
    """The send of a message that only one of two has in flight."""
    messages = [{message.at for side in queues for message in side} for queues in (one, other)]
    return min(messages[0] ^ messages[1])


def is_known(memory: Memory, base: Value, shape: Shape, side: str) -> bool:
    """Whether the neighbour has any of what one sends already: it was gathered, and is not new."""
    slot = None if isinstance(base, int) else memory.slot(base)
    found = None if slot is None else memory.family_of(slot)
    if slot is None or found is None or not shape.span:
        return False
    family, start = found
    end, devices = start + shape.span, len(family.slots)
    step = 1 if side == "left" else -1
    held = family.slots[(slot.distance + step) % devices]
    for piece in family.slots[slot.distance]:
        label = piece.label
        if label is None or piece.start >= end or start >= piece.end:
            continue
        device = (label.device + step) % devices
        if any(
            _is_of(other.label, label, device) and _has_some(other, piece, start, end)
            for other in held
        ):
            return True
    return False


def _is_of(other: Label | None, label: Label, device: int) -> bool:
    """Whether a label is what another device calls so that wrote as much, at whatever place."""
    return (
        other is not None
        and other.device == device
        and other.writer == label.writer
        and other.age == label.age
    )


def _has_some(other: Piece, piece: Piece, start: int, end: int) -> bool:
    """Whether bytes of a piece, from `start` to `end`, are in another of the same writer."""
    label, known = piece.label, other.label
    assert label is not None and known is not None
    if (other.start, other.shape.axes) == (piece.start, piece.shape.axes):
        return known.place == label.place
    first, last = max(start, other.start, piece.start), min(end, other.end, piece.end)
    is_dense = other.shape.size and piece.shape.size
    return bool(is_dense) and first < last and _origin(other, known) == _origin(piece, label)


def _origin(piece: Piece, label: Label) -> Value:
    """Where the slot of a piece begins that its writer wrote."""
    return moved(label.place, -piece.start)


def sent(memory: Memory, base: Value, shape: Shape) -> tuple[Piece, ...]:
    """What a device takes from its LMU, as pieces from the first byte on; without label unknown."""
    slot = None if isinstance(base, int) else memory.slot(base)
    found = None if slot is None or not shape.is_exact else memory.family_of(slot)
    if slot is None or found is None:
        return (Piece(0, shape, None, 0),)
    family, start = found
    pieces = family.slots[slot.distance]
    for piece in pieces:
        if piece.start == start and piece.shape.axes == shape.axes:
            return (piece.behind(-start),)
    end = start + shape.span
    met = [piece for piece in pieces if piece.start < end and start < piece.end]
    covered = sum(min(piece.end, end) - max(piece.start, start) for piece in met)
    if not shape.size or covered < shape.span or not all(piece.shape.size for piece in met):
        return (Piece(0, shape, None, 0),)
    parts = [cut(piece, start, end) for piece in met]
    return tuple(part._replace(start=part.start - start) for part in parts)


def received(at: int, message: Message, side: str, shape: Shape, devices: int) -> list[Piece]:
    """What a message is to who receives it from a side; unknown where its bytes lie otherwise."""
    if shape.axes != message.shape.axes:
        return [Piece(0, shape, None, at)]
    step = 1 if side == "right" else -1
    return [_seen(piece, at, step, devices) for piece in message.pieces]


def _seen(piece: Piece, at: int, step: int, devices: int) -> Piece:
    if piece.label is None:
        return Piece(piece.start, piece.shape, None, at)
    return Piece(piece.start, piece.shape, _moved_on(piece.label, step, devices), at)


def _moved_on(label: Label, step: int, devices: int) -> Label:
    """What a device calls the writer that its neighbour calls so."""
    return Label((label.device + step) % devices, label.writer, label.place, label.age)


def _told(extents: Sequence[Value], kind: object) -> str:
    shown = ", ".join(str(extent) if isinstance(extent, int) else "?" for extent in extents)
    return f"({shown}) of {kind}"
