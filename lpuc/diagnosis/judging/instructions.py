"""
Judge a pass to or on instructions by what they write, one after the other.

Instructions do what the operations on buffers did, in their order, and a pass on instructions keeps
that order. Behind an exact pass the same bits are written. What buffers became is compared as soon
as an instruction is done, sums within `APART` local bounds, all else bit for bit, and the numbers
of the run before are put there: what follows is computed of the same. Where one side writes arrays
of other sizes, that is where it ends: outputs are compared.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from lpuc.diagnosis.judging.departures import Departure, departure
from lpuc.diagnosis.judging.mem.contents import content, turn_names, writes
from lpuc.diagnosis.judging.mem.forcing import APART
from lpuc.diagnosis.judging.mem.written import Written
from lpuc.diagnosis.judging.runs import Runs, same_bits
from runtime.device.device import Device
from runtime.isa.accesses import Access
from runtime.numerics.elements import ElementType
from runtime.run.run import Run

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Expected:
    """What one device must write next."""

    operation: str
    names: Callable[[], tuple[str, ...]]
    array: Array
    bound: Callable[[], Array]


@dataclass
class Writes:
    """Looks at memory behind each instruction of each device, which is before its next one."""

    look: Callable[[int, str, int, Array], None]
    """Given the number of a device, a mnemonic, a pc, and what was written, where it lies."""
    devices: list[Device] = field(default_factory=list[Device])
    pending: dict[int, list[tuple[int, Access, ElementType]]] = field(
        default_factory=dict[int, list[tuple[int, Access, ElementType]]]
    )

    def __call__(self, run: Run) -> None:
        if all(run.device is not one for one in self.devices):
            self.devices.append(run.device)
        number = next(n for n, one in enumerate(self.devices) if one is run.device)
        for pc, access, element in self.pending.get(number, []):
            array = content(run.device, access, element)
            if array.size:
                self.look(number, run.code.instructions[pc].MNEMONIC, pc, array)
        self.pending[number] = writes(run, run.code.instructions.get(run.pc))[:1]


def judge_instructions(is_exact: bool, before: Runs, after: Runs) -> Departure | None:
    """The first thing that an instruction writes which is not what it was before a pass."""
    expected = _of_buffers(before) if before.is_on_buffers else _of_instructions(before)
    found, at = list[Departure](), dict[int, int]()
    is_forced = before.is_on_buffers

    def look(device: int, _mnemonic: str, _pc: int, got: Array) -> None:
        turn = at.get(device, 0)
        if turn < 0 or turn >= len(expected[device]):
            return
        one = expected[device][turn]
        at[device] = turn + 1 if one.array.size == got.size else -1
        right = one.array.reshape(got.shape) if one.array.size == got.size else got
        if right.dtype != got.dtype or same_bits(got, right):
            return
        bound = 0.0 if is_exact and not is_forced else APART * one.bound().reshape(got.shape)
        off = departure(got, right, bound)
        if off is not None and not found:
            found.append(Departure(one.operation, one.names(), *off))
        if is_forced:
            got[...] = right

    after.stepped(Writes(look))
    return found[0] if found else None


def _of_buffers(before: Runs) -> Sequence[Sequence[Expected]]:
    """What operations on buffers wrote on each device."""
    count = max((len(one.parts) for one in before.written), default=1)
    found: list[list[Expected]] = [[] for _ in range(count)]
    for one in before.written:
        names = partial(turn_names, one.op, one.names)
        for device, part in enumerate(one.parts):
            if part.size:
                bound = partial(_bound, one, device)
                found[device].append(Expected(one.op.name, names, part, bound))
    return found


def _bound(written: Written, device: int) -> Array:
    return written.bounds()[device]


def _of_instructions(before: Runs) -> Sequence[Sequence[Expected]]:
    """What instructions wrote on each device."""
    found = list[list[Expected]]()
    provenance = before.snapshot.machine.program.provenance

    def look(device: int, mnemonic: str, pc: int, got: Array) -> None:
        while len(found) <= device:
            found.append([])
        kept = got.copy()
        names = partial(provenance.nodes_at, pc)
        found[device].append(Expected(mnemonic, names, kept, lambda: np.zeros(kept.shape)))

    before.stepped(Writes(look))
    return found
