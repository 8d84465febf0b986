"""Groups: instructions on data that follow each other, many groups of which are alike.

What their registers hold is read at once, since nothing between them writes any. Those of a group
are all on links, an exchange, or all compute, and are more than a few: one by one, these cost less.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import chain
from operator import itemgetter
from struct import Struct
from typing import Any

import numpy as np

from runtime.isa.spec import OPCODES, Unit
from runtime.ring.checks.load.forms import Form, Step
from runtime.ring.checks.load.layers.finding import NET, Kinds

Steps = Sequence[Step]
FEWEST = 4
"""Instructions that compute of which there are groups."""
_COMPUTING = [code for code, cls in OPCODES.items() if cls.UNIT in (Unit.VXE, Unit.SXE)]
_SORTS = np.zeros(256, np.uint8)
_SORTS[_COMPUTING] = 1
_SORTS[[*NET]] = 2
"""By opcode: 0 for those that are in no group, 2 for those on links."""


@dataclass(eq=False, slots=True)
class Group:
    """What some instructions are, one after the other, and what reads all their registers.

    `once` reads each register once: what it finds says what all of them find.
    """

    forms: Sequence[Form]
    words: str
    get: Callable[[Sequence[Any]], Any]
    once: Callable[[Sequence[Any]], Any]
    is_exchange: bool
    packed: dict[object, bytes] = field(default_factory=dict[object, bytes])

    def numbers(self, registers: Sequence[int]) -> bytes:
        """What the instructions find, as numbers of eight bytes one after the other."""
        key = self.once(registers)
        found = self.packed.get(key)
        if found is None:
            numbers = self.get(registers)
            found = self.packed[key] = packer(len(numbers))(*numbers)
        return found


@cache
def packer(count: int) -> Callable[..., bytes]:
    """What makes eight bytes of each of some numbers."""
    return Struct(f"<{count}Q").pack


class Groups:
    """Those of a program: where each begins and ends."""

    def __init__(self, steps: Steps, kinds: Kinds) -> None:
        self.steps = steps
        sorts = np.zeros(len(kinds) + 2, np.uint8)
        sorts[1:-1] = _SORTS[kinds]
        edges = np.flatnonzero(sorts[1:] != sorts[:-1])
        starts, ends = edges[sorts[edges + 1] > 0], edges[sorts[edges] > 0]
        is_one = (ends - starts >= FEWEST) | (sorts[starts + 1] == _SORTS[NET[0]])
        self.starts: list[int] = starts[is_one].tolist()
        self.ends: list[int] = ends[is_one].tolist()
        self._at: list[Group | None] = [None] * len(self.starts)
        self._known: dict[tuple[Step, ...], Group] = {}

    def within(self, low: int, high: int) -> Iterator[tuple[int, int, Group]]:
        """Begin and end of those in a stretch, or of what is in it of one."""
        first, last = max(0, bisect_left(self.starts, low) - 1), bisect_left(self.starts, high)
        for number in range(first, last):
            start, end = self.starts[number], self.ends[number]
            if low <= start and end <= high:
                yield start, end, self._at[number] or self._whole(number, start, end)
            elif low < end:
                start, end = max(low, start), min(high, end)
                yield start, end, self._made(tuple(self.steps[start:end]))

    def _whole(self, number: int, start: int, end: int) -> Group:
        found = self._at[number] = self._made(tuple(self.steps[start:end]))
        return found

    def _made(self, key: tuple[Step, ...]) -> Group:
        """What some instructions on data are, once for all places."""
        found = self._known.get(key)
        if found is None:
            forms = [step for step in key if isinstance(step, Form)]
            words = "\n".join([form.kind.what for form in forms])
            registers = [*chain.from_iterable(form.registers for form in forms)]
            once = itemgetter(*dict.fromkeys(registers))
            is_exchange = forms[0].is_exchange
            every = itemgetter(*registers)
            found = self._known[key] = Group(forms, words, every, once, is_exchange)
        return found
