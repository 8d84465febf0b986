"""Programs that run freely, a block at a time, against the same ones instruction by instruction.

Both are on the fast path, so that they agree in every byte. Some registers are set from outside, as
entries do: to the same values in most rounds, to others now and then, or to none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

import numpy as np

from benchmarks.fuzz.paths.comparing import Different, changed, messages
from benchmarks.fuzz.paths.drawing import FIRST_REGISTER
from benchmarks.fuzz.paths.memories import Layout
from benchmarks.fuzz.paths.programs import program
from runtime.device.device import Device
from runtime.isa import Inst, Li
from runtime.isa.state import wrap
from runtime.run.code import Code
from runtime.run.run import Run, Stop
from runtime.traps import Trap

COUNTED = 4
"""Rounds in which registers count."""
STEPS = 600
"""Instructions after which a program is left alone."""

Registers = dict[int, int | None]


def free_case(random: Random) -> str:
    """Run a program several times on a pair of devices; what differs, or nothing."""
    layout = Layout.drawn(random, gaps=0.15)
    instructions, outside = _lifted(random, program(random, layout))
    free, single = (Run(Code(instructions), layout.devices()[0], 0) for _ in range(2))
    for number, values in enumerate(_rounds(random, outside)):
        for run in (free, single):
            run.device.restart()
            for register, value in values.items():
                run.device.registers[register] = value
        try:
            if not _compare(free, single):
                return ""
        except Different as difference:
            return f"round {number}: {difference}; {layout}"
    return ""


def _lifted(random: Random, code: Sequence[Inst]) -> tuple[list[Inst], Registers]:
    """A program some of whose registers are set from outside; jumps are as long as before."""
    loads = [inst for inst in code if isinstance(inst, Li) and inst.rd >= FIRST_REGISTER]
    times = Counter(inst.rd for inst in loads)
    chosen = {inst for inst in loads if times[inst.rd] == 1 and random.random() < 0.8}
    outside: Registers = {inst.rd: inst.value for inst in loads if inst in chosen}
    return [Li(15, 7) if inst in chosen else inst for inst in code], outside


def _rounds(random: Random, outside: Registers) -> Iterator[Registers]:
    """What registers hold in each round: the same, others in some, then one of these nothing.

    At last some count: up, and from another start once more, as a body of layers is visited.
    """
    varied = {
        register: wrap(value + random.choice([8, -8, 16, 64, 1, -1]))
        for register, value in outside.items()
        if value is not None and random.random() < 0.05
    }
    yield from (outside, outside, outside | varied, outside)
    yield (
        outside
        | varied
        | {register: None for register in list(varied)[:1] if random.random() < 0.5}
    )
    steps = {r: random.choice([1, 4, 8, -4]) for r in outside if random.random() < 0.3}
    starts = {register: value or 0 for register, value in (outside | varied).items()}
    for shift, count in ((0, COUNTED), (64, COUNTED + 2)) if steps else ():
        for turn in range(count):
            counted = {r: wrap(starts[r] + shift + turn * step) for r, step in steps.items()}
            yield outside | counted


def _compare(free: Run, single: Run) -> bool:
    """Run both, on behind what traps or has to wait, to the end, if they get there.

    Different where they come apart.
    """
    pc, left = 0, STEPS
    while left > 0:
        for run in (free, single):
            run.pc, run.why, run.trap = pc, Stop.START, None
        expected, count = _by_steps(single, left)
        left -= count
        if expected is None:
            return False
        found = _end(free)
        if found != expected:
            raise Different(f"runs freely to {found}, instruction by instruction to {expected}")
        _same_state(free.device, single.device)
        if single.why is Stop.HALTED:
            return True
        pc = single.pc + (0 if single.why is Stop.OUTPUT else _words(single))
    return False


def _words(run: Run) -> int:
    inst = run.code.instructions.get(run.pc)
    return 1 if inst is None else inst.WORDS


def _by_steps(run: Run, most: int) -> tuple[Any, int]:
    """Where a run ends that executes one instruction after the other, and how many."""
    for count in range(1, most + 1):
        end = _end(run, instructions=1)
        if run.why is not Stop.STEPPED:
            return end, count
    return None, most


def _end(run: Run, instructions: int | None = None) -> Any:
    """Why and where a run stopped, and what it hands over."""
    try:
        stop = run.advance(instructions=instructions)
    except Trap as trap:
        return (trap.kind, str(trap), trap.pc, run.pc)
    return (stop, run.device.take() if stop is Stop.OUTPUT else None, run.pc)


def _same_state(free: Device, single: Device) -> None:
    if free.registers != single.registers:
        raise Different(f"registers differ: {changed(free, single)}")
    for ours, theirs in ((free.lmu, single.lmu), (free.arena, single.arena)):
        apart = np.flatnonzero(ours.data != theirs.data)
        if apart.size:
            raise Different(f"{ours.name} differs at byte {apart[0]} and {apart.size - 1} others")
    for what in (_panels, messages):
        if what(free) != what(single):
            raise Different(f"{what.__name__} differ")


def _panels(device: Device) -> list[int]:
    return [panel.size() for panel in device.fifo.panels]
