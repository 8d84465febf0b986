"""A run: one device that executes code, and can stop anywhere.

    run = Run(code, device, pc=interface.pc)
    run.advance()                      # until the program halts, hands over a value, or blocks
    run.advance(until=40)              # or the instruction at pc 40 comes next
    run.step()                         # one instruction
    run.pc, run.why, run.loops()
    saved = run.snapshot(); run.restore(saved)

A run belongs to the thread that made it.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from runtime.device.device import Device
from runtime.device.memory import Array, Memory
from runtime.device.panels import Panel
from runtime.device.stops import Blocked, Halted, Output
from runtime.errors import Misuse
from runtime.program.bounds import elements
from runtime.run.code import Code
from runtime.traps import Trap, TrapKind


class Stop(StrEnum):
    """Why a run stopped."""

    START = "start"
    HALTED = "halted"
    STEPPED = "stepped"
    REACHED = "reached"
    OUTPUT = "output"
    BLOCKED = "blocked"
    FUEL = "fuel"
    TRAPPED = "trapped"


@dataclass(frozen=True)
class Snapshot:
    """Everything that a run can change. Memories are copies; flags are None on the fast path."""

    pc: int
    why: Stop
    registers: tuple[Any, ...]
    lmu: tuple[Array, Array | None]
    arena: tuple[Array, Array | None]
    panels: tuple[Any, ...]
    outbox: tuple[int, ...]


class Run:
    """Executes code on a device from a pc on.

    `pc` is the instruction that comes next, `why` says why the run is not going on, `reason` on
    what it is blocked, and `trap` is what stopped it for good. `fuel` is the number of elements
    that instructions may still work on, where a control instruction counts as one; None means that
    nothing is counted, since a valid program halts.
    """

    def __init__(self, code: Code, device: Device, pc: int, fuel: int | None = None) -> None:
        self.code = code
        self.device = device
        self.pc = pc
        self.fuel = fuel
        self.why = Stop.START
        self.reason = ""
        self._ready: Callable[[], bool] = _unknown
        self.trap: Trap | None = None
        self._steps = code.steps_for(device)
        self._blocks = code.specified if device.checked else code.blocks
        device.attach(code, len(code.instructions))
        self._thread = threading.get_ident()
        self._busy = False

    def can_go_on(self) -> bool:
        """Whether advancing does anything; it may when it is not known."""
        return self._ready() if self.why is Stop.BLOCKED else self.why is not Stop.HALTED

    def step(self) -> Stop:
        """Execute one instruction."""
        return self.advance(instructions=1)

    def advance(self, until: int | None = None, instructions: int | None = None) -> Stop:
        """Execute until something stops the run; why it did.

        `until` is a pc before which to stop, once it comes next again; `instructions` bounds their
        number. Without bounds and fuel the run is as fast as it can be. A trap is raised, and
        raised again whenever a trapped run is advanced.
        """
        with np.errstate(all="ignore"):
            return self.proceed(until, instructions)

    def proceed(self, until: int | None = None, instructions: int | None = None) -> Stop:
        """The same where numpy is silent already, which costs as much as an instruction."""
        if self.trap is not None:
            raise self.trap
        if self.why is Stop.HALTED:
            return self.why
        self._enter()
        try:
            if until is instructions is self.fuel is None:
                self._freely()
            else:
                self.why = self._counted(until, instructions)
        except Halted:
            self.why = Stop.HALTED
        except Output as output:
            self.pc, self.why = output.pc, Stop.OUTPUT
        except Blocked as blocked:
            self.why, self.reason, self._ready = Stop.BLOCKED, blocked.reason, blocked.ready
        except (Trap, TypeError) as error:
            self.trap = self._trap_of(error)
            self.why = Stop.TRAPPED
            raise self.trap from None
        finally:
            self._busy = False
        return self.why

    def _freely(self) -> None:
        steps, device, pc = self._blocks, self.device, self.pc
        device.place = None
        try:
            while True:
                pc = steps[pc](device)
        finally:
            self.pc = pc if device.place is None else device.place

    def _counted(self, until: int | None, instructions: int | None) -> Stop:
        while True:
            if self.fuel is not None and not self._burn():
                return Stop.FUEL
            self.pc = self._steps[self.pc](self.device)
            if self.pc == until:
                return Stop.REACHED
            if instructions is not None:
                instructions -= 1
                if instructions <= 0:
                    return Stop.STEPPED

    def _burn(self) -> bool:
        """Take the fuel of the next instruction, where there is enough."""
        inst = self.code.instructions.get(self.pc)
        assert self.fuel is not None
        needed = 1 if inst is None else elements(inst, self.device.registers)
        if needed > self.fuel:
            return False
        self.fuel -= needed
        return True

    def _enter(self) -> None:
        if threading.get_ident() != self._thread or self._busy:
            raise Misuse("a run belongs to one thread, and another one uses it")
        self._busy = True

    def _trap_of(self, error: Trap | TypeError) -> Trap:
        """The trap with its place; a TypeError is arithmetic on a register that holds nothing."""
        if isinstance(error, Trap):
            error.pc = self.pc
            return error
        for register in self.code.instructions[self.pc].reads():
            if self.device.registers[register] is None:
                message = f"r{register} is read before it is written"
                trap = Trap(TrapKind.UNINITIALISED, message)
                trap.pc = self.pc
                return trap
        raise error

    def loops(self) -> list[tuple[int, Any, Any]]:
        """Of each loop that the pc lies in, from the inside: its pc, its counter, its bound."""
        registers = self.device.registers
        around = self.code.loops_around(self.pc)
        return [(at, registers[loop.rd], registers[loop.rb]) for at, loop in around]

    def snapshot(self) -> Snapshot:
        """The whole state; later changes do not reach it."""
        device = self.device
        panels = [_kept(panel) for panel in device.fifo.panels]
        return Snapshot(
            self.pc, self.why, tuple(device.registers), _copied(device.lmu),
            _copied(device.arena), tuple(panels), tuple(device.outbox),
        )  # fmt: skip

    def restore(self, snapshot: Snapshot) -> None:
        """Go back to a state, of this run or of one on a device of the same kind."""
        device = self.device
        self.pc, self.why, self.trap = snapshot.pc, snapshot.why, None
        self._ready = _unknown
        device.restart()
        device.registers[:] = snapshot.registers
        for memory, saved in ((device.lmu, snapshot.lmu), (device.arena, snapshot.arena)):
            _fill(memory, saved)
        device.products.clear()
        device.fifo.panels.extend(snapshot.panels)
        device.outbox.extend(snapshot.outbox)


def _unknown() -> bool:
    """Whether a run can go on of which only going on can tell."""
    return True


def _kept(panel: Any) -> Any:
    return panel.copied() if isinstance(panel, Panel) else panel


def _copied(memory: Memory) -> tuple[Array, Array | None]:
    written = memory.written
    return memory.data.copy(), None if written is None else written.copy()


def _fill(memory: Memory, saved: tuple[Array, Array | None]) -> None:
    data, written = saved
    memory.data[...] = data
    if memory.written is not None and written is not None:
        memory.written[...] = written
    memory.touch(memory.base, memory.end)
