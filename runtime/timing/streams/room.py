"""Room in the operand FIFO: when bytes are free again, and the beats that take them."""

from typing import NamedTuple

import numpy as np

from runtime.timing.chaining import Ints

WINDOW = 1 << 12
"""Beats that are looked at together, at most."""


class Window(NamedTuple):
    """Beats that come next: for `room` of them there is room, for those behind it is supposed.

    `needed` bytes of all panels are free when a beat begins, and it is `over` when it has taken
    what is between two of `taken`.
    """

    room: int
    needed: Ints
    taken: Ints
    begins: Ints
    over: Ints

    def delayed(self, upto: Ints, when: Ints, unit: int) -> "Window | None":
        """The same where bytes up to these are free in these cycles of so many units.

        None if no beat waits for that.
        """
        room = self.room
        free = when[upto.searchsorted(self.needed[room:])] * unit
        if (free <= self.begins[room:]).all():
            return None
        ready = self.begins - self.taken[:-1]
        np.maximum(ready[room:], free - self.taken[room:-1], out=ready[room:])
        ready = np.maximum.accumulate(ready)
        return self._replace(begins=ready + self.taken[:-1], over=ready + self.taken[1:])


class Rows:
    """Rows of numbers in the order in which they come, of which the oldest are forgotten.

    Those from `low` up to `high` count, of each of `values`, which have room for `size`.
    """

    def __init__(self, columns: int, size: int = WINDOW) -> None:
        self.values: Ints = np.zeros((columns, size), np.int64)
        self.size = size
        self.low = self.high = 0

    def column(self, index: int) -> Ints:
        """One number of each row."""
        return self.values[index, self.low : self.high]

    def reserve(self, count: int) -> None:
        """Have room for so many more."""
        if self.high + count <= self.size:
            return
        held, kept = self.high - self.low, self.values[:, self.low : self.high]
        if 2 * (held + count) > self.size:
            self.size = 2 * (held + count)
            self.values = np.zeros((len(kept), self.size), np.int64)
        self.values[:, :held] = kept
        self.low, self.high = 0, held

    def append(self, *columns: Ints) -> None:
        """Note more of them."""
        count = len(columns[0])
        self.reserve(count)
        low, self.high = self.high, self.high + count
        for index, column in enumerate(columns):
            self.values[index, low : self.high] = column

    def drop(self, count: int) -> None:
        """Forget the oldest."""
        self.low += count


class Ledger(Rows):
    """When how many bytes of all panels are free again; neither decreases."""

    def __init__(self) -> None:
        super().__init__(2)
        self.high = 1

    @property
    def bytes(self) -> Ints:
        """Bytes that are free from a time on."""
        return self.column(0)

    @property
    def times(self) -> Ints:
        """The cycles of `bytes`."""
        return self.column(1)

    @property
    def known(self) -> int:
        """The bytes of which it is known."""
        return int(self.values[0, self.high - 1])
