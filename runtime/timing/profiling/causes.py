"""What an engine does in a cycle, or what it waits for."""

from enum import StrEnum

from runtime.timing.events import Cause, Engine


class Spent(StrEnum):
    """On what a cycle of an engine goes."""

    MATRIX = "matrix"
    """Tiles of a product pass the MAC trees, set-up included; or somebody waits for them."""
    VECTOR = "vector"
    """A pass of the vector engine, or somebody waits for one."""
    MEMORY = "memory"
    """Bytes of HBM move, or are waited for; the bus turns."""
    REFRESH = "refresh"
    """The share of moving bytes that the refresh of HBM takes."""
    LINK = "link"
    """A message passes a link, or is waited for, or room for it."""
    CONTROL = "control"
    """The control processor works, or nothing was issued to the engine yet."""
    IDLE = "idle"
    """Nothing comes any more until the end of the run."""


WORK = {
    Engine.ICP: Spent.CONTROL, Engine.STREAM: Spent.MEMORY, Engine.TRANSFER: Spent.MEMORY,
    Engine.SXE: Spent.MATRIX, Engine.VXE: Spent.VECTOR, Engine.SEND_LEFT: Spent.LINK,
    Engine.SEND_RIGHT: Spent.LINK, Engine.RECV_LEFT: Spent.LINK, Engine.RECV_RIGHT: Spent.LINK,
}  # fmt: skip
"""On what the cycles go in which an engine works."""

ALWAYS = {
    Cause.ISSUE: Spent.CONTROL, Cause.CHANNEL: Spent.MEMORY, Cause.PANEL: Spent.MEMORY,
    Cause.LINK: Spent.LINK,
}  # fmt: skip
"""Causes of waiting that say by themselves what is waited for; others name an instruction."""


def waited_for(cause: Cause, other: Engine | None) -> Spent:
    """What an engine waits for, if an instruction of another engine is behind it."""
    known = ALWAYS.get(cause)
    if known is not None:
        return known
    return Spent.CONTROL if other is None else WORK[other]
