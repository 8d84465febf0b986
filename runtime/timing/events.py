"""What happens in a run: one immutable event for each executed instruction.

A prediction is a fold over events (`runtime.timing.model`), and so is all else that asks about
time.
"""

from enum import StrEnum
from typing import NamedTuple


class Engine(StrEnum):
    """What serves an instruction; each takes one at a time, in order, from a queue of its own."""

    ICP = "ICP"
    STREAM = "STREAM"
    TRANSFER = "TRANSFER"
    SXE = "SXE"
    VXE = "VXE"
    SEND_LEFT = "SEND_LEFT"
    SEND_RIGHT = "SEND_RIGHT"
    RECV_LEFT = "RECV_LEFT"
    RECV_RIGHT = "RECV_RIGHT"


class Cause(StrEnum):
    """What an instruction waited for last."""

    ISSUE = "issue"
    """The control processor."""
    QUEUE = "queue"
    """Room in its queue, for which the control processor waits."""
    ENGINE = "engine"
    """The instruction before it in the same engine."""
    LMU = "lmu"
    """A granule that an earlier instruction writes, or reads before it is written."""
    HBM = "hbm"
    """An earlier access to its bytes in HBM."""
    CHANNEL = "channel"
    """The channels, for what transfers took of them, or for the bus to turn."""
    ROOM = "room"
    """Room in the FIFO."""
    PANEL = "panel"
    """Bytes of its panel."""
    LINK = "link"
    """A message that is not there yet, or room for it on the link."""


class Reason(NamedTuple):
    """When a wait was over, for what it was, and the number of the instruction behind it."""

    time: int
    cause: Cause
    waited: int


AT_ONCE = Reason(0, Cause.ISSUE, -1)


class Event(NamedTuple):
    """Instruction `number` of the run, counted from 0, at word `pc`. Times are cycles.

    It is in its queue from `issued`, its engine takes it up at `start` and has gone through it at
    `left`. `busy` of that keeps the engine at work, or is how long the channels serve it, in units
    (`runtime.timing.hbm`). `end` is when its last result is there; of a stream, its last byte in
    the FIFO; of what is sent, its last byte at the neighbour. `cause` is what it waited for last,
    and `waited` the number of the instruction behind that, -1 for none; from `ready` on it waits
    for nothing. `first` is what it waited for before: of a product all but bytes of its panel, of a
    stream all but room in the FIFO.
    """

    number: int
    pc: int
    engine: Engine
    issued: int
    start: int
    ready: int
    left: int
    end: int
    busy: int
    bytes: int
    cause: Cause
    waited: int
    first: Reason
