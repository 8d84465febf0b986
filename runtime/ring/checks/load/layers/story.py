"""What the LMU has, and of blocks, with events counted from the beginning of a stretch on."""

from runtime.ring.checks.load.layers.rows import Bounds
from runtime.ring.checks.load.memory.events import Block
from runtime.ring.checks.load.memory.runs import Held, Runs


def _since(number: int, window: int) -> int:
    """A number of events counted from a window on; those before are negative."""
    return number - window if number >= window else -2 - number


def facts(event: int, known: Block, window: int) -> tuple[object, ...]:
    """What is known of a block, whose write is an event."""
    read = None if known.read is None else _since(known.read, window)
    received = _since(known.received, window)
    return event - window, known.grown, known.sent is None, received, read


def seen(lmu: Runs, window: int, bounds: Bounds) -> list[object]:
    """What the LMU has in some ranges, with events counted from a window on.

    Each story stands with its first byte, whatever runs its bytes are in.
    """
    found: list[object] = []
    for low, high in bounds:
        found.append(high)
        before: object = None
        for _, first, _, held in lmu.within(low, high):
            if isinstance(held, list):
                story = [t and (t.origin, _since(t.event, window), t.shift) for t in held]
            else:
                story = (held.kind, _since(held.event, window), held.number, held.fewer)
            if story != before:
                found.append((first, story))
                before = story
    return found


def moved(held: Held, first: int, end: int, by: int) -> Held:
    """A story whose events between two are as many later."""
    if not isinstance(held, list):
        return held._replace(event=held.event + by) if first <= held.event < end else held
    return [t._replace(event=t.event + by) if t and first <= t.event < end else t for t in held]
