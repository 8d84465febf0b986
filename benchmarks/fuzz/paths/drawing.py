"""Random instructions with values for their registers: any fields, types, extents and strides.

All randomness comes from one `random.Random`, so that a case follows from a seed, or from
hypothesis, which can make it smaller.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from itertools import product
from math import prod
from random import Random
from typing import Any

from benchmarks.fuzz.paths.memories import HOT, ZONES, Layout, Room, rooms, zones_of
from runtime.isa import ISA, DataInst, Inst, Operand
from runtime.isa.fields import Four, Memory, Register, Registers
from runtime.isa.kinds import Bits, Choice, Integer, Kind
from runtime.isa.state import wrap
from runtime.numerics.elements import TYPES, ElementType

POINTS = 260
EXTENTS = (1, 1, 1, 2, 2, 3, 4, 5, 7, 9, 33, 0)
HUGE = (1 << 31, -(1 << 31), 1 << 40, (1 << 63) - 1, -(1 << 63), 1 << 62)
FIRST_REGISTER = 16
CACHED = (ElementType.F16, ElementType.BF16)
RESULTS = ("dst", "carry", "indices")


def _simple(kind: Kind, element: ElementType) -> Any:
    if isinstance(kind, Memory):
        return Operand(element, 0)
    if isinstance(kind, Registers):
        return (0, 0, 0, 0)
    return True if isinstance(kind, Bits) and kind.width == 1 else 1


@cache
def legal(cls: type[Inst]) -> tuple[dict[str, Any], ...]:
    """Every function and choice of element types that the constructor accepts."""
    choices = {f.name: f.kind.names for f in cls.LAYOUT if isinstance(f.kind, Choice)}
    typed = [f.name for f in cls.LAYOUT if isinstance(f.kind, Memory)]
    found: list[dict[str, Any]] = []
    for picked in product(*choices.values(), *[TYPES] * len(typed)):
        named = dict(zip([*choices, *typed], picked, strict=True))
        rest = {
            f.name: _simple(f.kind, named.get(f.name, TYPES[0]))
            for f in cls.LAYOUT
            if f.name not in choices
        }
        with suppress(ValueError):
            cls(**{**rest, **{name: named[name] for name in choices}})
            found.append(named)
    return tuple(found)


class Drawing:
    """Draws instructions; `values` holds what their registers are to hold."""

    def __init__(self, random: Random, layout: Layout, rough: float = 0.04, hot: float = 0) -> None:
        self.random = random
        self.rooms = rooms(layout)
        self.rough, self.hot = rough, hot
        self.values: dict[int, int | None] = {}
        self.seen: list[tuple[str, ElementType, int]] = []
        self.next = FIRST_REGISTER

    def chance(self, probability: float) -> bool:
        """Whether something happens that does so now and then."""
        return self.random.random() < probability

    def rarely(self) -> bool:
        """Whether to do what most probably traps."""
        return self.chance(self.rough)

    def register(self, value: int) -> int:
        """A register that is to hold a value, or now and then none."""
        if value == 0 and self.chance(0.5):
            return 0
        number, self.next = self.next, self.next + 1
        if self.next > 255:
            self.next = FIRST_REGISTER
        self.values[number] = None if self.chance(self.rough / 20) else wrap(value)
        return number

    def four(self, values: Sequence[int]) -> Four:
        """Registers of four values."""
        a, b, c, d = (self.register(value) for value in values)
        return (a, b, c, d)

    def extents(self) -> list[int]:
        """Extents of a few elements, some of them none."""
        while True:
            found = [self.random.choice(EXTENTS) for _ in range(4)]
            if self.chance(0.5):
                found[:3] = [1, 1, 1]
            if self.rarely():
                # Never so many that a test would take the memory of a machine.
                found[self.random.choice([0, 1, 2, 3, 3, 3])] = self.random.choice(
                    [-1, -1, -1, -1, -7, *HUGE[1:]]
                )
                return found
            if prod(found) <= POINTS:
                return found

    def strides(self, size: int, extents: Sequence[int], shared: bool) -> list[int]:
        """Byte strides: without gaps in some order of the axes, with gaps, backwards, shared."""
        order = list(range(4))
        if self.chance(0.3):
            self.random.shuffle(order)
        found, step = [0, 0, 0, 0], size
        for axis in reversed(order):
            if self.chance(0.15):
                step += size * self.random.choice([1, 3, 13])
            found[axis] = step if self.chance(0.9) else -step
            step *= max(1, extents[axis])
        for axis in range(4):
            if self.chance(0.25 if shared else self.rough):
                found[axis] = 0
            if (extents[axis] == 1 and self.chance(0.1)) or self.rarely():
                found[axis] = self.random.choice([1, size // 2, 7 * size, *HUGE])
        return found

    def operand(
        self, element: ElementType, extents: Sequence[int], hbm: bool, written: bool
    ) -> Operand:
        """An operand for extents, mostly inside a memory where values are of its type."""
        room = self.rooms["LMU"]
        if hbm:
            in_arena = self.chance(0.97 if written else 0.7)
            room = self.rooms["arena" if in_arena else "parameters"]
            if in_arena and self.chance(self.hot):
                return self._hot_operand(element, extents, written)
        return self._operand_in(room, element, extents, written)

    def _hot_operand(self, element: ElementType, extents: Sequence[int], written: bool) -> Operand:
        room = self.rooms["hot"]
        if prod(extents) * element.itemsize > room.size // 2:
            room = self.rooms["arena"]
        return self._operand_in(room, element, extents, written)

    def _operand_in(
        self, room: Room, element: ElementType, extents: Sequence[int], written: bool
    ) -> Operand:
        strides = self.strides(element.itemsize, extents, shared=not written)
        base = self._base(room, element, extents, strides)
        self.seen.append((room.name, element, base))
        return Operand(element, self.register(base), self.four(strides))

    def _base(
        self, room: Room, element: ElementType, extents: Sequence[int], strides: Sequence[int]
    ) -> int:
        size = element.itemsize
        reach = [(e - 1) * s for e, s in zip(extents, strides, strict=True) if e > 1]
        low, high = sum(r for r in reach if r < 0), sum(r for r in reach if r > 0) + size
        free = room.size - (high - low)
        if self.rarely() or free < 0:
            off = self.random.choice([-size, free + size, free + 1, -1, *HUGE])
            return room.base - low + off
        if self.chance(0.1):
            return room.base - low + self.random.choice([0, free // size * size])
        known = [b for name, e, b in self.seen if name == room.name and e.itemsize == size]
        if known and self.chance(0.55):
            near = self.random.choice(known[-5:]) + size * self.random.choice(
                [0, 0, 0, 1, -1, 2, 8]
            )
            if 0 <= near + low - room.base <= free:
                return near
        zones = zones_of(room.name, element, room.size)
        offset = self.random.randrange(free // size + 1) * size
        if zones and room.size > HOT[1] and self.chance(0.85):
            start = self.random.choice(zones)
            spare = max(1, ZONES[room.name][0] - (high - low)) // size
            offset = min(start + self.random.randrange(spare + 1) * size, free // size * size)
        return room.base + offset - low

    def instruction(self, cls: type[Inst]) -> Inst:
        """An instruction of a class."""
        if not issubclass(cls, DataInst):
            return cls(**{f.name: self._control(f.name, f.kind) for f in cls.LAYOUT})
        named = self.random.choice(legal(cls))
        if cls.HBM == "dst" and self.chance(self.hot):
            named = self.random.choice([n for n in legal(cls) if n["dst"] in CACHED])
        extents = self.extents()
        if cls.MNEMONIC == "stream" and not self.rarely():
            extents[1] = 1
        named = {**named, "axes": self.random.randint(1, 15)}
        longest = max(0, min(extents[3], 40))
        named["k"] = min(longest, self.random.choice([1, 2, 3, self.random.randint(0, longest)]))
        fields = {f.name: self._field(cls, f.name, f.kind, named, extents) for f in cls.LAYOUT}
        return cls(**fields)

    def _control(self, name: str, kind: Kind) -> Any:
        if isinstance(kind, Register):
            if kind.is_written and not kind.is_read:
                return self.random.randrange(1, 16)
            small = self.random.randrange(-9, 10)
            return self.register(self.random.choice([small, *HUGE])) or 1
        assert isinstance(kind, Integer)
        if name == "address":
            room = self.rooms["LMU"].size
            return self.random.choice(
                [3 * 1024 + 8 * self.random.randrange(128), room - 8, room, 4]
            )
        if name == "target":
            return self.random.randrange(4)
        return max(kind.low, self.random.choice([1, 2, 3, -4, kind.low, kind.high]))

    def _field(
        self, cls: type[DataInst], name: str, kind: Kind, named: dict[str, Any], extents: list[int]
    ) -> Any:
        if isinstance(kind, Choice):
            return named[name]
        if isinstance(kind, Bits):
            return named["axes"] if kind.width > 1 else self.chance(0.5)
        if name == "extents":
            return self.four(extents)
        if isinstance(kind, Registers):
            return self.four([self.random.choice([0, 1, -2, 7, HUGE[3]]) for _ in range(4)])
        if isinstance(kind, Memory):
            shape, written = _shape(cls.MNEMONIC, name, named, extents), name in RESULTS
            return self.operand(named[name], shape, name == cls.HBM, written)
        return self.register(self._scalar(name, named))

    def _scalar(self, name: str, named: dict[str, Any]) -> int:
        if self.rarely():
            return self.random.choice([-1, *HUGE])
        if name == "k":
            return named["k"]
        if name == "largest":
            return self.random.randint(0, 1)
        if name == "limit":
            return self.random.choice([8, 8, 9, 16] if self.rough < 0.01 else [1, 5, 8, 9, 16])
        if name == "rowstride":
            return self.random.choice([0, 8, 8, 16, 64, 24, -8])
        return self.random.choice([0, 1, -1, 77, 1 << 20, 0x3F80, *HUGE])


def _shape(mnemonic: str, name: str, named: dict[str, Any], extents: list[int]) -> list[int]:
    """The extents of an operand, for those of the instruction."""
    shape = list(extents)
    if mnemonic == "vecmat":
        shape[2 if name == "dst" else 3] = 1
    elif name == "carry":
        shape[3] = 1
    elif mnemonic == "reduce" and name == "dst":
        shape = [1 if named["axes"] >> k & 1 else extent for k, extent in enumerate(extents)]
    elif mnemonic == "topk" and name != "a":
        shape[3] = named["k"]
    return shape


def classes(random: Random, count: int) -> list[type[Inst]]:
    """Classes of the table, at random."""
    return random.choices(list(ISA.values()), k=count)
