"""
Where an operation of the `lpu_mem` level reads and writes: one iteration space, one view each.

```mlir
#lpu_mem.access<[4, P + 1, 64] {0: [8192, 64, 1]} {64*i0: [0, 0, 1]}>
```
The first list holds the extents of the iteration space; each brace is the view of one buffer
operand, in order: an offset and one stride for each axis, all in elements. Extents, offsets and
strides are affine in the symbols of the function and the variables of enclosing loops.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from xdsl.ir import Data
from xdsl.irdl import irdl_attr_definition
from xdsl.parser import AttrParser
from xdsl.printer import Printer

from dialects.affine import Affine, AffineLike
from dialects.lpu.types import parse_affine, parse_list


class View(NamedTuple):
    """Element `i` of the iteration space lies at `offset + sum(strides[d] * i[d])`, in elements."""

    offset: Affine
    strides: tuple[Affine, ...]

    @staticmethod
    def of(offset: AffineLike, strides: Iterable[AffineLike]) -> View:
        return View(Affine.of(offset), tuple(Affine.of(s) for s in strides))

    def __str__(self) -> str:
        return f"{{{self.offset}: [{', '.join(map(str, self.strides))}]}}"


@dataclass(frozen=True)
class Access:
    """The iteration space of an operation and one view for each of its buffers."""

    extents: tuple[Affine, ...]
    views: tuple[View, ...]

    @property
    def rank(self) -> int:
        return len(self.extents)

    @cached_property
    def _hash(self) -> int:
        return hash((self.extents, self.views))

    def __hash__(self) -> int:
        """It is looked up each time that a buffer of the operation becomes another."""
        return self._hash

    def symbols(self) -> set[str]:
        """Every name that an extent, offset or stride mentions."""
        parts = [*self.extents]
        for view in self.views:
            parts += [view.offset, *view.strides]
        return {name for part in parts for name, _ in part.terms}

    def __str__(self) -> str:
        extents = ", ".join(map(str, self.extents))
        return " ".join([f"[{extents}]", *map(str, self.views)])


def row_major(bounds: Iterable[int]) -> tuple[Affine, ...]:
    """Strides, in elements, of a dense buffer whose axes have these (largest) extents."""
    strides: list[Affine] = []
    step = 1
    for bound in reversed(list(bounds)):
        strides.append(Affine(step))
        step *= max(bound, 1)
    return tuple(reversed(strides))


@irdl_attr_definition
class AccessAttr(Data[Access]):
    """`#lpu_mem.access<[extents] {offset: [strides]} ...>`."""

    name = "lpu_mem.access"

    @classmethod
    def parse_parameter(cls, parser: AttrParser) -> Access:
        def affines() -> tuple[Affine, ...]:
            return parse_list(parser, lambda: parse_affine(parser))

        with parser.in_angle_brackets():
            extents = affines()
            views: list[View] = []
            while parser.parse_optional_punctuation("{"):
                offset = parse_affine(parser)
                parser.parse_punctuation(":")
                views.append(View(offset, affines()))
                parser.parse_punctuation("}")
            return Access(extents, tuple(views))

    def print_parameter(self, printer: Printer) -> None:
        printer.print_string(f"<{self.data}>")
