"""Devices that execute one code together, in lock step.

    ring = Ring([Run(code, device, pc) for device in devices], program.provenance)
    ring.advance()             # until all have halted, or handed over a value

Each device in turn goes on until it has to wait for a neighbour, without threads: links keep the
order of messages, so that no result depends on who goes on when. When nobody can go on, a trap says
who waits for whom. One device alone is a ring, too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from runtime.isa.instructions.net import Recv, Send
from runtime.program.provenance import Provenance
from runtime.run.run import Run, Stop
from runtime.traps import Trap, TrapKind

Order = Callable[[Sequence[int]], tuple[int, int | None]]


@dataclass(frozen=True)
class Stepping:
    """How devices take turns, where that is not in a circle, each as far as it gets.

    `order` picks one of those that can go on and says for how many instructions at most. `depth` is
    that of the links, where it is not that of the target.
    """

    order: Order | None = None
    depth: int | None = None


IN_TURN = Stepping()


class Ring:
    """Runs of neighbours, the right neighbour of the last is the first. `value` is what they hand
    over. `on_step` is called before each instruction."""

    def __init__(
        self, runs: Sequence[Run], provenance: Provenance,
        order: Order | None = None, on_step: Callable[[Run], None] | None = None,
    ) -> None:  # fmt: skip
        self.runs = tuple(runs)
        self.provenance = provenance
        self.order = order
        self.on_step = on_step
        self.value = 0

    def advance(self) -> Stop:
        """Execute until all devices have halted, handed over the same value, or one has no fuel.

        Trap when one does, with its place, or when all wait.
        """
        left = [run for run in self.runs if run.why is not Stop.HALTED]
        with np.errstate(all="ignore"):
            while left:
                if not self._turns(left):
                    raise self._deadlock(left)
                if left and left[0].why is Stop.FUEL:
                    return Stop.FUEL
        return self._together()

    def _turns(self, left: list[Run]) -> bool:
        """Let devices go on, whereupon those that need no more turn leave; whether any could."""
        if self.order is not None:
            return self._picked(left, self.order)
        moved = False
        for run in tuple(left):
            if run.can_go_on():
                moved = True
                self._turn(run, left, None)
        return moved

    def _picked(self, left: list[Run], order: Order) -> bool:
        able = [number for number, run in enumerate(self.runs) if run in left and run.can_go_on()]
        if able:
            number, instructions = order(able)
            self._turn(self.runs[number], left, instructions)
        return bool(able)

    def _turn(self, run: Run, left: list[Run], instructions: int | None) -> None:
        try:
            stop = self._go_on(run, instructions)
        except Trap as trap:
            trap.device = self._named(self.runs.index(run))
            raise
        if stop is Stop.HALTED or stop is Stop.OUTPUT:
            left.remove(run)
        elif stop is Stop.FUEL:
            left[:] = [run]

    def _go_on(self, run: Run, instructions: int | None) -> Stop:
        if self.on_step is None:
            return run.proceed(instructions=instructions)
        self.on_step(run)
        return run.proceed(instructions=1)

    def _together(self) -> Stop:
        """What all devices have come to, which is the same."""
        stop = self.runs[0].why
        for number, run in enumerate(self.runs):
            if run.why is not stop:
                raise self._apart(number, f"{_ENDS[run.why]}, device 0 {_ENDS[stop]}")
        if stop is Stop.OUTPUT:
            self.value, *others = (run.device.take() for run in self.runs)
            for number, value in enumerate(others, 1):
                if value != self.value:
                    raise self._apart(number, f"hands over {value}, device 0 {self.value}")
        return stop

    def _apart(self, number: int, what: str) -> Trap:
        return self._trap(TrapKind.LINK, f"device {number} {what}", number)

    def _deadlock(self, left: Sequence[Run]) -> Trap:
        """The trap of devices that wait for each other."""
        clauses = [self._waiting(number, run) for number, run in enumerate(self.runs)]
        return self._trap(TrapKind.DEADLOCK, "; ".join(clauses), self.runs.index(left[0]))

    def spent(self, message: str) -> Trap:
        """The trap of a device that has no fuel left, behind an `advance` that says so."""
        number = next(n for n, run in enumerate(self.runs) if run.why is Stop.FUEL)
        return self._trap(TrapKind.FUEL, message, number)

    def _trap(self, kind: TrapKind, message: str, number: int) -> Trap:
        """A trap with the place where a device is."""
        trap = Trap(kind, message)
        trap.pc, trap.device = self.runs[number].pc, self._named(number)
        return trap

    def _named(self, number: int) -> int | None:
        """The number of a device among several."""
        return number if len(self.runs) > 1 else None

    def _waiting(self, number: int, run: Run) -> str:
        """What a device waits for."""
        if run.why is not Stop.BLOCKED:
            return f"device {number} {_ENDS[run.why]}"
        inst = run.code.instructions[run.pc]
        other = ""
        if isinstance(inst, Send | Recv):
            step = 1 if inst.side == "right" else -1
            word = "to" if isinstance(inst, Send) else "from"
            other = f" {word} device {(number + step) % len(self.runs)}"
        where = self._place(run)
        return f"device {number} waits{where} to {inst.MNEMONIC}{other}: {run.reason}"

    def _place(self, run: Run) -> str:
        nodes = self.provenance.nodes_at(run.pc)
        return f" at pc {run.pc}" + (f" ({', '.join(nodes)})" if nodes else "")


_ENDS = {Stop.HALTED: "has halted", Stop.OUTPUT: "has handed over a value"}
