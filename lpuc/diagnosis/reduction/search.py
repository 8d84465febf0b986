"""
The smallest candidate so far, and the way to a smaller one.

```python
search = Search(case, still_fails, key=bytes_of, most=5000)
search.halve(len_of, cut)      # chunks of a half, a quarter, ..., one item
search.best
```

Nothing is random: the same start and the same answers lead to the same end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Generic, TypeVar

T = TypeVar("T")
Cut = Callable[[T, int, int], Iterable[T]]
"""Candidates without the items from one place up to another, the most promising first."""

MOST_TRIES = 5000


class Spent(Exception):
    """All tries are used up."""


@dataclass
class Search(Generic[T]):
    """A candidate that fails as it should; `better` replaces it by another that does, too."""

    best: T
    fails: Callable[[T], bool]
    """Whether a candidate still fails in the same way."""
    key: Callable[[T], bytes]
    """All that tells candidates apart: none is tried twice."""
    most: int = MOST_TRIES
    shown: Callable[[T, int], None] = lambda _best, _tries: None
    """Told of the best and the number of tries behind each try."""
    tries: int = 0
    _seen: set[bytes] = field(default_factory=set[bytes])

    def __post_init__(self) -> None:
        self._seen.add(self._digest(self.best))

    def _digest(self, candidate: T) -> bytes:
        return sha256(self.key(candidate)).digest()

    def better(self, candidate: T) -> bool:
        """Whether a candidate has become the best; `Spent` if there are no tries left."""
        digest = self._digest(candidate)
        if digest in self._seen:
            return False
        if self.tries >= self.most:
            raise Spent
        self._seen.add(digest)
        self.tries += 1
        fails = self.fails(candidate)
        if fails:
            self.best = candidate
        self.shown(self.best, self.tries)
        return fails

    def first(self, candidates: Iterable[T]) -> bool:
        """Whether one of some candidates has become the best; the rest is not made."""
        return any(self.better(candidate) for candidate in candidates)

    def sweep(self, count: Callable[[T], int], cut: Cut[T], size: int) -> bool:
        """Try to cut chunks of a size, from the last item to the first; whether any was."""
        helped, stop = False, count(self.best)
        while stop > 0:
            start = max(0, stop - size)
            helped = self.first(cut(self.best, start, stop)) or helped
            stop = min(start, count(self.best))
        return helped

    def halve(self, count: Callable[[T], int], cut: Cut[T]) -> bool:
        """
        Cut chunks: halves, quarters and so on, then single items until none can be cut.

        At the end no single item can be, by any of the ways of `cut`.
        """
        helped, size = False, (count(self.best) + 1) // 2
        while size > 1:
            helped = self.sweep(count, cut, size) or helped
            size = min((size + 1) // 2, max(1, count(self.best)))
        while self.sweep(count, cut, 1):
            helped = True
        return helped
