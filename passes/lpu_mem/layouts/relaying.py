"""
Views of a buffer when its strides change.

A view of a buffer that holds `[12, 2048, 64]` row-major has the offset `131072*l + 64*P` and the
strides `[64, 1]`: layer `l`, row `P`. With the last two axes swapped these are `131072*l + P` and
`[1, 2048]`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from dialects.affine import Affine, Ranges
from dialects.lpu_mem.access import View


class Relaying(NamedTuple):
    """The extents of what a buffer holds, its strides, and those that it gets; all in elements."""

    shape: tuple[int, ...]
    old: tuple[int, ...]
    new: tuple[int, ...]

    def steps(self, distance: int) -> list[int]:
        """A distance in the buffer as steps along each axis, outermost first."""
        found: list[int] = []
        for stride in self.old:
            count, distance = divmod(distance, stride)
            found.append(count)
        return found

    def offset(self, distance: int) -> int:
        """The position of an element, given its old one."""
        pairs = zip(self.steps(distance), self.new, strict=True)
        return sum(count * stride for count, stride in pairs)

    def view(self, view: View, extents: Sequence[Affine], ranges: Ranges) -> View | None:
        """The same elements in the new layout; None if the view does not follow the axes."""
        strides: list[Affine] = []
        for stride, extent in zip(view.strides, extents, strict=True):
            moved = self._stride(stride, extent.upper(ranges) if extent.terms else extent.const)
            if moved is None:
                return None
            strides.append(moved)
        offset = self._offset(view.offset)
        return None if offset is None else View(offset, tuple(strides))

    def _stride(self, stride: Affine, extent: int) -> Affine | None:
        if not stride.is_const or stride.const < 0:
            return None
        if stride.const == 0 or extent <= 1:
            return Affine(self.offset(stride.const))
        steps = self.steps(stride.const)
        axes = [axis for axis, count in enumerate(steps) if count]
        if len(axes) != 1 or (extent - 1) * steps[axes[0]] >= self.shape[axes[0]]:
            return None
        return Affine(steps[axes[0]] * self.new[axes[0]])

    def _offset(self, offset: Affine) -> Affine | None:
        """Symbols may count rows or whole blocks, never elements within a row."""
        if offset.const < 0 or any(c < 0 or c % self.old[-2] for _, c in offset.terms):
            return None
        terms = tuple((name, self.offset(c)) for name, c in offset.terms)
        return Affine(self.offset(offset.const), terms)
