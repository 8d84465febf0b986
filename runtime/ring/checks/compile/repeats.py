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

_result: Callable[[Inst], int] = attrgetter("rd")
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
        model = self.code[starts[0] : starts[1]]
        touched = [_touched(inst) for inst in model if isinstance(inst, DataInst)]
        for count, (first, end) in enumerate(pairwise(starts[1:])):
            registers = list(state.registers)
            pair = Pair(list(before.registers), registers, state, self.effects)
            if not pair.does_again(model, touched, self.code[first:end]):
                return count
            state.registers[:] = registers
        return len(starts) - 2


class Pair:
    """Two stretches that are followed at once: registers `then` of a model, and `now`.

    `unlike` are the registers that differ at the moment; `is_determined` says that no scalar came
    from data.
    """

    def __init__(self, then: Registers, now: Registers, state: State, effects: Effects) -> None:
        self.then = then
        self.now = now
        self.state = state
        self.effects = effects
        self.is_determined = True
        pairs = enumerate(zip(then, now, strict=True))
        self.unlike = {register for register, (one, other) in pairs if one != other}

    def does_again(
        self, model: Sequence[Inst], touched: Sequence[frozenset[int]], stretch: Sequence[Inst]
    ) -> bool:
        """Whether a stretch does to what is known of the LMU what the model did."""
        then, now = self._data(model, self.then), self._data(stretch, self.now)
        for registers in touched:
            one, other = next(then, None), next(now, None)
            if one is None or other is None:
                return False
            is_equal = one == other and self.unlike.isdisjoint(registers)
            if not is_equal and not self._is_like(one, other):
                return False
        is_over = next(then, None) is None and next(now, None) is None
        return is_over and self.is_determined

    def _data(self, code: Sequence[Inst], registers: Registers) -> Iterator[DataInst]:
        """The instructions on data, after the scalars before each, up to one that data make."""
        for inst in code:
            if isinstance(inst, DataInst):
                yield inst
            elif not self._computes(inst, registers):
                self.is_determined = False
                return

    def _computes(self, inst: Inst, registers: Registers) -> bool:
        """Compute a scalar, if it is none that data determine."""
        compute = COMPUTE.get(type(inst))
        if compute is not None:
            compute(inst, registers, self.effects.symbols)
        elif isinstance(inst, Lds) and inst.address in self.state.kept:
            registers[inst.rd] = self.state.kept[inst.address]
        else:
            return False
        register = _result(inst)
        is_unlike = self.then[register] != self.now[register]
        (self.unlike.add if is_unlike else self.unlike.discard)(register)
        return True

    def _is_like(self, one: DataInst, other: DataInst) -> bool:
        """Whether two instructions on data do the same with the values that they find."""
        if type(one) is not type(other):
            return False
        if isinstance(one, Stream) and isinstance(other, Stream):
            origin = self.effects.symbols.origin
            return all(origin(self.now[r]) is Origin.SAME for r in other.extents)
        for field in one.LAYOUT:
            a, b = getattr(one, field.name), getattr(other, field.name)
            if isinstance(a, Operand):
                if a.type is not b.type or not (
                    field.name == one.HBM or self._is_like_operand(one, a, other, b)
                ):
                    return False
            elif field.name in SHAPING:
                if self._values(a, self.then) != self._values(b, self.now):
                    return False
            elif not field.kind.reads(a) and a != b:
                return False
        return True

    def _is_like_operand(self, one: Inst, a: Operand, other: Inst, b: Operand) -> bool:
        """Whether operands lie at the same addresses, or at others where nothing is known of."""
        if self._values(a.strides, self.then) != self._values(b.strides, self.now):
            return False
        if self.then[a.base] == self.now[b.base]:
            return True
        if isinstance(one, Send | Recv) or self._is_slot(b, self.now):
            return False
        return self._is_apart(one, a, self.then) and self._is_apart(other, b, self.now)

    def _is_apart(self, inst: Inst, operand: Operand, registers: Registers) -> bool:
        low, high = self.effects.hull(inst, operand, registers)
        return not any(
            first < high and low < last
            for first, last in (
                *self.state.memory.seen,
                *((address, address + SCALAR_BYTES) for address in self.state.kept),
            )
        )

    def _is_slot(self, operand: Operand, registers: Registers) -> bool:
        """Whether devices have an operand at addresses of their own, where a family may begin."""
        return self.effects.symbols.origin(registers[operand.base]) is Origin.DEVICE

    @staticmethod
    def _values(registers: int | Sequence[int], values: Registers) -> list[Value]:
        chosen = (registers,) if isinstance(registers, int) else registers
        return [values[register] for register in chosen]


def _touched(inst: DataInst) -> frozenset[int]:
    """The registers of extents, and of operands in the LMU."""
    found: set[int] = set()
    for field in inst.LAYOUT:
        value = getattr(inst, field.name)
        if field.name in SHAPING or (isinstance(value, Operand) and field.name != inst.HBM):
            found |= {*field.kind.reads(value)}
    return frozenset(found)
