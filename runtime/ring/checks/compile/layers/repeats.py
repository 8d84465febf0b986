"""Stretches of code that repeat, such as layers that are written out, are walked a few times only.

A stretch that does again what the one before did, from a state that is the same in all that counts,
leaves that state again. The same it is up to registers that hold other values and reach nothing but
addresses: in HBM, of which nothing is claimed here, or in the LMU, where nothing is known of. So
where two stretches in a row began alike, those behind are compared with the second: scalars are
computed in both, and what instructions on data do with them must be equal.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from runtime.isa.instructions.ctrl import Bge, Halt, Jump, Lds, Loop, Out, Sts
from runtime.isa.instructions.net import Recv, Send
from runtime.isa.spec import Inst
from runtime.ring.checks.compile.effects import Effects
from runtime.ring.checks.compile.layers.models import Again, Model, Seen
from runtime.ring.checks.compile.opcodes import Opcodes, places_of
from runtime.ring.checks.compile.state import State
from runtime.ring.checks.compile.values import COMPUTE, Registers
from runtime.ring.checks.compile.words import Word

WINDOW = 48
"""Instructions that have to look alike before a stretch is thought to repeat."""
FEWEST = 8
"""Stretches in a row that are worth it."""
MOST_TRIES = 64
SCALAR = (*COMPUTE, Lds)
Written = Callable[[int, int], tuple[set[int], set[int]]]
"""The registers and scalars that instructions write, from the first up to the last."""
BREAKING = (Bge, Halt, Jump, Loop, Out, Sts)
"""Instructions that no stretch has."""


class Run(NamedTuple):
    """Stretches that are alike in their instructions on data: where each begins, and the end."""

    starts: tuple[int, ...]


class Place(NamedTuple):
    """The beginning of a stretch: its number within a run."""

    run: Run
    number: int


def runs_of(opcodes: Opcodes, joints: set[int]) -> dict[int, Place]:
    """The stretches by the instructions that they begin with.

    None has an instruction of control flow, or a joint, where other ways arrive.
    """
    breaks = joints.union(places_of(opcodes, BREAKING))
    is_data = np.ones(len(opcodes), np.bool_)
    is_data[places_of(opcodes, SCALAR)] = False
    found: dict[int, Place] = {}
    for low, high in pairwise([0, *sorted(breaks), len(opcodes)]):
        if high - low <= WINDOW * FEWEST:
            continue
        places = low + 1 + np.flatnonzero(is_data[low + 1 : high])
        for run in _runs(opcodes[places].tobytes(), places.tolist()):
            found |= {at: Place(run, number) for number, at in enumerate(run.starts[:-1])}
    return found


def _runs(kinds: bytes, places: Sequence[int]) -> Iterator[Run]:
    at = 0
    while at < len(kinds):
        starts = _starts(kinds, at)
        if starts:
            yield Run(tuple(places[start] for start in starts))
        at = max(at + WINDOW, starts[-1] if starts else 0)


def _starts(kinds: bytes, at: int) -> range:
    """Where the stretches begin that repeat from an instruction on, and where the last ends."""
    other = at
    for _ in range(MOST_TRIES):
        other = kinds.find(kinds[at : at + WINDOW], other + 1)
        if other < 0:
            break
        length = other - at
        stretch, end = kinds[at:other], other
        while kinds[end : end + length] == stretch:
            end += length
        if end - at >= FEWEST * length:
            start = _behind_messages(kinds, at, length)
            return range(start, start + (end - 1 - start) // length * length + 1, length)
    return range(0)


def _behind_messages(kinds: bytes, at: int, length: int) -> int:
    """The first place behind a receive with which an exchange ends, if there is one."""
    ends = (
        place
        for place in range(at + 1, at + length)
        if kinds[place - 1] == Recv.OPCODE and kinds[place] not in (Send.OPCODE, Recv.OPCODE)
    )
    return next(ends, at)


class Start(NamedTuple):
    """What was known where a stretch began, and what had been counted."""

    place: Place
    signature: object
    registers: Registers
    counts: tuple[int, int]


class Repeats:
    """The stretches of one entry's code."""

    def __init__(
        self,
        code: Sequence[Inst],
        words: Sequence[Word],
        runs: dict[int, Place],
        written: Written,
        effects: Effects,
    ) -> None:
        self.code = code
        self.words = words
        self.runs = runs
        self.written = written
        self.effects = effects
        self.before: Start | None = None
        self.known: dict[object, list[Again]] = {}

    def leave_out(self, at: int, state: State) -> int:
        """Where to go on from an instruction, from which stretches may repeat that were walked."""
        effects, place = self.effects, self.runs[at]
        counts = (effects.messages, effects.reading.gathered)
        before, signature = self.before, state.signature()
        self.before = Start(place, signature, list(state.registers), counts)
        seen, state.memory.seen = state.memory.seen, set(state.memory.hulls)
        if before is None or before.place != Place(place.run, place.number - 1):
            return at
        if signature is None or signature != before.signature:
            return at
        state.memory.seen |= seen
        count = self._repeated(place, before, state)
        if count:
            self.before = None
            effects.messages += count * (counts[0] - before.counts[0])
            effects.reading.gathered += count * (counts[1] - before.counts[1])
        return place.run.starts[place.number + count]

    def _repeated(self, place: Place, before: Start, state: State) -> int:
        """How many stretches do what the one before did; registers become what they leave."""
        count, seen = 0, Seen(state)
        for again in self._again(place, before, state):
            if not all(seen.is_apart(low, high) for low, high in again.aside):
                break
            count, state.registers[:] = count + 1, again.registers
        return count

    def _again(self, place: Place, before: Start, state: State) -> list[Again]:
        """The stretches that do what the one before did, if what they have aside lies apart.

        A turn of a loop that is walked again asks the same once more.
        """
        registers = (tuple(before.registers), tuple(state.registers))
        key = (place.run.starts[0], place.number, registers, tuple(state.kept.items()))
        found = self.known.get(key)
        if found is None:
            found = self.known[key] = list(self._compared(place, before, state))
        return found

    def _compared(self, place: Place, before: Start, state: State) -> Iterator[Again]:
        starts = place.run.starts[place.number - 1 :]
        model = Model(self.effects, state.kept, self.written(starts[0], starts[-1] - 1)[0])
        registers = list(before.registers)
        if not model.learns(*self._stretch(starts[0], starts[1]), registers):
            return
        registers = list(state.registers)
        for first, end in pairwise(starts[1:]):
            aside = model.compared(*self._stretch(first, end), registers)
            if aside is None:
                return
            yield Again(list(registers), aside)

    def _stretch(self, first: int, end: int) -> tuple[Sequence[Inst], Sequence[Word]]:
        return self.code[first:end], self.words[first:end]
