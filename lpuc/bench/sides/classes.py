"""
Instructions by class, and the time that each class takes.

    with timed(code) as found:
        next(tokens)
    found["product"].count, found["product"].seconds

Each step of the code is replaced by one that looks at the clock before and behind it, in place, so
that a run that has begun is timed, too, from its next stop on. Inside the block instructions are
executed one by one, and looking at the clock takes some tenths of a microsecond: what is not a
product takes longer than in a run of its own. Outside of the block it costs nothing.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

from runtime.device.device import Device
from runtime.device.fast.binding import Step
from runtime.isa import ISA
from runtime.isa.instructions.matrix import Vecmat
from runtime.isa.instructions.memory import TransferInst
from runtime.isa.instructions.net import NetInst
from runtime.isa.instructions.reduction import Reduce, Scan, TopK
from runtime.isa.spec import CtrlInst, Inst, VectorInst
from runtime.run.code import Code

CLASSES: dict[str, tuple[type[Inst], ...]] = {
    "product": (Vecmat,),
    "reduction": (Reduce, Scan, TopK),
    "elementwise": (VectorInst,),
    "transfer": (TransferInst, NetInst),
    "control": (CtrlInst,),
}
"""The first that fits is the class of an instruction."""


@dataclass
class Share:
    """How many instructions of a class were executed, and how long they took."""

    count: int = 0
    seconds: float = 0.0


def class_of(inst: type[Inst]) -> str:
    """The class of an instruction."""
    return next(name for name, types in CLASSES.items() if issubclass(inst, types))


NAMES = {inst: class_of(inst) for inst in ISA.values()}


@contextmanager
def timed(code: Code) -> Generator[dict[str, Share]]:
    """What is executed on any device inside the block, by class."""
    found = {name: Share() for name in CLASSES}
    steps, blocks = list(code.steps), list(code.blocks)
    for pc, inst in code.instructions.items():
        code.steps[pc] = code.blocks[pc] = _timed(steps[pc], found[NAMES[type(inst)]])
    try:
        yield found
    finally:
        code.steps[:], code.blocks[:] = steps, blocks


def _timed(step: Step, share: Share) -> Step:
    clock = time.perf_counter

    def timed_step(device: Device) -> int:
        share.count += 1
        began = clock()
        following = step(device)
        share.seconds += clock() - began
        return following

    return timed_step
