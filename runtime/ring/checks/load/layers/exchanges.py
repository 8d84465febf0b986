"""Exchanges: instructions on links that follow each other, many of which are alike.

What their registers hold is read at once, since nothing between them writes any.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np

from runtime.ring.checks.load.forms import Form
from runtime.ring.checks.load.layers.finding import NET, Kinds

Forms = Sequence[Form | None]


class Exchange(NamedTuple):
    """What some instructions are, one after the other, and what reads all their registers."""

    forms: tuple[Form | None, ...]
    words: str
    get: Callable[[Sequence[Any]], tuple[Any, ...]]


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

    def within(self, low: int, high: int) -> Iterator[tuple[int, int]]:
        """Begin and end of those in a stretch, or of what is in it of one."""
        first = max(0, bisect_left(self.starts, low) - 1)
        for number in range(first, bisect_left(self.starts, high)):
            start, end = max(low, self.starts[number]), min(high, self.ends[number])
            if start < end:
                yield start, end

    def at(self, start: int, end: int) -> Exchange:
        """What stands between two places, all of which is on links."""
        key = tuple(self.forms[start:end])
        found = self._known.get(key)
        if found is None:
            forms = [form for form in key if form is not None]
            words = "\n".join(form.kind.what for form in forms)
            get = itemgetter(*chain.from_iterable(form.registers for form in forms))
            found = self._known[key] = Exchange(key, words, get)
        return found
