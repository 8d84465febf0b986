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


class Ledger:
    """When how many bytes of all panels are free again, `known` of them; neither decreases."""

    def __init__(self) -> None:
        self.rows: Ints = np.zeros((2, WINDOW), np.int64)
        self.size = WINDOW
        self.low: int = 0
        self.high: int = 1
        self.known = 0

    @property
    def bytes(self) -> Ints:
        """Bytes that are free from a time on."""
        return self.rows[0, self.low : self.high]

    @property
    def times(self) -> Ints:
        """The cycles of `bytes`."""
        return self.rows[1, self.low : self.high]

    def append(self, upto: Ints, when: Ints) -> None:
        """Note more bytes."""
        count: int = len(upto)
        held = self.high - self.low
        if self.high + count > self.size:
            self.size = 2 * (held + count)
            rows = np.zeros((2, self.size), np.int64)
            rows[:, :held] = self.rows[:, self.low : self.high]
            self.rows = rows
            self.low, self.high = 0, held
        self.rows[0, self.high : self.high + count] = upto
        self.rows[1, self.high : self.high + count] = when
        self.high += count
        self.known = int(upto[-1])

    def drop(self, count: int) -> None:
        """Forget the oldest rows."""
        self.low += count
