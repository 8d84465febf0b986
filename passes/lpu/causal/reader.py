"""
What is known of one element of a value that positions, symbols and constants decide.

Token `i` of a prompt behind P tokens is what a step behind P + i tokens takes. A value is the same
for both if P and i occur in it as their sum alone. `Reader.same` walks up to where indices become
numbers and refuses what holds them in another way; `Reader.read` asks for bounds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xdsl.ir import Operation, SSAValue

from dialects.affine import Affine
from dialects.lpu.tensors import tensor_of
from passes.lpu.causal.intervals import BOOLEAN, UNKNOWN, Known, hull
from passes.lpu.causal.names import Names, NotShown, Numbers
from passes.lpu.causal.places import FIRST, ONE, Coordinate, Dims, Place, quotient
from runtime.numerics.elements import ElementType

ANY = "any"
"""How names of indices begin that may be anything."""


@dataclass
class Reader:
    """`strict` refuses what differs between a prompt and its steps; else bounds alone are asked."""

    names: Names
    ranges: dict[str, tuple[int, int]]
    folder: Path
    strict: bool
    function: Operation
    numbers: Numbers
    element: Callable[[Reader, SSAValue, Place], Known]
    """What is known by the rule for the operation that gives a value."""
    memory: dict[tuple[SSAValue, Place], tuple[Known, Operation | None]] = field(
        default_factory=dict[tuple[SSAValue, Place], tuple[Known, Operation | None]]
    )
    blamed: Operation | None = None
    """What makes that which is being read another number in a step."""

    def fresh(self, extent: Affine) -> Coordinate:
        """Any index below an extent."""
        if extent == ONE:
            return FIRST
        name = f"{ANY}{len(self.ranges)}"
        self.ranges[name] = (0, max(extent.upper(self.ranges) - 1, 0))
        return ((Affine.symbol(name), extent),)

    def lenient(self) -> Reader:
        """A reader of bounds alone."""
        return Reader(
            self.names, self.ranges, self.folder, False, self.function, self.numbers, self.element
        )

    def split(self, digit: Affine, inner: Affine, extent: Affine) -> Coordinate | None:
        """Any index below an extent as two, the inner one below another; None of other indices."""
        free = len(digit.terms) == 1 and digit.terms[0][0].startswith(ANY)
        outer = quotient(extent, inner)
        return (*self.fresh(outer), *self.fresh(inner)) if free and outer is not None else None

    def read(self, value: SSAValue, place: Place) -> Known:
        """What is known of the element at a place; `blamed` is what makes it differ in a step."""
        key = (value, place)
        outer, self.blamed = self.blamed, None
        if key not in self.memory:
            found = self.element(self, value, place)
            self.memory[key] = found, None if found.is_point else self.blamed
        found, blamed = self.memory[key]
        self.blamed = outer or blamed
        return found

    def same(self, value: SSAValue, place: Place) -> Known:
        """What is known of an element that is the same in a step; `NotShown` if it is not."""
        self.blamed = None
        found = self.read(value, place)
        owner = value.owner
        self.shifts(owner if isinstance(owner, Operation) else None, found.line)
        blamed, self.blamed = self.blamed, None
        if blamed is not None:
            raise NotShown(blamed)
        return found

    def blame(self, op: Operation | None) -> None:
        """What is being read is another number in a step, because of an operation."""
        if self.strict:
            self.blamed = self.blamed or op or self.function

    def shifts(self, op: Operation | None, expression: Affine) -> None:
        """Blame an operation unless P and the row stand there as their sum, and no count."""
        ahead = dict(expression.terms).get(self.names.ahead, 0)
        terms = dict((expression + self.names.any_key * ahead).terms)
        same = terms.get(self.names.past, 0) == terms.get(self.names.row, 0)
        if not (same and self.names.count not in terms):
            self.blame(op)

    def one_of(self, op: Operation, parts: list[Known]) -> Known:
        """What is known of an element that is one of several."""
        if len(set(parts)) > 1:
            for part in parts:
                self.shifts(op, part.line)
        return hull(parts, self.ranges)

    def keeps_keys(self, value: SSAValue, axis: int, extent: Affine) -> bool:
        """Whether an index along keys is that of the element itself."""
        names, place = self.names, list[Coordinate]()
        at = extent - 1 - Affine.symbol(names.ahead)
        place = [self.fresh(d) for d in tensor_of(value).shape]
        place[axis] = ((at, extent),)
        found = self.lenient().read(value, tuple(place))
        return found.is_line and found.line == at

    def moves(self, coordinate: Coordinate) -> bool:
        """Whether a coordinate depends on tokens."""
        told = {self.names.past, self.names.row, self.names.ahead, self.names.behind}
        return any(name in told for digit, _ in coordinate for name, _ in digit.terms)

    def spread(self, operands: Sequence[SSAValue], place: Place) -> list[Known]:
        """What is known of the operands of which an element of a result is made."""
        return [self.read(value, spread(tensor_of(value).shape, place)) for value in operands]


def spread(own: Dims, place: Place) -> Place:
    """The place in an operand of some extents that is broadcast."""
    behind = place[len(place) - len(own) :]
    return tuple([FIRST if d == ONE else c for d, c in zip(own, behind, strict=True)])


def unbounded(dtype: ElementType) -> Known:
    return BOOLEAN if dtype is ElementType.BOOL else UNKNOWN


def unknown(reader: Reader, op: Any, _place: Place, value: SSAValue) -> Known:
    reader.blame(op if isinstance(op, Operation) else None)
    return unbounded(tensor_of(value).dtype)
