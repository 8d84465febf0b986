"""Times and instructions, counted from where a run stands."""

from typing import NamedTuple

from runtime.timing.scoreboard import NEVER, Wait

NOBODY = 1
"""The number of no instruction; those before now are at most 0."""


class Since(NamedTuple):
    """A `Wait` from now on."""

    time: int
    number: int


class Now(NamedTuple):
    """Where a run stands: the time of the control processor and its last instruction, and the bytes
    and the bills of all panels and transfers so far.
    """

    time: int
    number: int
    total: int
    bills: int

    def fine(self, unit: int) -> "Now":
        """The same with times in so many units a cycle."""
        return self._replace(time=self.time * unit)

    def moved(self, by: "Now") -> "Now":
        """Another place, so much further."""
        return Now(*(a + b for a, b in zip(self, by, strict=True)))

    def behind(self, other: "Now") -> "Now":
        """How far it is from another place."""
        return Now(*(a - b for a, b in zip(self, other, strict=True)))

    def named(self, number: int) -> int:
        """The number of an instruction, or none, from now on."""
        return NOBODY if number == NEVER else number - self.number

    def number_of(self, named: int) -> int:
        """The instruction of such a number."""
        return NEVER if named == NOBODY else named + self.number

    def since(self, wait: Wait) -> Since:
        """A time, however long ago."""
        return Since(wait.time - self.time, self.named(wait.waited))

    def wait(self, since: Since) -> Wait:
        """What `since` was made of."""
        return Wait(since.time + self.time, self.number_of(since.number))

    def fresh(self, wait: Wait, ago: int = 0) -> Since | None:
        """A time that is at most so long ago; None of others, which nobody waits for."""
        return self.since(wait) if wait.time >= self.time - ago else None

    def waits(self, fresh: Since | None) -> Wait:
        """What `fresh` was made of, or a time at which nothing was."""
        return Wait(0) if fresh is None else self.wait(fresh)
