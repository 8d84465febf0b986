"""Exchanges: instructions on links that follow each other, many of which are alike.

What their registers hold is read at once, since nothing between them writes any.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from operator import itemgetter
from struct import pack
from typing import Any

import numpy as np

from runtime.ring.checks.load.forms import Form
from runtime.ring.checks.load.layers.finding import NET, Kinds

Forms = Sequence[Form | None]


@dataclass(eq=False, slots=True)
class Exchange:
    """What some instructions are, one after the other, and what reads all their registers.

    `once` reads each register once: what it finds says what all of them find.
    """

    words: str
    get: Callable[[Sequence[Any]], Any]
    once: Callable[[Sequence[Any]], Any]
    packed: dict[object, bytes] = field(default_factory=dict[object, bytes])

    def numbers(self, registers: Sequence[int]) -> bytes:
        """What the instructions find, as numbers of eight bytes one after the other."""
        key = self.once(registers)
        found = self.packed.get(key)
        if found is None:
            numbers = self.get(registers)
            found = self.packed[key] = pack(f"<{len(numbers)}Q", *numbers)
        return found


class Exchanges:
    """Those of a program: where each begins and ends."""

    def __init__(self, forms: Forms, kinds: Kinds) -> None:
        self.forms = forms
        is_net = np.zeros(len(kinds) + 1, np.bool_)
        is_net[:-1] = np.isin(kinds, NET)
        edges = np.flatnonzero(np.diff(is_net, prepend=False)).tolist()
        self.starts: list[int] = edges[::2]
        self.ends: list[int] = edges[1::2]
        self._known: dict[tuple[Form | None, ...], Exchange] = {}
        self._at: dict[tuple[int, int], Exchange] = {}

    def within(self, low: int, high: int) -> Iterator[tuple[int, int]]:
        """Begin and end of those in a stretch, or of what is in it of one."""
        first = max(0, bisect_left(self.starts, low) - 1)
        for number in range(first, bisect_left(self.starts, high)):
            start, end = max(low, self.starts[number]), min(high, self.ends[number])
            if start < end:
                yield start, end

    def at(self, start: int, end: int) -> Exchange:
        """What stands between two places, all of which is on links."""
        found = self._at.get((start, end))
        if found is None:
            found = self._at[start, end] = self._made(tuple(self.forms[start:end]))
        return found

    def _made(self, key: tuple[Form | None, ...]) -> Exchange:
        """What some instructions are that are all on links, once for all places."""
        found = self._known.get(key)
        if found is None:
            forms = [form for form in key if form is not None]
            words = "\n".join(form.kind.what for form in forms)
            registers = [*chain.from_iterable(form.registers for form in forms)]
            once = itemgetter(*dict.fromkeys(registers))
            found = self._known[key] = Exchange(words, itemgetter(*registers), once)
        return found
