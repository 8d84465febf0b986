"""Granules of the LMU, of which the library keeps account."""

import ctypes

from runtime.native.channels import serving_library
from runtime.native.granules import Board
from runtime.target import Target
from runtime.timing.chaining import Ints
from runtime.timing.scoreboard import NONE, LmuScoreboard, Needs, packed


def lmu_of(target: Target) -> LmuScoreboard:
    """An LMU of which nothing is used yet."""
    library, size, granule = serving_library(), target.lmu_bytes, target.lmu_granule
    if library is None:
        return LmuScoreboard(size, granule)
    return NativeLmuScoreboard(size, granule, library)


class NativeLmuScoreboard(LmuScoreboard):
    """One granule after the other; what `delays` gives is there until the next pass."""

    def __init__(self, size: int, granule: int, library: ctypes.CDLL) -> None:
        super().__init__(size, granule)
        self.board = Board(library, self.times, self.numbers)

    def delays(self, of: Needs) -> Ints:
        if not of.needed.size:
            return NONE
        return self.board.delays(packed(of), of.needed.size)

    def passed(
        self, of: Needs, number: int, start: int, latency: int, shift: int = 0
    ) -> tuple[int, int] | None:
        if not (count := of.needed.size):
            return None
        late = self.board.passed(packed(of), count, number, start, latency, shift)
        return late if late[0] > start else None

    def mark(self, of: Needs, number: int, left: Ints, latency: int) -> None:
        self.board.mark(packed(of), left, number, latency)
