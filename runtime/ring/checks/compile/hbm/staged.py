"""What is in HBM of what devices exchange, at one place of the program."""

from collections.abc import Iterator
from typing import NamedTuple

from runtime.ring.checks.compile.content.families import Family, Piece
from runtime.ring.checks.compile.hbm.stored import Stored, View


class Late(NamedTuple):
    """What the instruction `at` stores in each turn of loops, exchanged by all devices or not."""

    at: int
    view: View
    is_whole: bool


class Far:
    """The families in HBM of which something is claimed: of complete ones that is nothing more.

    `stored` are those of which no part was put before: they are complete, but perhaps not whole.
    `wholes` are what was stored as one, `late` what loops around store, as one behind them.
    """

    def __init__(self, wholes: Stored | None = None) -> None:
        self.families: list[Family] = []
        self.stored: list[Family] = []
        self.wholes = Stored() if wholes is None else wholes
        self.late: list[Late] = []

    def copy(self) -> "Far":
        """The same contents, to be changed apart."""
        other = Far(self.wholes.copy())
        other.late = self.late
        for family in self.families:
            other.families.append(family.copy())
            if family in self.stored:
                other.stored.append(other.families[-1])
        return other

    def join(self, other: "Far") -> None:
        """What may be there on either way."""
        for family in other.families:
            if not any(family.is_like(known) for known in self.families):
                self.families.append(family.copy())
                if family in other.stored:
                    self.stored.append(self.families[-1])
        self.wholes.join(other.wholes)
        self.late = [*self.late, *(late for late in other.late if late not in self.late)]

    @property
    def is_read(self) -> bool:
        """Whether reads are looked at."""
        return bool(self.families or self.late) or self.wholes.is_mixed

    def drop(self, family: Family) -> None:
        """Claim nothing of a family any more."""
        self.families.remove(family)
        if family in self.stored:
            self.stored.remove(family)

    def settle(self) -> list[Family]:
        """Take out the families of which all devices have all, and those that loops stored."""
        found = [f for f in self.families if f in self.stored or not any(left_of(f))]
        for family in found:
            self.drop(family)
        return found

    def meeting(self, low: int, high: int) -> list[Family]:
        """The families that have a byte in a range."""
        found: list[Family] = []
        for family in self.families:
            first, last = family.extent
            if first < high and low < last:
                found.append(family)
        return found

    def is_new_to(self, other: "Far") -> bool:
        """Whether what is read may be right where devices had the other, and not where this."""
        pairs = (
            (self.left(), other.left()), (self.rows(), other.rows()), (self.late, other.late)
        )  # fmt: skip
        is_new = any(now and now != before for now, before in pairs)
        return is_new or self.wholes.is_new_to(other.wholes)

    def rows(self) -> list[object]:
        """What was stored where no part was put, by whichever runs of loops, each another."""
        runs: dict[int, int] = {}
        return [
            (family.base, family.step, distance, piece.start, piece.shape.axes, run)
            for family in self.stored
            for distance, slot in enumerate(family.slots)
            for piece in slot
            for run in (runs.setdefault(piece.label.writer, len(runs)) if piece.label else -1,)
        ]

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
