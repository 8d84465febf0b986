"""What comes next: the instructions of a turn, with all of their addresses that matters."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from runtime.isa.instructions.memory import Stream
from runtime.isa.spec import Inst, Unit
from runtime.order.ranges import Range, meet
from runtime.target import Target
from runtime.timing.hbm import Border, borders_of
from runtime.timing.work import Work

Turn = tuple[tuple[int, int, Border | None], ...]
"""Of each instruction its place, its work by identity, and the border of its request."""
Order = tuple[tuple[int | None, int | None], ...]
"""Of each request the last write, and the last stream, that it has to wait for."""
Access = tuple[int, Range]
"""The bytes of a request and its number."""
Told = Callable[[int, Inst, Work, Border], None]
"""Who is told the border of each request, with its number and its work."""


class Step(NamedTuple):
    """An instruction of a run, as `Walk` gives it."""

    pc: int
    inst: Inst
    work: Work
    base: int

    @property
    def far(self) -> Range | None:
        """The bytes of HBM, of what the memory engines serve."""
        if self.inst.UNIT is not Unit.MEM:
            return None
        low, high, writes = self.work.far
        return Range(low + self.base, high + self.base, writes)


class Foreseen:
    """Borders of requests that are not served yet, in the order of the program."""

    def __init__(self, target: Target, told: Told | None) -> None:
        self.borders, self.told, self.number = borders_of(target), told, -1

    def foresee(self, steps: Sequence[Step]) -> list[Border | None]:
        """The border of each of those that come next, if it is a request."""
        found: list[Border | None] = [None] * len(steps)
        where = [k for k, step in enumerate(steps) if step.inst.UNIT is Unit.MEM]
        moved = [steps[k] for k in where]
        borders = self.borders.several(
            [(work.pattern, work.far.low + base, work.clocks) for _, _, work, base in moved]
        )
        for k, step, border in zip(where, moved, borders, strict=True):
            found[k] = border
            if self.told is not None:
                self.told(self.number + k + 1, step.inst, step.work, border)
        self.number += len(steps)
        return found


def turn_of(steps: Sequence[Step], borders: Sequence[Border | None]) -> Turn:
    """The turn of instructions with these borders."""
    return tuple(
        (pc, id(work), border) for (pc, _, work, _), border in zip(steps, borders, strict=True)
    )


def order_of(
    steps: Sequence[Step], first: int, writes: Iterable[Access], streams: Iterable[Access]
) -> Order:
    """The order of a turn behind some writes and streams, whose numbers count from the one before
    its `first` instruction.
    """
    written, streamed, found = list(writes), list(streams), list[tuple[int | None, int | None]]()
    for number, step in enumerate(steps, first):
        far = step.far
        if far is None:
            continue
        found.append((_last(written, far), _last(streamed, far) if far.writes else None))
        if isinstance(step.inst, Stream):
            streamed.append((number, far))
        elif far.writes:
            written.append((number, far))
    return tuple(found)


def _last(accesses: Sequence[Access], far: Range) -> int | None:
    """The last of some accesses that meets bytes."""
    return next((number for number, of in reversed(accesses) if meet(of, far)), None)
