"""Values that count: what a block's registers held at each of its visits, and what they hold next.

    series = Series()
    for values in (5, 0), (5, 1), (5, 2), (6, 0):
        series.note(values)
    series.coming()         # [(6, 1), (6, 2)]

A body of layers is visited with the number of the layer, which counts, and with the length of the
cache, which counts from token to token. So the series are of a step that is taken several times in
a row, and then another begins: it is expected to be as long as the one before.
"""

from operator import add, sub

Values = tuple[int, ...]

FEW = 3
"""Visits that are foreseen where nobody knows how long a series goes on."""
MOST = 16
"""Visits that are foreseen at once."""


class Series:
    """The visits of one block: `taken` says how often the last step was taken in a row.

    `usual` is the step that was last taken more than once before another came, `length` how often.
    """

    def __init__(self) -> None:
        self.last: Values = ()
        self.step: Values = ()
        self.taken = 0
        self.usual: Values = ()
        self.length = 0

    def note(self, values: Values) -> None:
        """A visit with these values, as many as at each visit before."""
        step = tuple(map(sub, values, self.last))
        self.last = values
        if step == self.step:
            self.taken += 1
            return
        if self.taken > 1:
            self.usual, self.length = self.step, self.taken
        self.step, self.taken = step, 1

    def coming(self) -> list[Values]:
        """The values of the next visits, the soonest first; none where nothing counts."""
        step, left = self._foreseen()
        if not any(step):
            return []
        found = [self.last]
        for _ in range(min(left, MOST)):
            found.append(tuple(map(add, found[-1], step)))
        return found[1:]

    def _foreseen(self) -> tuple[Values, int]:
        """A step, and how often it will be taken."""
        if self.step == self.usual:
            return self.step, FEW if self.taken > self.length else self.length - self.taken
        if self.taken > 1:
            return self.step, FEW
        return self.usual, self.length
