"""What lies in a memory of every device, as runs of bytes that have one story.

The devices share the runs, since nearly all that a program touches is at the same address on each.
A run holds a `Content` where the devices have the same story, or `Slots`: for each device the tag
of its bytes, which says whose bytes they are, from which write, and how far from here they lay.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from enum import IntEnum
from typing import NamedTuple

from runtime.ring.checks.load.memory.growing import Grown
from runtime.ring.checks.load.touches import Pieces
from runtime.ring.checks.load.values import HIGHEST, Value


class Kind(IntEnum):
    """What the devices have in a run of bytes."""

    LOST = 0
    """It depends on the way that the program took."""
    NOTHING = 1
    """Nobody wrote it."""
    OWN = 2
    """Each has its own."""
    SAME = 3
    """All have the same."""
    WHOLE = 4
    """All have the same, which was exchanged and of which each device made a part."""


class Fewer(NamedTuple):
    """What was written with extents of symbols or turns: beside it the devices have `otherwise`."""

    grown: Grown
    otherwise: Kind


ALL: frozenset[Fewer] = frozenset()


class Content(NamedTuple):
    """A story that all devices share; `event` is the write, `number` what `sts` put there.

    Of some bytes it holds with the greatest extents only, as each of `fewer` says. In HBM, what was
    exchanged and `stored` has the event that did it, as far as it may be that of any way.
    """

    kind: Kind
    event: int
    number: Value | None = None
    fewer: frozenset[Fewer] = ALL
    stored: int = -1


class Tag(NamedTuple):
    """Bytes that device `origin` wrote at `event`, `shift` bytes above where they lie now."""

    origin: int
    event: int
    shift: int


EVERYBODY = -1
"""The origin of bytes that every device wrote alike."""

Slots = list[Tag | None]
Held = Content | Slots
NOTHING = Content(Kind.NOTHING, -1)
_LOST, _NOTHING, _WHOLE = Kind.LOST, Kind.NOTHING, Kind.WHOLE


class Runs:
    """Runs of bytes in the order of addresses, from 0 on."""

    def __init__(self) -> None:
        self.starts: list[int] = [0]
        self.held: list[Held] = [NOTHING]
        self.is_marked = False
        """Whether some bytes may be exchanged, where that is kept."""
        self.is_stored = self.is_mixed = False
        """Whether some were stored by one instruction, some of them over others (`stored`)."""

    def copy(self) -> "Runs":
        """Runs that change apart from these."""
        other = Runs()
        other.starts, other.is_marked = self.starts[:], self.is_marked
        other.is_stored, other.is_mixed = self.is_stored, self.is_mixed
        other.held = [list(held) if isinstance(held, list) else held for held in self.held]
        return other

    def put(self, low: int, high: int, held: Held) -> None:
        """Give some bytes another content."""
        self.put_all(0, ((low, high),), held)

    def put_all(self, base: int, parts: Pieces, held: Held) -> None:
        """Give the bytes of an operand, whose pieces are in order, another content."""
        starts, helds, last = self.starts, self.held, 0
        for low, high in parts:
            first = bisect_left(starts, base + low, last)
            last = bisect_left(starts, base + high, first)
            if last == len(starts) or starts[last] != base + high:
                behind = helds[last - 1]
                starts.insert(last, base + high)
                helds.insert(last, list(behind) if isinstance(behind, list) else behind)
            if last == first + 1:
                starts[first], helds[first] = base + low, held
            else:
                starts[first:last], helds[first:last] = (base + low,), (held,)
                last = first + 1

    def put_on(self, low: int, high: int, content: Content) -> None:
        """The same; with runs of that content that it touches it is one."""
        before, behind = bisect_left(self.starts, low) - 1, bisect_right(self.starts, high) - 1
        if before >= 0 and self.held[before] == content:
            low = self.starts[before]
        if self.held[behind] == content:
            high = self.end(behind)
        self.put(low, high, content)

    def cut(self, at: int) -> int:
        """Make a run begin at an address; its index."""
        starts = self.starts
        index = bisect_left(starts, at)
        if index == len(starts) or starts[index] != at:
            before = self.held[index - 1]
            starts.insert(index, at)
            self.held.insert(index, list(before) if isinstance(before, list) else before)
        return index

    def end(self, index: int) -> int:
        """The first byte behind a run, of which the last has no end."""
        return self.starts[index + 1] if index + 1 < len(self.starts) else HIGHEST

    def within(self, low: int, high: int) -> Iterator[tuple[int, int, int, Held]]:
        """Index, first byte, end and content of each run that has some of the bytes.

        First byte and end lie within the bytes; the contents may be replaced on the way.
        """
        starts = self.starts
        index = bisect_right(starts, low) - 1
        while index < len(starts) and starts[index] < high:
            end = starts[index + 1] if index + 1 < len(starts) else high
            yield index, max(low, starts[index]), min(end, high), self.held[index]
            index += 1

    def at(self, address: int) -> Held:
        """The content of a byte."""
        return self.held[bisect_right(self.starts, address) - 1]

    def only(self, low: int, high: int) -> Held | None:
        """The content of bytes that lie in one run, None where they lie in several."""
        starts = self.starts
        index = bisect_right(starts, low)
        return self.held[index - 1] if index == len(starts) or starts[index] >= high else None


def tags_of(held: Held, devices: int) -> Slots:
    """The story of some bytes for each device."""
    if isinstance(held, list):
        return held
    if held.kind <= Kind.NOTHING or held.fewer:
        return [None for _ in range(devices)]
    if held.kind is Kind.OWN:
        return [Tag(device, held.event, 0) for device in range(devices)]
    return [Tag(EVERYBODY, held.event, 0) for _ in range(devices)]


def tags_at(lmu: Runs, bases: Sequence[int], low: int, high: int) -> list[Tag] | None:
    """The one tag that bytes have on each device, from an address of its own on.

    None where a device has several, or none, or they are no whole runs.
    """
    starts, helds, last, found = lmu.starts, lmu.held, len(lmu.starts) - 1, list[Tag]()
    for device, base in enumerate(bases):
        first, end = base + low, base + high
        index = bisect_left(starts, first)
        if index >= last or starts[index] != first:
            return None
        held = helds[index]
        tag, index = held[device] if type(held) is list else None, index + 1
        while index < last and starts[index] < end:
            held = helds[index]
            if not isinstance(held, list) or held[device] != tag:
                return None
            index += 1
        if tag is None or starts[index] != end:
            return None
        found.append(tag)
    return found


def meet(one: Runs, other: Runs) -> Runs:
    """What is known where two ways meet."""
    found = Runs()
    found.is_marked = one.is_marked or other.is_marked
    found.is_stored = one.is_stored or other.is_stored
    found.is_mixed = one.is_mixed or other.is_mixed
    if one.starts == other.starts:
        found.starts, pairs = one.starts[:], zip(one.held, other.held, strict=True)
    else:
        found.starts = sorted({*one.starts, *other.starts})
        pairs = zip(_in_pieces(one, found.starts), _in_pieces(other, found.starts), strict=True)
    found.held = [a if a is b and type(a) is Content else _meet(a, b) for a, b in pairs]
    return found


def _in_pieces(runs: Runs, starts: Sequence[int]) -> list[Held]:
    """The contents of runs that begin at more places."""
    known, held = dict(zip(runs.starts, runs.held, strict=True)), runs.held[0]
    return [held := known.get(start, held) for start in starts]


def _meet(a: Held, b: Held) -> Held:
    if isinstance(a, list) or isinstance(b, list):
        return a[:] if isinstance(a, list) and a == b else Content(_LOST, 0)
    if a == b:
        return a
    one, other = a.kind, b.kind
    if one is _LOST or other is _LOST or (one is _WHOLE) is not (other is _WHOLE):
        return Content(_LOST, min(a.event, b.event))
    if one is _NOTHING or other is _NOTHING:
        return b if one is _NOTHING else a
    number = a.number if a.number == b.number else None
    stored = max(a.stored, b.stored)
    return Content(min(one, other), min(a.event, b.event), number, a.fewer | b.fewer, stored)
