"""
What of two runs is the same array: written from the same ONNX nodes, at the same place, as the same
elements, and as often.

Nothing is paired by its number in the order alone: one array more on a side shifts all behind it.
What one side writes at a place more often than the other is paired with nothing, as nobody can tell
which of it is the one more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from lpuc.diagnosis.judging.isa.written import Names, Place, Write

ALONE = "nothing else writes that there"
OFTEN = "written there another number of times"
CHOSEN = "written where an index says"
OTHER_WAY = "the run takes another way with the numbers of the one before"


@dataclass
class Compared:
    """How much of what a run wrote was compared with what a run before a pass wrote."""

    count: int = 0
    left: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    """What was not, by operation and reason."""

    def __add__(self, other: Compared) -> Compared:
        return Compared(self.count + other.count, self.left + other.left)

    def __str__(self) -> str:
        """What was not compared, if something was not."""
        whole = self.count + self.left.total()
        told = ", ".join(f"{n} of {name} ({why})" for (name, why), n in self.left.items())
        return f"{self.left.total()} of {whole} arrays were not compared: {told}"


def paired(before: Sequence[Write], after: Sequence[Write], compared: Compared) -> dict[int, Write]:
    """For what is written behind a pass, by its number, what it was before it."""
    found: dict[int, Write] = {}
    theirs, ours = _by_place(before), _by_place(after)
    for key, numbers in ours.items():
        others = theirs.pop(key, [])
        if len(others) == len(numbers):
            found.update((n, before[o]) for n, o in zip(numbers, others, strict=True))
            continue
        why = OFTEN if others else ALONE
        compared.left.update((after[n].operation, why) for n in numbers)
    for others in theirs.values():
        compared.left.update((before[o].operation, ALONE) for o in others)
    compared.count += len(found)
    return found


def matched(before: Sequence[Write], after: Sequence[Write]) -> dict[int, int]:
    """For what was written before a pass, by its number, that behind it, where this breaks off."""
    theirs, ours = _by_place(before), _by_place(after)
    pairs = (zip(numbers, ours.get(key, ()), strict=False) for key, numbers in theirs.items())
    return {old: new for both in pairs for old, new in both}


def _by_place(writes: Sequence[Write]) -> dict[tuple[Place, Names], list[int]]:
    found: dict[tuple[Place, Names], list[int]] = {}
    for number, one in enumerate(writes):
        found.setdefault((one.place, one.nodes), []).append(number)
    return found
