"""Engines that go through several instructions one by one."""

from collections.abc import Iterator, Sequence

from runtime.isa.spec import Inst
from runtime.timing.engines import Engines
from runtime.timing.events import Event
from runtime.timing.hbm import Border
from runtime.timing.work import Work
from runtime.traps import Trap

Given = tuple[int, Inst, Work, int]
"""An instruction: its pc, itself, its work, and the address of its operand in HBM."""


class Batches(Engines):
    """Engines that are told several instructions at once."""

    def several(self, steps: Sequence[Given], borders: Sequence[Border | None]) -> Iterator[Event]:
        """Execute instructions whose borders are known; a trap says at which pc it is."""
        for step, border in zip(steps, borders, strict=True):
            try:
                yield from self.execute(*step, border)
            except Trap as trap:
                trap.pc = step[0]
                raise

    def settle(self) -> None:
        """Know all that happened, for whoever looks at what engines know."""
