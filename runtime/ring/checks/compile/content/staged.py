"""What is in HBM of what devices exchange, at one place of the program."""

from collections.abc import Iterator
from typing import NamedTuple

from runtime.ring.checks.compile.content.families import Family, Piece
from runtime.ring.checks.compile.content.shapes import Shape
from runtime.ring.checks.compile.values import Value


class View(NamedTuple):
    """An operand in HBM: its address, its bytes from there on, and what those are made of."""

    base: Value
    shape: Shape
    sizes: tuple[Value, ...]


class Far:
    """The families in HBM of which something is claimed: of complete ones that is nothing more.

    `stored` are those of which no part was put before: they are complete, but perhaps not whole.
    """

    def __init__(self) -> None:
        self.families: list[Family] = []
        self.stored: list[Family] = []

    def copy(self) -> "Far":
        """The same contents, to be changed apart."""
        other = Far()
        for family in self.families:
            other.families.append(family.copy())
            if family in self.stored:
                other.stored.append(other.families[-1])
        return other

    def join(self, other: "Far") -> None:
        """Keep what holds here and there."""
        for family in list(self.families):
            if not any(family.is_like(known) for known in other.families):
                self.drop(family)

    def drop(self, family: Family) -> None:
        """Claim nothing of a family any more."""
        self.families.remove(family)
        if family in self.stored:
            self.stored.remove(family)

    def settle(self) -> None:
        """Claim nothing of parts that all devices have."""
        for family in list(self.families):
            if family not in self.stored and not any(left_of(family)):
                self.drop(family)

    def meeting(self, low: int, high: int) -> list[Family]:
        """The families that have a byte in a range."""
        found: list[Family] = []
        for family in self.families:
            first, last = family.extent
            if first < high and low < last:
                found.append(family)
        return found

    def left(self) -> list[object]:
        """Where parts differ from device to device."""
        return [
            (family.base, family.step, distance, piece.start, piece.end)
            for family in self.families
            for distance, piece in left_of(family)
        ]


def left_of(family: Family) -> Iterator[tuple[int, Piece]]:
    """The pieces that not all devices have, with the distance of their slots."""
    agreed = {(piece.start, piece.shape.axes) for piece in family.agreed()}
    for distance, slot in enumerate(family.slots):
        for piece in slot:
            if (piece.start, piece.shape.axes) not in agreed:
                yield distance, piece
