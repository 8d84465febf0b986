"""What loops store in HBM whose turns nobody counts: behind a loop, what all turns store together.

    for c from 0 to n in steps of 3: store min(n - c, 3) rows at base + 12 * c    # n rows at base

Which operand that is is guessed, and tried: whatever numbers symbols are, the turns have to store
its bytes, no more and no less.
"""

from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import product
from typing import NamedTuple

from runtime.ring.checks.load.memory.blocks import Block, block, is_near
from runtime.ring.checks.load.memory.growing import Grown
from runtime.ring.checks.load.memory.ranges import Range, Ranges, merged
from runtime.ring.checks.load.memory.runs import Runs
from runtime.ring.checks.load.touches import pieces
from runtime.ring.checks.load.values import (
    OF_TWO,
    Span,
    Value,
    combined,
    ends,
    is_uniform,
    number_of,
    replaced,
    roots_of,
    sources_of,
)

MOST_TURNS, MOST_PUT = 1 << 16, 1 << 12
"""Turns that are tried, with all numbers of symbols together; those in which devices put parts.

Parts that are followed have to be stored over, which may take more turns.
"""
Shape = tuple[Value, ...]
Placed = tuple[int, Shape]
"""Address, extents and strides of an operand."""
Given = dict[Span, int]


class Late(NamedTuple):
    """What an instruction stores in each turn, at which address: its bytes with those of others.

    It `is_met` where it may lie over what is exchanged.
    """

    base: Value
    found: Block
    is_met: bool = False

    def by_device(self, devices: int) -> "list[Late]":
        """The same on each device, once if it is the same on all; none if nobody knows it."""
        if is_uniform(self.base):
            return [self]
        bases = [replaced(self.base, {}, device) for device in range(devices)]
        return [self._replace(base=base) for base in bases if base is not None and is_uniform(base)]


@dataclass
class Turning:
    """A loop whose turns are looked at together: its counter goes from `start` on up to `bound`.

    It ends with `after`. What instructions store in a turn is `late`, `written` are all that write
    HBM, and where they may. It `is_whole` if no turn leaves anything out, nor changes the counter.
    """

    counter: Span
    start: Value
    bound: Value
    step: int
    after: Value
    is_whole: bool = True
    late: dict[int, list[Late]] = field(default_factory=dict[int, list[Late]])
    written: list[tuple[int, Range]] = field(default_factory=list[tuple[int, Range]])
    unlike: set[int] = field(default_factory=set[int])
    """Instructions of which all turns together store nothing that one operand is."""

    @contextmanager
    def within(self, loops: "list[Turning]") -> Generator[None]:
        """Its turns are executed together, within those of other loops."""
        loops.append(self)
        try:
            yield
        finally:
            loops.pop()

    def has(self, given: Given) -> bool:
        """Whether it has the turn of some numbers."""
        turn, start = given[self.counter], number_of(self.start, given)
        return turn == start or start < turn < number_of(self.bound, given)

    def whole(self, at: int, devices: int) -> Block | None:
        """What an instruction stores in all turns; None where nobody knows it behind them."""
        late, *others = self.late[at]
        low, high = late.found.hull
        hulls = (hull for other, hull in self.written if other != at)
        is_alone = not any(first < high and low < end for first, end in hulls)
        if not (self.is_whole and is_alone and all(other == late for other in others)):
            return None
        most = MOST_TURNS if is_uniform(late.base) else MOST_PUT
        found = [self._together(at, each, most) for each in late.by_device(devices)]
        return _block(found, late.found.size)

    def _together(self, at: int, late: Late, most: int) -> Placed | None:
        """Address, extents and strides of what all turns store; None where nobody knows them."""
        size, shape = late.found.size, late.found.shape
        roots = roots_of([self.start, self.bound, late.base, *shape]) - {self.counter}
        (low, _), (_, high) = ends(self.start), ends(self.bound)
        tried = _tried(roots, (), most // max(1, (high - low) // self.step + 1))
        if tried is None:
            return None
        wholes = [merged(self._touched(late, given)) for given in tried]
        for base, guess in self._guesses(late):
            grown = Grown((base,), guess, size)
            pairs = zip(tried, wholes, strict=True)
            if all(merged(grown.bytes_of(given)) == whole for given, whole in pairs):
                return base, guess
        self.unlike.add(at)
        return None

    def _touched(self, late: Late, given: Given) -> Iterator[Range]:
        """The bytes of all turns, with some numbers."""
        turn, bound = number_of(self.start, given), number_of(self.bound, given)
        while True:
            known = {**given, self.counter: turn}
            base = number_of(late.base, known)
            shape = tuple(number_of(number, known) for number in late.found.shape)
            yield from ((base + low, base + high) for low, high in pieces(shape, late.found.size))
            turn += self.step
            if turn >= bound:
                return

    def _guesses(self, late: Late) -> Iterator[Placed]:
        """What all turns may store: so many rows, each turn some of them."""
        shape, start = late.found.shape, self.start
        base = replaced(late.base, {self.counter: start})
        if not isinstance(base, int) or not isinstance(start, int):
            return
        growing = [axis for axis in range(8) if self.counter in roots_of([shape[axis]])]
        if growing:
            axis = growing[0]
            for end in (self.bound, *_ends_of(shape[axis], self.counter)):
                if len(growing) == 1 and axis < 4:
                    count = combined(OF_TWO["sub"], end, start) if start else end
                    yield base, _with(shape, axis, count, shape[axis + 4])
            return
        following = replaced(late.base, {self.counter: start + self.step})
        counted = combined(OF_TWO["sub"], self.after, start) if start else self.after
        turns = combined(OF_TWO["divi"], counted, self.step)
        for axis in range(4):
            extent, stride = shape[axis], shape[axis + 4]
            if not isinstance(extent, int) or not isinstance(following, int):
                continue
            if extent == 1 or stride == (following - base) // extent:
                count = combined(OF_TWO["mul"], turns, extent) if extent > 1 else turns
                yield base, _with(shape, axis, count, (following - base) // extent)


def innermost(loops: Sequence[Turning], sources: int) -> Turning | None:
    """Of loops that lie in each other, the inmost one on whose turn something depends."""
    return next((loop for loop in reversed(loops) if loop.counter.sources & sources), None)


class Turn(NamedTuple):
    """What there is in a turn of some loops, with some numbers of symbols."""

    given: Given
    ranges: list[Range]


def turns_of(late: Late, loops: Sequence[Turning], others: Shape = ()) -> list[Turn] | None:
    """What an operand has in all turns with all numbers; None where nobody knows, or of very many.

    Numbers of which `others` are made are among those.
    """
    size, numbers = late.found.size, (late.base, *late.found.shape, *others)
    roots = roots_of(numbers)
    around = [loop for loop in loops if loop.counter in roots]
    roots |= roots_of(number for loop in around for number in (loop.start, loop.bound))
    tried = _tried(roots, loops, MOST_TURNS) if all(map(is_uniform, numbers)) else None
    found: list[Turn] = []
    for given in () if tried is None else tried:
        if all(loop.has(given) for loop in around):
            base = number_of(late.base, given)
            parts = pieces(tuple(number_of(number, given) for number in late.found.shape), size)
            found.append(Turn(given, [(base + low, base + high) for low, high in parts]))
    return None if tried is None else found


def swept(late: Late, loops: Sequence[Turning], devices: int = 1) -> list[Range]:
    """The bytes that an operand has in all turns on all devices, or among which those are."""
    found = [turns_of(each, loops) for each in late.by_device(devices)]
    if not found or None in found:
        return [late.found.hull]
    return merged(pair for turns in found for turn in turns or () for pair in turn.ranges)


def least(
    hbm: Runs, late: Late, loops: Sequence[Turning], devices: int
) -> tuple[Block, list[Range]]:
    """An operand that is written, with a hull as small as is known, and the bytes that it may have.

    That is looked at where something is exchanged.
    """
    found = late.found.spread() if is_uniform(late.base) else late.found
    if found.bases or not is_near(hbm, *found.hull):
        return found, [found.hull]
    ranges = swept(late._replace(found=found), loops, devices)
    return found._replace(hull=(ranges[0][0], ranges[-1][1]) if ranges else (0, 0)), ranges


def note(loops: Sequence[Turning], at: int, hull: Range) -> None:
    """An instruction writes some bytes in turns of loops."""
    for loop in loops:
        loop.written.append((at, hull))


def has_everywhere(whole: Grown, late: Late, loops: Sequence[Turning]) -> bool:
    """Whether an operand has what another has of its greatest bytes, in whichever turns."""
    turns = turns_of(late, loops, whole.shape)
    if turns is None:
        return False
    greatest, known = whole.greatest, dict[Shape, Ranges]()
    for given, ranges in turns:
        shape = tuple(number_of(number, given) for number in whole.shape)
        if shape not in known:
            known[shape] = Ranges(whole.bytes_of(given))
        if not all(known[shape].have(low, high) for low, high in greatest.common(ranges)):
            return False
    return True


def _tried(roots: set[Span], loops: Sequence[Turning], most: int) -> list[Given] | None:
    """All numbers that symbols and counters of loops may be, if those are at most so many."""
    steps = {loop.counter: loop.step for loop in loops if isinstance(loop.start, int)}
    numbers = [range(root.low, root.high + 1, steps.get(root, 1)) for root in roots]
    count = 1
    for each in numbers:
        count *= (each.stop - each.start + each.step - 1) // each.step
    if count > most:
        return None
    return [dict(zip(roots, each, strict=True)) for each in product(*numbers)]


def _ends_of(value: Value, counter: Span) -> Iterator[Value]:
    """Numbers of which a value is how far they are from a counter, or less."""
    waiting = [value]
    while waiting:
        top = waiting.pop()
        made = top.form if isinstance(top, Span) else None
        if made is None or made.function is None:
            continue
        if made.function is OF_TWO["sub"] and made.b == counter:
            yield made.a
        elif made.function is min or made.function is max:
            waiting += (made.a, made.b)


def _block(found: Sequence[Placed | None], size: int) -> Block | None:
    """An operand at one address or one for each device, where it is the same at all."""
    placed = [each for each in found if each is not None]
    bases, shapes = [base for base, _ in placed], {shape for _, shape in placed}
    if len(placed) < len(found) or len(shapes) != 1:
        return None
    (shape,), sources = shapes, 0
    for number in shape:
        sources |= sources_of(number)
    parts = pieces(tuple(ends(number)[1] for number in shape), size)
    base = bases[0] if len(bases) == 1 else tuple(bases)
    whole = block(base, parts, None, sources, shape, size)
    return whole if whole is not None and whole.is_exact else None


def _with(shape: Shape, axis: int, extent: Value, stride: Value) -> Shape:
    found = list(shape)
    found[axis], found[axis + 4] = extent, stride
    return tuple(found)
