"""Which granules of the LMU hold a value, from its write to its last read, over one run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from runtime.isa import Inst, Sts
from runtime.program.program import Program
from runtime.timing.chaining import Granules, Touch
from runtime.timing.walk import Walk

Ints = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True)
class Liveness:
    """
    Intervals of one run: granules from `first` on, `count` of them, in use from step `born`,
    which wrote them, to step `last`, which was the last to read them.

    A step is an executed instruction that touches the LMU; `steps` has its pc and instruction.
    """

    granule: int
    steps: tuple[tuple[int, Inst], ...]
    first: Ints
    count: Ints
    born: Ints
    last: Ints

    @cached_property
    def in_use(self) -> Ints:
        """Bytes in use at each step."""
        return self.granule * self.within(0, self.extent)

    @property
    def extent(self) -> int:
        """Granules up to the last one in use."""
        return int((self.first + self.count).max(initial=0))

    def within(self, low: int, high: int) -> Ints:
        """Granules from `low` up to `high` that are in use at each step."""
        inside = np.minimum(self.first + self.count, high) - np.maximum(self.first, low)
        inside = np.maximum(inside, 0)
        change = np.zeros(len(self.steps) + 1, np.int64)
        np.add.at(change, self.born, inside)
        np.add.at(change, self.last + 1, -inside)
        return np.cumsum(change[:-1])

    @property
    def peak(self) -> int:
        """The first step with most bytes in use."""
        return int(self.in_use.argmax())

    def at(self, step: int) -> Ints:
        """The intervals that hold a step."""
        return np.flatnonzero((self.born <= step) & (step <= self.last))

    def bytes_by_writer(self, step: int) -> Counter[int]:
        """Bytes in use at a step, by the pc of the instruction that wrote them."""
        found: Counter[int] = Counter()
        for i in self.at(step).tolist():
            found[self.steps[self.born[i]][0]] += int(self.count[i]) * self.granule
        return found

    def resident(self, step: int) -> int:
        """Bytes in use at a step and for more than half of the run, spilled scalars apart."""
        held = self.at(step)
        long = held[2 * (self.last[held] - self.born[held] + 1) > len(self.steps)]
        return self._bytes(i for i in long.tolist() if not self._is_scalar(i))

    def spilled(self, step: int) -> int:
        """Bytes in use at a step that hold spilled scalars."""
        return self._bytes(i for i in self.at(step).tolist() if self._is_scalar(i))

    def _is_scalar(self, interval: int) -> bool:
        return isinstance(self.steps[self.born[interval]][1], Sts)

    def _bytes(self, intervals: Iterable[int]) -> int:
        return sum(int(self.count[i]) for i in intervals) * self.granule


def liveness(
    program: Program, symbols: Mapping[str, int], fuel: int, most: int | None = None
) -> Liveness:
    """The intervals of a run of `step`; Trap when the program cannot run."""
    target = program.target
    board = _Board(-(-target.lmu_bytes // target.lmu_granule))
    steps: list[tuple[int, Inst]] = []
    for pc, inst, work, _ in Walk(program, symbols).run(fuel, most):
        if work.near.reads or work.near.writes:
            board.step(len(steps), work.near.reads, work.near.writes)
            steps.append((pc, inst))
    rows = np.array([*board.closed, *board.rest()], np.int64).reshape(-1, 4)
    return Liveness(target.lmu_granule, tuple(steps), *rows.T)


class _Board:
    """For each granule the step that wrote it last and the one that read it last, else -1."""

    def __init__(self, size: int) -> None:
        self.born = np.full(size, -1, np.int64)
        self.last = np.full(size, -1, np.int64)
        self.places = np.arange(size, dtype=np.int64)
        self.closed: list[tuple[int, int, int, int]] = []

    def step(self, number: int, reads: tuple[Touch, ...], writes: tuple[Touch, ...]) -> None:
        """What an instruction reads stays in use until now; what it writes ends what was there."""
        for touch in reads:
            self.last[touch.granules] = number
        for touch in writes:
            self.closed += self._intervals(touch.granules, number - 1)
            self.born[touch.granules] = number
            self.last[touch.granules] = -1

    def rest(self) -> Iterator[tuple[int, int, int, int]]:
        """The intervals that are open at the end of the run."""
        return self._intervals(slice(0, self.born.size), int(self.last.max()))

    def _intervals(self, granules: Granules, until: int) -> Iterator[tuple[int, int, int, int]]:
        """Runs of neighbours with the same interval; values that nobody read have none."""
        born, last = self.born[granules], np.minimum(self.last[granules], until)
        where: Ints = self.places[granules]
        kept = (born >= 0) & (last >= born)
        if not kept.any():
            return
        where, born, last = where[kept], born[kept], last[kept]
        breaks = (np.diff(where) != 1) | (np.diff(born) != 0) | (np.diff(last) != 0)
        starts = np.concatenate(([0], np.flatnonzero(breaks) + 1))
        counts = np.diff(starts, append=where.size)
        columns: list[Ints] = [where[starts], counts, born[starts], last[starts]]
        yield from zip(*(column.tolist() for column in columns), strict=True)
