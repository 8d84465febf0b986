"""
Judge a pass to or on instructions by what they write, array by array.

Instructions do what the operations on buffers did, and a pass on instructions keeps what they
write. Behind an exact pass the same bits are written. What buffers became is compared as soon as an
instruction is done, sums within `APART` local bounds, all else bit for bit, and the numbers of the
run before are put there: what follows is computed of the same. What has no counterpart before the
pass (`isa.pairing`) is not compared; how much that is, and why, is said.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import zip_longest
from typing import Any

import numpy as np

from dialects.errors import node_names
from dialects.lpu_mem.ops import buffer_of
from lpuc.diagnosis.failure import part_of_machine
from lpuc.diagnosis.judging.departures import Departure, departure
from lpuc.diagnosis.judging.isa.pairing import CHOSEN, OTHER_WAY, Compared, matched, paired
from lpuc.diagnosis.judging.isa.written import Found, Place, Write, Writes
from lpuc.diagnosis.judging.mem.contents import turn_names
from lpuc.diagnosis.judging.mem.written import Written
from lpuc.diagnosis.judging.runs import APART, Runs, same_bits

Array = np.ndarray[Any, np.dtype[Any]]


def judge_instructions(is_exact: bool, before: Runs, after: Runs) -> Departure | None:
    """
    The first thing that an instruction writes which is not what it was before a pass.

    `after.compared` is how much could be looked at. Where the run breaks off, what it has written
    up to there is looked at, and if that is right what it breaks off with is raised.
    """
    right = _of_buffers(before) if before.is_on_buffers else before.instructions.devices
    try:
        log, compared = after.instructions, Compared()
    except Exception as error:  # whatever the machine raises
        log = after.instructions_done
        found = None if part_of_machine(error) else _up_to_here(right, log.devices)
        if found is None:
            raise
        return found
    sides = zip_longest(right, log.devices, fillvalue=())
    pairs = [paired(old, new, compared) for old, new in sides]
    compared.left.update({(name, CHOSEN): n for name, n in (+log.writes.chosen).items()})
    after.compared = compared
    times = 0.0 if is_exact and not before.is_on_buffers else APART
    both = [(log.devices[d][n], pairs[d][n]) for d in range(len(pairs)) for n in sorted(pairs[d])]
    if not before.is_on_buffers:
        return next((off for new, old in both if (off := _off(new, old, times))), None)
    if all(same_bits(new.array, _shaped(old, new.array)) for new, old in both):
        return None
    forcing = Forcing(pairs, log.steps, compared)
    after.stepped(Writes(forcing))
    return forcing.found


def _shaped(right: Write, got: Array) -> Array:
    return right.array.reshape(got.shape)


def _up_to_here(
    right: Sequence[Sequence[Write]], done: Sequence[Sequence[Write]]
) -> Departure | None:
    """
    The first array that is off, or not where it was, when instructions break off.

    What is written nowhere is none that was still to come: something behind it is, or the same
    nodes have written something elsewhere.
    """
    for old, new in zip(right, done, strict=False):
        found = matched(old, new)
        last = max(found, default=-1)
        strange = {one.nodes for n, one in enumerate(new) if n not in found.values()}
        for number, one in enumerate(old):
            if number in found:
                off = _off(new[found[number]], one, APART)
            elif number < last or one.nodes in strange:
                off = _lost(one)
            else:
                break
            if off is not None:
                return off
    return None


def _lost(right: Write) -> Departure:
    """What is not written where it was."""
    first = float(right.array.reshape(-1)[0])
    return Departure(right.operation, right.names(), (), None, first, 0.0)


def _off(written: Write | Found, right: Write, times: float) -> Departure | None:
    """Where an array is further from the right one than so many local bounds."""
    got = written.array
    expected = _shaped(right, got)
    if same_bits(got, expected):
        return None
    bound = times * right.bound().reshape(got.shape) if times else 0.0
    off = departure(got, expected, bound)
    return off and Departure(right.operation, right.names(), *off, written.operation)


@dataclass
class Forcing:
    """Judges arrays as they are written, and puts the right ones in their place."""

    pairs: Sequence[Mapping[int, Write]]
    """For each device, what is right, by its number in the order."""
    steps: Sequence[Sequence[int]]
    """The instruction that wrote each before anything was put anywhere."""
    compared: Compared
    found: Departure | None = None
    at: Counter[int] = field(default_factory=Counter[int])
    lost: set[int] = field(default_factory=set[int])
    """Devices that do something else than before."""

    def __call__(self, found: Found) -> None:
        device, number = found.device, self.at[found.device]
        self.at[device] += 1
        if device in self.lost:
            return
        right, steps = self.pairs[device].get(number), self.steps[device]
        is_same = number < len(steps) and steps[number] == found.pc
        if not is_same or (right is not None and right.place != found.place):
            self._lose(device, number)
        elif right is not None:
            self.found = self.found or _off(found, right, APART)
            found.array[...] = _shaped(right, found.array)

    def _lose(self, device: int, number: int) -> None:
        """From here on nothing can be compared: numbers have lost their meaning."""
        self.lost.add(device)
        rest = [one for n, one in self.pairs[device].items() if n >= number]
        self.compared.count -= len(rest)
        self.compared.left.update((one.operation, OTHER_WAY) for one in rest)


def _of_buffers(before: Runs) -> list[list[Write]]:
    """What operations on buffers wrote on each device."""
    count = max((len(one.parts) for one in before.written), default=1)
    found: list[list[Write]] = [[] for _ in range(count)]
    for one in before.written:
        names, nodes = partial(turn_names, one.op, one.names), node_names(one.op)
        in_hbm = buffer_of(one.op.operands[one.result]).space == "hbm"
        for device, part in enumerate(one.parts):
            if part.size:
                place = Place(in_hbm, one.starts[device], part.size, part.dtype)
                bound = partial(_bound, one, device)
                found[device].append(Write(one.op.name, names, nodes, place, part, bound))
    return found


def _bound(written: Written, device: int) -> Array:
    return written.bounds()[device]
