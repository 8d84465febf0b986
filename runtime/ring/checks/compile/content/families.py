"""Buffers in which every device has a slot, as all devices see them at once.

A `Family` is memory with a slot for each device: that of the device `j` places to the right begins
at `base + step * dj`. What a slot holds stands at offsets in it, which are the same for all slots,
so that slot `j` is one thing although it lies elsewhere on each device. A `Piece` of a slot has a
`Label`: the device (places to the right) that wrote it, with which instruction, and where. A piece
without label is damaged: nobody says what it holds.

A label has an *age*: how often, before it was written, all that was put into the family so far had
been read. What is older than the youngest piece is left of an exchange before, though it has the
same writer in another turn of a loop.

A piece is *complete* where each slot `j` holds the piece that device `j` wrote, at the same offset
with one instruction. Then memory is the same on all devices: the slot at `base + step * k` holds
what device `k` wrote, whoever looks.
"""

from typing import NamedTuple

from runtime.ring.checks.compile.content.shapes import Shape, Shapes
from runtime.ring.checks.compile.values import Value


class Label(NamedTuple):
    """What `device`, so many places to the right, wrote with `writer`.

    `place` is the address of its first byte, without the part that depends on the device.
    """

    device: int
    writer: int
    place: Value
    age: int = 0


class Piece(NamedTuple):
    """Bytes of a slot from the offset `start` on, put there by the instruction `at`."""

    start: int
    shape: Shape
    label: Label | None
    at: int

    @property
    def end(self) -> int:
        """The offset behind the last byte."""
        return self.start + self.shape.span

    def behind(self, start: int) -> "Piece":
        """The same so many bytes further on."""
        return Piece(self.start + start, self.shape, self.label, self.at) if start else self


class Family:
    """Slots of `step` bytes at most, one for each device; their pieces do not overlap.

    The base lies `between` two addresses, pieces at offsets from `first` up to `last`. `age` is
    that of what is put now, `is_read` says that what is complete was read since it began. In HBM,
    `under` are the numbers of what was there before (`hbm.stored`), and it `is_put` where a device
    put a part of its own there before all stored something.
    """

    def __init__(self, base: Value, step: int, devices: int, between: tuple[int, int]) -> None:
        self.base = base
        self.step = step
        self.between = between
        self.slots: list[tuple[Piece, ...]] = [()] * devices
        self.first, self.last = 0, 0
        self.age, self.is_read = 0, False
        self.under: frozenset[int] = frozenset()
        self.is_put = False
        self._complete: tuple[Piece, ...] | None = None
        self._agreed: list[Piece] | None = None

    def copy(self) -> "Family":
        """The same family, to be changed apart."""
        other = Family(self.base, self.step, len(self.slots), self.between)
        other.slots, other._complete = list(self.slots), self._complete
        other._agreed = self._agreed
        other.first, other.last = self.first, self.last
        other.age, other.is_read = self.age, self.is_read
        other.under, other.is_put = self.under, self.is_put
        return other

    def aged(self) -> int:
        """The age of what is written now."""
        if self.is_read:
            self.age, self.is_read = self.age + 1, False
        return self.age

    def is_like(self, other: "Family") -> bool:
        """Whether two families are the same memory with the same contents."""
        return (self.base, self.step) == (other.base, other.step) and self.slots == other.slots

    def ages(self) -> list[tuple[int, Shape, int]]:
        """The pieces of the own slot, and how much older they are than what is put now."""
        return [(piece.start, piece.shape, self.age - _age(piece)) for piece in self.slots[0]]

    @property
    def is_empty(self) -> bool:
        """Whether nothing was put into it yet."""
        return self.last == self.first

    @property
    def extent(self) -> tuple[int, int]:
        """The range of addresses that slots may touch."""
        low, high = self.between
        return low + self.first, high + self.last + self.step * (len(self.slots) - 1)

    def span(self, piece: Piece) -> tuple[int, int]:
        """The range of addresses in which all slots have a piece."""
        low, high = self.between
        return low + piece.start, high + piece.end + self.step * (len(self.slots) - 1)

    def has_room(self, start: int, shape: Shape) -> bool:
        """Whether a piece may lie there without reaching into the slot of another device."""
        if self.is_empty:
            return shape.span <= self.step
        low, high = min(self.first, start), max(self.last, start + shape.span)
        return high - low <= self.step

    def put(self, distance: int, piece: Piece) -> None:
        """Put a piece into the slot of a device; what it covers is gone, gaps included."""
        if self.is_empty:
            self.first, self.last = piece.start, piece.end
        self.first, self.last = min(self.first, piece.start), max(self.last, piece.end)
        self._complete = self._agreed = None
        before = self.slots[distance]
        if not before or (len(before) == 1 and _covers(piece, before[0])):
            self.slots[distance] = (piece,)
            return
        kept = [piece]
        for old in before:
            kept += _rest(old, piece)
        self.slots[distance] = _merged(kept)

    def clear(self, distance: int, start: int, end: int, at: int) -> None:
        """Take out of the slot of a device what lies between two offsets."""
        gone = Piece(start, run(end - start), None, at)
        left = [part for old in self.slots[distance] for part in _rest(old, gone)]
        self.slots[distance] = tuple(left)
        self._complete = self._agreed = None

    def complete(self, shapes: Shapes) -> tuple[Piece, ...]:
        """What all slots have, each of its device, as pieces that reach over all slots."""
        if self._complete is None:
            count, step = len(self.slots), self.step
            self._complete = tuple(
                piece._replace(shape=shapes.repeated(piece.shape, count, step))
                for piece in _joined(self.agreed())
            )
        return self._complete

    @property
    def is_complete(self) -> bool:
        """Whether all that lies in any slot is complete."""
        return {len(self.agreed())} == {len(slot) for slot in self.slots}

    def agreed(self) -> list[Piece]:
        """The pieces of the own slot that all other slots have from their devices."""
        if self._agreed is None:
            self._agreed = [piece for piece in self.slots[0] if self._is_agreed(piece)]
        return self._agreed

    def is_at(self, piece: Piece) -> bool:
        """Whether a piece lies at the place in its slot at which it was written."""
        return piece.label is not None and piece.label.place == moved(self.base, piece.start)

    def _is_agreed(self, piece: Piece) -> bool:
        label, start, axes = piece.label, piece.start, piece.shape.axes
        if label is None or label.device or not self.is_at(piece):
            return False
        for distance in range(1, len(self.slots)):
            wanted = Label(distance, label.writer, label.place, label.age)
            for other in self.slots[distance]:
                if other.start == start and other.label == wanted and other.shape.axes == axes:
                    break
            else:
                return False
        return True


def moved(value: Value, by: int) -> Value:
    """A value plus a constant."""
    return value + by if isinstance(value, int) else value._replace(const=value.const + by)


def run(size: int) -> Shape:
    """The shape of bytes one behind the other."""
    return Shape(((size, 1),), 0, size, True, size)


def cut(piece: Piece, start: int, end: int) -> Piece:
    """What a piece has between two offsets; unknown where that is neither dense nor some rows."""
    start, end = max(start, piece.start), min(end, piece.end)
    if (start, end) == (piece.start, piece.end):
        return piece
    label = piece.label
    if label is not None and not piece.shape.size and (rows := _rows(piece, label, start, end)):
        return rows
    if label is not None:
        place = moved(label.place, start - piece.start)
        label = label._replace(place=place) if piece.shape.size else None
    return Piece(start, run(end - start), label, piece.at)


def _rows(piece: Piece, label: Label, start: int, end: int) -> Piece | None:
    """The outermost rows that a piece has between two offsets; None where it has parts of some."""
    shape = piece.shape
    if len(shape.axes) < 2 or shape.low:
        return None
    (count, step), *inner = shape.axes
    if not isinstance(count, int):
        return None
    width = shape.span - (count - 1) * step
    first, behind = -((piece.start - start) // step), (end - piece.start - width) // step + 1
    is_apart = first == 0 or (first - 1) * step + width <= start - piece.start
    if behind <= first or not is_apart or (behind < count and end - piece.start > behind * step):
        return None
    axes = ((behind - first, step), *inner) if behind - first > 1 else tuple(inner)
    span, offset = (behind - first - 1) * step + width, first * step
    size = span if len(axes) == 1 and isinstance(axes[0][0], int) else 0
    place = label._replace(place=moved(label.place, offset))
    return Piece(piece.start + offset, Shape(axes, 0, span, shape.is_exact, size), place, piece.at)


def _covers(piece: Piece, old: Piece) -> bool:
    return piece.start <= old.start and old.end <= piece.end


def _rest(old: Piece, new: Piece) -> list[Piece]:
    """What is left of a piece where another is put."""
    if new.end <= old.start or old.end <= new.start:
        return [old]
    left = [cut(old, old.start, new.start)] if old.start < new.start else []
    right = [cut(old, new.end, old.end)] if new.end < old.end else []
    return left + right


def _merged(pieces: list[Piece]) -> tuple[Piece, ...]:
    """The pieces of a slot in order; those that continue one another are one."""
    found: list[Piece] = []
    for piece in sorted(pieces, key=lambda piece: piece.start):
        last = found[-1] if found else None
        if last is not None and _continues(last, piece):
            found[-1] = last._replace(shape=run(last.shape.span + piece.shape.span))
        else:
            found.append(piece)
    return tuple(found)


def _continues(one: Piece, other: Piece) -> bool:
    a, b = one.label, other.label
    if a is None or b is None or not _touch(one, other):
        return False
    return b == a._replace(place=moved(a.place, one.shape.span))


def _touch(one: Piece, other: Piece) -> bool:
    return bool(one.shape.size and other.shape.size) and one.end == other.start


def _joined(pieces: list[Piece]) -> list[Piece]:
    """Pieces in order; those of one age that touch are one, whoever wrote them."""
    found: list[Piece] = []
    for piece in pieces:
        if found and _touch(found[-1], piece) and _age(found[-1]) == _age(piece):
            found[-1] = found[-1]._replace(shape=run(found[-1].shape.span + piece.shape.span))
        else:
            found.append(piece)
    return found


def _age(piece: Piece) -> int:
    return -1 if piece.label is None else piece.label.age
