"""Stretches of code that repeat, such as layers that are written out, are walked a few times only.

A stretch that does again what the one before did, from a state that is the same in all that counts,
leaves that state again. The same it is up to registers that hold other values and reach nothing but
addresses: in HBM, of which nothing is claimed here, or in the LMU, where nothing is known of. So
where two stretches in a row began alike, those behind are compared with the second: scalars are
computed in both, and what instructions on data do with them must be equal.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import chain, pairwise
from operator import attrgetter
from typing import NamedTuple

from runtime.isa.fields import Operand
from runtime.isa.instructions.ctrl import Bge, Halt, Jump, Lds, Loop, Out, Sts
from runtime.isa.instructions.memory import Stream
from runtime.isa.instructions.net import Recv, Send
from runtime.isa.spec import DataInst, Inst
from runtime.ring.checks.compile.effects import Effects
from runtime.ring.checks.compile.operands import COUNTS
from runtime.ring.checks.compile.state import SCALAR_BYTES, State
from runtime.ring.checks.compile.values import COMPUTE, Origin, Registers, Value

WINDOW = 48
"""Instructions that have to look alike before a stretch is thought to repeat."""
FEWEST = 8
"""Stretches in a row that are worth it."""
MOST_TRIES = 64
SHAPING = frozenset(("extents", *chain(*COUNTS.values())))
"""Fields whose registers say how many elements there are, or which."""
SCALAR = frozenset(cls.OPCODE for cls in (*COMPUTE, Lds))
CONTROL = frozenset(cls.OPCODE for cls in (Bge, Halt, Jump, Loop, Out, Sts))

_opcode: Callable[[Inst], int] = attrgetter("OPCODE")


class Run(NamedTuple):
    """Stretches that are alike in their instructions on data: where each begins, and the end."""

    starts: tuple[int, ...]


class Place(NamedTuple):
    """The beginning of a stretch: its number within a run."""

    run: Run
    number: int


def runs_of(code: Sequence[Inst], joints: set[int]) -> dict[int, Place]:
    """The stretches by the instructions that they begin with.

    None has an instruction of control flow, or a joint, where other ways arrive.
    """
    kinds = bytes(map(_opcode, code))
    breaks = joints | {at for at, kind in enumerate(kinds) if kind in CONTROL}
    found: dict[int, Place] = {}
    for low, high in pairwise([0, *sorted(breaks), len(code)]):
        if high - low <= WINDOW * FEWEST:
            continue
        places = [at for at in range(low + 1, high) if kinds[at] not in SCALAR]
        for run in _runs(bytes(kinds[at] for at in places), places):
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

    def __init__(self, code: Sequence[Inst], runs: dict[int, Place], effects: Effects) -> None:
        self.code = code
        self.runs = runs
        self.effects = effects
        self.before: Start | None = None

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
        starts = place.run.starts[place.number - 1 :]
        pair = Pair(self.code, self.effects, state)
        rows = pair.rows(range(*starts[:2]), list(before.registers))
        for count, (first, end) in enumerate(pairwise(starts[1:])):
            registers = list(state.registers)
            if rows is None or not pair.does_again(rows, range(first, end), registers):
                return count
            state.registers[:] = registers
        return len(starts) - 2


class Row(NamedTuple):
    """An instruction on data of a model, with what it finds in its registers.

    `apart` says of operands that were asked for whether they lie apart, and their first byte and
    the one behind the last, from the base on.
    """

    inst: DataInst
    text: str
    values: tuple[Value, ...]
    registers: Registers
    apart: dict[str, tuple[bool, int, int]]


class Pair:
    """A stretch that is the model of others, which are compared with it."""

    def __init__(self, code: Sequence[Inst], effects: Effects, state: State) -> None:
        self.code = code
        self.effects = effects
        self.symbols = effects.symbols
        self.state = state
        kept = ((address, address + SCALAR_BYTES) for address in state.kept)
        self.seen = [*state.memory.seen, *kept]

    def rows(self, span: range, registers: Registers) -> list[Row] | None:
        """The instructions on data of the model; None if it loads scalars that data make."""
        found: list[Row] = []
        for at in span:
            inst = self.code[at]
            if isinstance(inst, DataInst):
                word = self.effects.words.of(inst)
                values = word.near(registers)
                found.append(Row(inst, word.text, values, list(registers), {}))
            elif not self._computes(inst, registers):
                return None
        return found

    def does_again(self, rows: Sequence[Row], span: range, registers: Registers) -> bool:
        """Whether a stretch does to what is known of the LMU what the model did."""
        rest, symbols, words = iter(rows), self.symbols, self.effects.words
        for inst in self.code[span.start : span.stop]:
            compute = COMPUTE.get(type(inst))
            if compute is not None:
                compute(inst, registers, symbols)
            elif isinstance(inst, DataInst):
                row = next(rest, None)
                if row is None:
                    return False
                _, text, values, _, _ = row
                word = words.known.get(id(inst)) or words.of(inst)
                if word.text != text:
                    return False
                if word.near(registers) != values and not self._is_like(row, inst, registers):
                    return False
            elif not self._computes(inst, registers):
                return False
        return next(rest, None) is None

    def _computes(self, inst: Inst, registers: Registers) -> bool:
        """Compute a scalar, if it is none that data determine."""
        compute = COMPUTE.get(type(inst))
        if compute is not None:
            compute(inst, registers, self.symbols)
        elif isinstance(inst, Lds) and inst.address in self.state.kept:
            registers[inst.rd] = self.state.kept[inst.address]
        else:
            return False
        return True

    def _is_like(self, row: Row, other: DataInst, now: Registers) -> bool:
        """Whether an instruction of the same words does the same with the values that it finds."""
        one, then = row.inst, row.registers
        if isinstance(other, Stream):
            return all(self.symbols.origin(now[r]) is Origin.SAME for r in other.extents)
        for field in one.LAYOUT:
            a, b = getattr(one, field.name), getattr(other, field.name)
            if isinstance(a, Operand):
                if field.name != one.HBM and not self._is_like_operand(row, field.name, a, b, now):
                    return False
            elif field.name in SHAPING and self._values(a, then) != self._values(b, now):
                return False
        return True

    def _is_like_operand(self, row: Row, name: str, a: Operand, b: Operand, now: Registers) -> bool:
        """Whether operands lie at the same addresses, or at others where nothing is known of."""
        then = row.registers
        if self._values(a.strides, then) != self._values(b.strides, now):
            return False
        base = now[b.base]
        if then[a.base] == base:
            return True
        if isinstance(row.inst, Send | Recv) or self.symbols.origin(base) is Origin.DEVICE:
            return False
        if name not in row.apart:
            low, high = self.effects.hull(row.inst, a, then)
            first, last = self.symbols.range(then[a.base])
            row.apart[name] = self._is_apart(low, high), low - first, high - last
        is_apart, low, high = row.apart[name]
        first, last = self.symbols.range(base)
        return is_apart and self._is_apart(first + low, last + high)

    def _is_apart(self, low: int, high: int) -> bool:
        for first, last in self.seen:  # noqa: SIM110
            if first < high and low < last:
                return False
        return True

    @staticmethod
    def _values(registers: int | Sequence[int], values: Registers) -> list[Value]:
        chosen = (registers,) if isinstance(registers, int) else registers
        return [values[register] for register in chosen]
