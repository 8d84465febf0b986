"""Both paths, instruction by instruction: the same bytes, registers and traps, or a difference.

What is not the same byte for byte may differ in three ways: the payload of a NaN, which zero is the
greatest or least of both, and sums within their error (`sums`). Where results differ so, the fast
path goes on with those of the reference, so that errors do not add up.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.fuzz.paths import sums
from runtime.device.device import Device
from runtime.device.links import Links
from runtime.device.memory import Memory
from runtime.isa import CtrlInst, DataInst, Inst, Sts
from runtime.isa.instructions.net import SIDES
from runtime.isa.spec import Inst as Instruction
from runtime.numerics.elements import ElementType
from runtime.run.code import Code
from runtime.run.run import Run, Stop
from runtime.traps import Trap, TrapKind

Array = np.ndarray[Any, np.dtype[Any]]


class Different(Exception):
    """The two paths disagree."""


class Unjudged(Exception):
    """The reference read what nobody wrote, behind which the fast path may do anything."""


class Pair:
    """Two devices that execute the same code."""

    def __init__(self, instructions: Sequence[Inst], devices: tuple[Device, Device]) -> None:
        code = Code(instructions)
        self.code = code
        self.runs = tuple(Run(code, device, 0) for device in devices)
        self.devices = devices
        self.executed = 0

    def set(self, values: dict[int, int | None]) -> None:
        """Write registers of both."""
        for device in self.devices:
            for register, value in values.items():
                device.registers[register] = value

    def go_to(self, pc: int) -> None:
        """Continue at a pc, whatever happened."""
        for run in self.runs:
            run.pc, run.why, run.trap = pc, Stop.START, None

    def go_on(self) -> bool:
        """Execute one instruction, and continue behind it where it traps; whether it goes on."""
        if not self.advance() and self.runs[1].why is not Stop.TRAPPED:
            return False
        if self.runs[1].why is Stop.TRAPPED:
            pc = self.runs[1].pc
            self.go_to(pc + self.code.instructions[pc].WORDS)
        return True

    def advance(self) -> bool:
        """Execute one instruction; whether another one can follow. Raises Different."""
        reference = self.devices[1]
        inst = self.code.instructions.get(self.runs[1].pc)
        unset = inst is not None and any(reference.registers[r] is None for r in inst.reads())
        before, panel = reference.lmu.data.copy(), _oldest(reference)
        expected, found = (_step(run) for run in reversed(self.runs))
        self.executed += 1
        if expected == TrapKind.UNINITIALISED and not unset:
            raise Unjudged
        if unset and isinstance(expected, TrapKind) and isinstance(found, TrapKind):
            raise Unjudged
        if expected != found:
            raise Different(f"{inst}: the fast path ends in {found}, the reference in {expected}")
        self._compare(inst, before, panel)
        return not isinstance(expected, TrapKind) and expected[0] is not Stop.HALTED

    def _compare(self, inst: Instruction | None, before: Array, panel: Any) -> None:
        fast, reference = self.devices
        if fast.registers != reference.registers:
            raise Different(f"{inst}: registers differ: {changed(fast, reference)}")
        if isinstance(inst, CtrlInst) and not isinstance(inst, Sts):
            return
        sizes = [[panel.size() for panel in device.fifo.panels] for device in self.devices]
        if sizes[0] != sizes[1]:
            raise Different(f"{inst}: the FIFO holds {sizes[0]}, not {sizes[1]}")
        sent = [messages(device) for device in self.devices]
        if sent[0] != sent[1]:
            raise Different(f"{inst}: the links hold {sent[0]}, not {sent[1]}")
        for ours, theirs in ((fast.lmu, reference.lmu), (fast.arena, reference.arena)):
            if ours.data.tobytes() != theirs.data.tobytes():
                self._explain(inst, ours, theirs, before, panel)
                ours.data[...] = theirs.data

    def _explain(
        self, inst: Instruction | None, fast: Memory, reference: Memory, before: Array, panel: Any
    ) -> None:
        """Raise Different unless every difference is one that is allowed."""
        if not isinstance(inst, DataInst):
            raise Different(f"{inst}: {fast.name} differs")
        within: sums.Limits = {}
        if sums.accumulates(inst) and fast.name == "LMU":
            with np.errstate(all="ignore"):
                within = sums.limits(inst, self.devices[1], before, panel)
        pending = set(np.flatnonzero(fast.data != reference.data).tolist())
        either_zero = getattr(inst, "fn", "") in ("max", "min", "relu")
        for element in {operand.type for operand in sums.results(inst)}:
            if element.is_float:
                pending -= _allowed(pending, element, (fast, reference), within, either_zero)
        if pending:
            first = min(pending)
            where = f"{fast.name} byte {fast.base + first}"
            bytes_ = (
                m.data[first & ~7 : (first & ~7) + 8].tobytes().hex() for m in (fast, reference)
            )
            raise Different(f"{inst}: {where} of {len(pending)}: {' '.join(bytes_)}")


def _step(run: Run) -> Any:
    """Why a run stopped behind an instruction, with the value that it put out, and where it is."""
    try:
        stop = run.step()
    except Trap as trap:
        return trap.kind
    return (stop, run.device.take() if stop is Stop.OUTPUT else None, run.pc)


def messages(device: Device) -> list[tuple[str, str, bytes]]:
    """The messages that a device, which is its own neighbour, has not received."""
    assert isinstance(device.transport, Links)
    incoming = device.transport.incoming
    return [
        (side, str(form), data.tobytes())
        for side in SIDES
        for form, data in incoming[side].messages
    ]


def _oldest(device: Device) -> Any:
    return device.fifo.panels[0].values if device.fifo.panels else None


def changed(fast: Device, reference: Device) -> list[tuple[int, Any, Any]]:
    """Registers that differ, with both values."""
    pairs = zip(fast.registers, reference.registers, strict=True)
    return [(number, a, b) for number, (a, b) in enumerate(pairs) if a != b]


def _allowed(
    pending: set[int], element: ElementType, memories: tuple[Memory, Memory],
    within: sums.Limits, either_zero: bool,
) -> set[int]:  # fmt: skip
    """The bytes of float elements that are both NaN, or within limits, or perhaps zeros."""
    size = element.itemsize
    found: set[int] = set()
    for start in {at // size * size for at in pending}:
        ours, theirs = (_value(memory.data, start, element) for memory in memories)
        low, high = within.get(start, (np.inf, -np.inf))
        both_nan = ours != ours and theirs != theirs
        both_within = low <= ours <= high and low <= theirs <= high
        both_zero = either_zero and ours == theirs == 0
        if both_nan or both_within or both_zero or (low, high) == sums.ANYTHING:
            found |= set(range(start, start + size))
    return found


def _value(data: Array, start: int, element: ElementType) -> float:
    raw: Any = data[start : start + element.itemsize].copy()
    with np.errstate(all="ignore"):
        return float(raw.view(element.dtype)[0])
