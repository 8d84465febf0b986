"""Cases of the fuzzer: one instruction on several sets of register values, or a whole program."""

from __future__ import annotations

from random import Random

import numpy as np

from benchmarks.fuzz.outcome import Outcome
from benchmarks.fuzz.paths.comparing import Different, Pair, Unjudged
from benchmarks.fuzz.paths.drawing import Drawing
from benchmarks.fuzz.paths.free import free_case
from benchmarks.fuzz.paths.memories import Layout
from benchmarks.fuzz.paths.programs import program
from benchmarks.fuzz.pool import Result
from runtime.device.device import Device
from runtime.device.links import neighbours
from runtime.device.memory import NAN_BYTE
from runtime.isa import ISA, Inst, Recv, Send, Stream, Vecmat
from runtime.isa.instructions.net import SIDES
from runtime.isa.state import wrap
from runtime.numerics.elements import TYPES

TABLE = tuple(ISA)
EACH = 8
"""Instructions of which a number has a case."""
STEPS = 600
"""Instructions after which a program is left alone."""


def instruction_case(random: Random, mnemonic: str) -> str:
    """Run an instruction with two sets of register values in turn; what differs, or nothing.

    One set comes again, so that calls that are remembered are used as well.
    """
    layout = Layout.drawn(random)
    drawing = Drawing(random, layout)
    inst = drawing.instruction(ISA[mnemonic])
    code = [*before(drawing, inst), inst]
    values = dict(drawing.values)
    try:
        pair = Pair(code, layout.devices())
        for chosen in (values, values, _varied(random, inst, values), values):
            pair.set(chosen)
            pair.go_to(0)
            for _ in code:
                if not pair.advance():
                    break
            for device in pair.devices:
                device.fifo.panels.clear()
                neighbours(device.transport).clear()
    except Unjudged:
        return ""
    except Different as difference:
        return f"{difference}; registers {values}; {layout}"
    return ""


def before(drawing: Drawing, inst: Inst) -> list[Inst]:
    """What an instruction needs before it: the panel or the message that it takes."""
    if isinstance(inst, Vecmat):
        return [_panel_for(drawing, inst)]
    return [_message_for(drawing, inst)] if isinstance(inst, Recv) else []


def _message_for(drawing: Drawing, inst: Recv) -> Send:
    """A message that a device receives which is its own neighbour, mostly of the right form."""
    element, side = inst.dst.type, next(side for side in SIDES if side != inst.side)
    if drawing.rarely():
        element, side = drawing.random.choice(TYPES), drawing.random.choice(SIDES)
    shape = [drawing.values.get(register) or 0 for register in inst.extents]
    return Send(side, inst.extents, drawing.operand(element, shape, hbm=False, written=False))


def _panel_for(drawing: Drawing, inst: Vecmat) -> Stream:
    """A stream of the panel that a product takes, mostly."""
    b, _, k, n = inst.extents
    same = [t for t in TYPES[:-1] if t.is_float == inst.x.type.is_float]
    element = drawing.random.choice(TYPES[:-1] if drawing.rarely() else same)
    shape = [drawing.values.get(register) or 0 for register in (b, 0, k, n)]
    shape[1] = 1
    operand = drawing.operand(element, shape, hbm=True, written=False)
    return Stream((b, drawing.register(1), k, n), operand)


def _varied(random: Random, inst: Inst, values: dict[int, int | None]) -> dict[int, int | None]:
    """Other values for some registers; extents stay small."""
    found, extents = dict(values), getattr(inst, "extents", ())
    for register, value in values.items():
        if value is not None and random.random() < 0.15:
            steps = [1, -1, 2] if register in extents else [8, -8, 8, 16, 64, 1, 2]
            found[register] = wrap(value + random.choice(steps))
    return found


def program_case(random: Random, runs: int = 1) -> str:
    """Run programs on one pair of devices instruction by instruction; what differs, or nothing."""
    layout = Layout.drawn(random, gaps=0.15)
    devices = layout.devices()
    pair: Pair | None = None
    try:
        for number in range(runs):
            if number:
                restart(layout, devices)
            pair = Pair(program(random, layout), devices)
            _run(pair)
    except Different as difference:
        return f"at instruction {pair.executed if pair else 0}: {difference}; {layout}"
    return ""


def _run(pair: Pair) -> None:
    try:
        for _ in range(STEPS):
            if not pair.go_on():
                break
    except Unjudged:
        return


def restart(layout: Layout, devices: tuple[Device, Device]) -> None:
    """Reset both devices, which must then know nothing, and fill them anew."""
    for device in devices:
        device.reset()
        for memory in (device.lmu, device.arena):
            known = memory.data != NAN_BYTE if memory.written is None else memory.written
            if known.any():
                raise Different(f"a reset leaves {memory.name} byte {np.flatnonzero(known)[0]}")
    layout.fill(devices)


def case(kind: str, random: Random) -> str:
    """A case of an instruction by mnemonic, or of a `program`.

    Of one that runs `free`, or of two on devices that restart.
    """
    if kind == "free":
        return free_case(random)
    if kind in ISA:
        return instruction_case(random, kind)
    return program_case(random, runs=1 if kind == "program" else 2)


def kinds(number: int) -> list[str]:
    """The kinds of the cases of a number: programs, instructions in turn, sometimes a restart."""
    first = number * EACH
    turn = [TABLE[at % len(TABLE)] for at in range(first, first + EACH)]
    return ["program", "free", *turn, *["restart"][: number % 4 == 0]]


def differences(seed: int, number: int) -> list[str]:
    """What differs in the cases of a number."""
    found = {kind: case(kind, Random(f"{seed} {number} {kind}")) for kind in kinds(number)}
    return [f"{kind}: {what}" for kind, what in found.items() if what]


def run_one(seed: int, number: int) -> Result:
    """The cases of a number, judged."""
    found = differences(seed, number)
    return Result(Outcome("wrong" if found else "right", "\n".join(found), "paths"), str(number))
