"""
Instructions by class, and the time that each class takes.

    with timed(code) as found:
        next(tokens)
    found["product"]        # the seconds of each product, in order
    typical([found["product"], later["product"]])

Each step of the code is replaced by one that looks at the clock before and behind it, in place, so
that a run that has begun is timed, too, from its next stop on. Inside the block instructions are
executed one by one, and looking at the clock takes some tenths of a microsecond: what is not a
product takes longer than in a run of its own. Outside of the block it costs nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import mode
from typing import Any

import numpy as np

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


Clock = Callable[[], float]
"""Seconds since some time."""

Times = list[float]
"""The seconds of each instruction of a class that a token executed, in order."""


def typical(tokens: Sequence[Times]) -> Share:
    """
    What a class takes for a token: the sum of the medians of each instruction.

    An instruction takes microseconds, so that others that want the processor disturb few of them;
    the sum over a token they nearly always disturb. Tokens that execute another number, such as the
    first behind a multiple of a tile, are left out.
    """
    count = mode(map(len, tokens))
    alike: Any = np.array([times for times in tokens if len(times) == count])
    return Share(count, float(np.median(alike, axis=0).sum()))


def class_of(inst: type[Inst]) -> str:
    """The class of an instruction."""
    return next(name for name, types in CLASSES.items() if issubclass(inst, types))


NAMES = {inst: class_of(inst) for inst in ISA.values()}


@contextmanager
def timed(code: Code, clock: Clock = time.perf_counter) -> Generator[dict[str, Times]]:
    """What is executed on any device inside the block, by class."""
    found: dict[str, Times] = {name: [] for name in CLASSES}
    steps, blocks = list(code.steps), list(code.blocks)
    for pc, inst in code.instructions.items():
        code.steps[pc] = code.blocks[pc] = _timed(steps[pc], found[NAMES[type(inst)]], clock)
    try:
        yield found
    finally:
        code.steps[:], code.blocks[:] = steps, blocks


def _timed(step: Step, times: Times, clock: Clock) -> Step:
    note = times.append

    def timed_step(device: Device) -> int:
        began = clock()
        try:
            return step(device)
        finally:  # also of one that hands out a token, which leaves by an exception
            note(clock() - began)

    return timed_step
