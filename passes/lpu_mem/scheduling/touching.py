"""Which elements operations touch, and who must wait for whom."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence
from typing import NamedTuple

from xdsl.ir import Operation, SSAValue

from dialects.affine import Affine, Ranges
from dialects.lpu_mem.access import View
from dialects.lpu_mem.buffers import DataOp
from dialects.lpu_mem.control import StateOp
from dialects.lpu_mem.ops import GatherOp, LinkOp, ScatterOp


class Touch(NamedTuple):
    """Elements from `offset + low` to `offset + high` of a buffer; all of it without an offset."""

    place: Hashable
    writes: bool
    offset: Affine | None
    low: int
    high: int

    def misses(self, other: Touch, ranges: Ranges) -> bool:
        """Whether two touches of one buffer share no element, whatever symbols are."""
        if self.offset is None or other.offset is None:
            return False
        apart = (other.offset - self.offset).bounds(ranges)
        return apart[0] + other.low > self.high or apart[1] + other.high < self.low


class Wait(NamedTuple):
    """That an operation waits for unit `on`.

    `first` and `last` say which part of what that writes it reads, from 0 to 1; both are None where
    it only comes after it.
    """

    on: int
    first: float | None
    last: float | None


def touches_of(op: DataOp, ranges: Ranges) -> list[Touch]:
    """The touches of all buffers of an operation."""
    access, found = op.access.data, list[Touch]()
    extents = [extent.upper(ranges) for extent in access.extents]
    for index, (value, view) in enumerate(zip(op.operands, access.views, strict=True)):
        writes, place = index < op.WRITES, _place(value)
        if isinstance(op, GatherOp | ScatterOp) and index in op.DIRECT:
            found.append(Touch(place, writes, None, 0, 0))
        else:
            found.append(Touch(place, writes, view.offset, *_span(view, extents, ranges)))
    return found


def _place(value: SSAValue) -> Hashable:
    """What tells buffers apart: states are shared by name."""
    owner = value.owner
    return owner.state.data if isinstance(owner, StateOp) else value


def _span(view: View, extents: Sequence[int], ranges: Ranges) -> tuple[int, int]:
    """The lowest and highest distance from the offset."""
    low = high = 0
    for stride, extent in zip(view.strides, extents, strict=True):
        ends = [end * max(extent - 1, 0) for end in stride.bounds(ranges)]
        low, high = low + min(0, *ends), high + max(0, *ends)
    return low, high


def waits_of(units: Sequence[Sequence[Operation]], ranges: Ranges) -> list[list[Wait]]:
    """For each unit of a block those before it that it has to wait for.

    Messages keep their order.
    """
    found: list[list[Wait]] = []
    known: dict[Hashable, list[tuple[int, Touch]]] = defaultdict(list)
    middle, link = {name: sum(ends) // 2 for name, ends in ranges.items()}, -1
    for number, unit in enumerate(units):
        waits = dict[int, Wait]()
        touches = [t for op in unit if isinstance(op, DataOp) for t in touches_of(op, ranges)]
        for touch in touches:
            for before, other in known[touch.place]:
                if (touch.writes or other.writes) and not other.misses(touch, ranges):
                    _join(waits, _wait(before, other, touch, middle))
        if isinstance(unit[-1], LinkOp):
            if link >= 0:
                _join(waits, Wait(link, None, None))
            link = number
        for touch in touches:
            known[touch.place].append((number, touch))
        found.append(list(waits.values()))
    return found


def _wait(before: int, other: Touch, touch: Touch, middle: dict[str, int]) -> Wait:
    if not other.writes:
        return Wait(before, None, None)
    if other.offset is None or touch.offset is None:
        return Wait(before, 0, 1)
    length = other.high - other.low + 1
    begin = touch.offset.evaluate(middle) - other.offset.evaluate(middle) - other.low
    ends = ((begin + touch.low) / length, (begin + touch.high + 1) / length)
    first, last = (min(1.0, max(0.0, end)) for end in ends)
    return Wait(before, first, last)


def _join(waits: dict[int, Wait], new: Wait) -> None:
    """Of two waits for one unit the longer."""
    old = waits.get(new.on)
    if old is None or old.first is None or old.last is None:
        waits[new.on] = new
    elif new.first is not None and new.last is not None:
        waits[new.on] = Wait(new.on, max(old.first, new.first), max(old.last, new.last))
