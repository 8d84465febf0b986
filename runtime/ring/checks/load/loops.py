"""Loops: how often they turn, and when one turn stands for all."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from runtime.isa.instructions.ctrl import Bge, Halt, Jump, Lds, Li, Sts
from runtime.isa.spec import Inst
from runtime.ring.checks.load.layers.finding import result
from runtime.ring.checks.load.memory.far import Far
from runtime.ring.checks.load.memory.runs import Content, Held, Kind
from runtime.ring.checks.load.state import State
from runtime.ring.checks.load.values import HIGHEST, UNKNOWN, Value, behind, ends, is_uniform

MOST_TURNS = 1 << 13
"""Turns of a loop that are executed one by one where need be, and of all loops 8 times as many."""
Bytes = tuple[int, int]


@dataclass
class Counted:
    """A loop from `head` to its last instruction, and the values of its counter.

    Its first turn has `start`, which is `least` to `most`, its last turn `last`, and behind it the
    counter is `after`. Of the loops that begin at its head `opened` are around its body. It
    `is_counted` if it has as many turns whatever symbols and data are.
    """

    head: int
    tail: int
    opened: int
    counter: int
    step: int
    start: Value
    bound: Value = 0
    last: int = 0
    after: Value = 0
    is_counted: bool = False

    @property
    def least(self) -> int:
        """The least value of the counter."""
        return ends(self.start)[0]

    @property
    def most(self) -> int:
        """The greatest value of the counter in the first turn."""
        return ends(self.start)[1]

    @property
    def is_one(self) -> bool:
        """Whether it has one turn, of which the counter is known."""
        return isinstance(self.start, int) and self.last == self.start

    @property
    def may_split(self) -> bool:
        """Whether its turns are few enough, and known, for a look at each of them."""
        turns = (self.last - self.most) // self.step
        return isinstance(self.start, int) and turns < MOST_TURNS

    def bind(self, bound: Value) -> bool:
        """Find out how often the loop turns at most; not where that depends on the device."""
        self.bound, (low, high) = bound, ends(bound)
        self.last = self.most + max(0, high - 1 - self.most) // self.step * self.step
        self.is_counted = self.is_one or (isinstance(self.start, int) and isinstance(bound, int))
        low, high = max(self.least + self.step, low), min(HIGHEST, self.last + self.step)
        self.after = behind(self.start, bound, self.step, low, high)
        return is_uniform(bound)


@dataclass
class Bodies:
    """What instructions of loops' bodies do: `setters` write registers, `breaks` end stretches."""

    code: Sequence[Inst]
    setters: Sequence[int]
    breaks: Sequence[int]

    def written(self, head: int, tail: int) -> set[int]:
        """The registers that a loop's body writes."""
        return set(map(result, self.setting(head, tail)))

    def setting(self, head: int, tail: int) -> list[Inst]:
        """The instructions of a loop's body that write a register."""
        first, end = bisect_left(self.setters, head), bisect_left(self.setters, tail)
        return [self.code[at] for at in self.setters[first:end]]

    def bound(self, loop: Counted, register: int, state: State) -> Value:
        """The bound of a loop, which its body may load again, always the same."""
        for last in reversed(self.setting(loop.head, loop.tail)):
            if result(last) != register:
                continue
            if isinstance(last, Li):
                return last.value
            held = state.lmu.at(last.address) if isinstance(last, Lds) else None
            number = held.number if isinstance(held, Content) else None
            return UNKNOWN if number is None else number
        return state.registers[register]

    def leaves(self, head: int, tail: int) -> bool:
        """Whether something in a loop's body branches."""
        first, end = bisect_left(self.breaks, head), bisect_right(self.breaks, tail)
        return any(isinstance(self.code[at], Bge | Jump | Halt) for at in self.breaks[first:end])

    def keeping(self, head: int, tail: int) -> list[int]:
        """The addresses at which a loop's body keeps scalars."""
        first, end = bisect_left(self.breaks, head), bisect_left(self.breaks, tail)
        body = (self.code[at] for at in self.breaks[first:end])
        return [inst.address for inst in body if isinstance(inst, Sts)]


@dataclass
class Older:
    """Runs of bytes that were read and written before an event, in the LMU and in HBM."""

    event: int
    near: dict[Bytes, Held]
    far: dict[Bytes, Content]

    def take(self, inner: "Older") -> None:
        """What a body reads from before its loop, the body around it may read from before, too."""
        for key, held in inner.near.items():
            if self._is_before(held):
                self.near.setdefault(key, held)
        for key, content in inner.far.items():
            if self._is_before(content):
                self.far.setdefault(key, content)

    def _is_before(self, held: Held) -> bool:
        if isinstance(held, list):
            return any(tag is not None and tag.event < self.event for tag in held)
        return held.event < self.event


def is_settled(behind: State, older: Older, hbm: Far, tail: int) -> bool:
    """Whether what a turn read from before it is there for the next one, too.

    Of what it left in HBM of an exchange there may be fewer bytes: that must not have been read.
    """
    tags = hbm.tags
    for (low, high), was in older.near.items():
        if not all(_serves(held, was) for *_, held in behind.lmu.within(low, high)):
            return False
        if not isinstance(was, list):
            tags.read(behind.lmu, tail, low, ((0, high - low),), None, loose=True)
            if not all(_is_as_much(held, was) for *_, held in behind.lmu.within(low, high)):
                return False
    for (low, high), was in older.far.items():
        for _, first, end, held in behind.hbm.within(low, high):
            if not isinstance(held, Content) or not _serves(held, was):
                return False
            if held.stored in hbm.growing and held != was:
                tags.wording.refuse_unknown(tail, first, end)
    return True


def _is_as_much(held: Held, was: Content) -> bool:
    """Whether of some bytes there is as much as of others, whatever symbols are."""
    return isinstance(held, Content) and held.fewer <= was.fewer


def _serves(held: Held, was: Held) -> bool:
    """Whether a turn that was executed with one content holds with another."""
    if isinstance(was, list):
        return held == was
    if isinstance(held, list):
        return was.kind is Kind.WHOLE
    if was.number is not None and held.number != was.number:
        return False
    return held.kind is not Kind.LOST and held.kind >= min(was.kind, Kind.SAME)
