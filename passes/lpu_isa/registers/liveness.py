"""Blocks, loops and lifetimes of the code of one function, for register allocation."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field

from dialects.lpu_isa.code import VIRTUAL, Code
from passes.lpu_isa.registers.made import MAKERS, Made, made_in
from runtime.isa import Halt

Key = Hashable
"""What a register can hold: a virtual register by number, or what is made anew."""

DEPTH_FACTOR = 8


@dataclass(slots=True)
class LoopRange:
    """Positions from the label of a loop to its last branch back, and the loop around it."""

    head: int
    tail: int
    parent: LoopRange | None = None

    @property
    def outermost(self) -> LoopRange:
        return self if self.parent is None else self.parent.outermost


@dataclass(slots=True)
class Lifetime:
    """First and last position of a key, and how often it is used, loops weighing more."""

    key: Key
    first: int
    last: int
    weight: int = 0
    block: int = 0
    crosses: bool = False


@dataclass
class Liveness:
    """
    `block_of`, `loop_of`, `depth` by position; lifetimes of virtual registers; what is made anew.

    `devices` are the registers of the symbols of devices.
    """

    items: Sequence[Code | str]
    devices: frozenset[int] = frozenset()
    blocks: list[range] = field(default_factory=list[range])
    block_of: list[int] = field(default_factory=list[int])
    loop_of: list[LoopRange | None] = field(default_factory=list[LoopRange | None])
    depth: list[int] = field(default_factory=list[int])
    made: dict[int, Made] = field(default_factory=dict[int, Made])
    lifetimes: dict[int, Lifetime] = field(default_factory=dict[int, Lifetime])
    hoistable: dict[tuple[int, Made], Lifetime] = field(
        default_factory=dict[tuple[int, Made], Lifetime]
    )

    def __post_init__(self) -> None:
        self._split()
        self._find_loops()
        self.made = made_in(self.items, self.devices)
        for position, item in enumerate(self.items):
            if isinstance(item, Code) and not self.makes(item):
                for register in (*item.reads(), *item.writes()):
                    if register >= VIRTUAL:
                        self._touch(register, position)
        for life in self.lifetimes.values():
            self._extend(life)

    def key(self, register: int) -> Key:
        """What is made anew in a virtual register, or itself."""
        return self.made.get(register, register)

    def makes(self, code: Code) -> bool:
        """Whether an instruction makes what is made anew where it is wanted."""
        return code.inst in MAKERS and code.values[0] in self.made

    def _split(self) -> None:
        start = 0
        for position, item in enumerate(self.items):
            if isinstance(item, str) and position > start:
                self.blocks.append(range(start, position))
                start = position
            elif isinstance(item, Code) and (item.target() is not None or item.inst is Halt):
                self.blocks.append(range(start, position + 1))
                start = position + 1
        if start < len(self.items):
            self.blocks.append(range(start, len(self.items)))
        for number, block in enumerate(self.blocks):
            self.block_of += [number] * len(block)

    def _find_loops(self) -> None:
        labels = {item: p for p, item in enumerate(self.items) if isinstance(item, str)}
        tails: dict[int, int] = {}
        for position, item in enumerate(self.items):
            target = item.target() if isinstance(item, Code) else None
            head = labels.get(target, position + 1) if target is not None else position + 1
            if head <= position:
                tails[head] = position
        loop: LoopRange | None = None
        level = 0
        for position in range(len(self.items)):
            if position in tails:
                loop, level = LoopRange(position, tails[position], loop), level + 1
            self.loop_of.append(loop)
            self.depth.append(level)
            while loop is not None and loop.tail == position:
                loop, level = loop.parent, level - 1

    def _touch(self, register: int, position: int) -> None:
        weight = DEPTH_FACTOR ** min(self.depth[position], 8)
        made = self.made.get(register)
        if made is not None:
            loop = self.loop_of[position]
            if loop is not None:
                outer = loop.outermost
                fresh = Lifetime((outer.head, made), outer.head, outer.tail)
                self.hoistable.setdefault((outer.head, made), fresh).weight += weight
            return
        life = self.lifetimes.get(register)
        block = self.block_of[position]
        if life is None:
            life = self.lifetimes[register] = Lifetime(register, position, position, block=block)
        life.last = position
        life.weight += weight
        life.crosses |= block != life.block

    def _extend(self, life: Lifetime) -> None:
        """A value from outside a loop that is used in it lives as long as the loop."""
        loop = self.loop_of[life.last]
        while loop is not None and loop.head > life.first:
            life.last = max(life.last, loop.tail)
            loop = loop.parent


class Places:
    """Interval colouring: `count` places, each of which holds one key at a time."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.starts: list[list[int]] = []
        self.ends: list[list[int]] = []

    def take(self, life: Lifetime) -> int | None:
        """The first place that is free all the time of a life, None when there is none."""
        for place, (starts, ends) in enumerate(zip(self.starts, self.ends, strict=True)):
            at = bisect_left(starts, life.first)
            free_before = at == 0 or ends[at - 1] < life.first
            if free_before and (at == len(starts) or starts[at] > life.last):
                starts.insert(at, life.first)
                ends.insert(at, life.last)
                return place
        if len(self.starts) == self.count:
            return None
        self.starts.append([life.first])
        self.ends.append([life.last])
        return len(self.starts) - 1


def by_weight(lives: Iterable[Lifetime]) -> list[Lifetime]:
    """Most often used first."""
    return sorted(lives, key=lambda life: (-life.weight, life.first))
