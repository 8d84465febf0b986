"""
The iteration space of an operation, and its simplest equal form.

Axes of extent 1 vanish, and two neighbours become one axis when every view walks over them as one:
`[4, 64]` with strides `[64, 1]` is `[256]` with stride `[1]`. Axes that mean something by their
position (`FIXED`: the last of a scan, M, K and N of a product) stay as they are, as does the row
of a message.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from dialects.affine import Affine, NotAffine, Ranges
from dialects.lpu_mem import ops
from dialects.lpu_mem.access import Access, View

ONE = Affine(1)

FIXED: dict[type[ops.DataOp], int] = {
    ops.ScanOp: 1,
    ops.TopkOp: 1,
    ops.VecmatOp: 3,
    ops.SendOp: 1,
    ops.RecvOp: 1,
}
"""How many trailing axes keep their place; a message is split by rows as long as one fits."""


class Space(NamedTuple):
    """
    An access whose views include those of no buffer, such as the coefficients of an iota.

    `reduced` marks the axes that a reduction, or the K of a product, sums over; `fixed` counts the
    trailing axes that keep their place.
    """

    access: Access
    reduced: tuple[bool, ...]
    fixed: int

    @property
    def extents(self) -> tuple[Affine, ...]:
        return self.access.extents

    @property
    def views(self) -> tuple[View, ...]:
        return self.access.views

    @property
    def rank(self) -> int:
        return self.access.rank

    def bounds(self, ranges: Ranges) -> tuple[int, ...]:
        return tuple(e.upper(ranges) for e in self.extents)

    def dynamic_stride(self, axis: int) -> bool:
        """Whether some stride along the axis depends on a symbol: such an axis is never looped."""
        return any(not view.strides[axis].is_const for view in self.views)


def space_of(op: ops.DataOp) -> Space:
    """The iteration space of an operation; the coefficients of an iota count as a view."""
    access = op.access.data
    fixed = FIXED.get(type(op), 0)
    reduced = [False] * access.rank
    if isinstance(op, ops.ReduceOp):
        reduced = [axis in op.axes.data for axis in range(access.rank)]
    if isinstance(op, ops.VecmatOp):
        reduced[access.rank - 2] = True
    if isinstance(op, ops.IotaOp):
        base, *coefficients = op.coefficients.data
        line = View(base, tuple(coefficients))
        access = replace(access, views=(*access.views, line))
    return Space(access, tuple(reduced), fixed)


def simplify(space: Space) -> Space:
    """Drop axes of extent 1, then merge neighbours; at least one axis stays."""
    movable = space.rank - space.fixed
    kept = [i for i in range(space.rank) if i >= movable or space.extents[i] != ONE]
    space = _select(space, kept or list(range(space.rank))[-1:])
    axis = 0
    while axis + 1 < space.rank - space.fixed:
        if _mergeable(space, axis):
            space = _merge(space, axis)
        else:
            axis += 1
    return space


def _select(space: Space, axes: Sequence[int]) -> Space:
    views = tuple(View(v.offset, tuple(v.strides[i] for i in axes)) for v in space.views)
    extents = tuple(space.extents[i] for i in axes)
    return Space(Access(extents, views), tuple(space.reduced[i] for i in axes), space.fixed)


def _mergeable(space: Space, axis: int) -> bool:
    if space.reduced[axis] != space.reduced[axis + 1]:
        return False
    outer, inner = space.extents[axis : axis + 2]
    if outer.terms and inner.terms:
        return False
    try:
        return all(v.strides[axis] == v.strides[axis + 1] * inner for v in space.views)
    except NotAffine:
        return False


def _merge(space: Space, axis: int) -> Space:
    merged = space.extents[axis] * space.extents[axis + 1]
    extents = (*space.extents[:axis], merged, *space.extents[axis + 2 :])
    views = tuple(View(v.offset, (*v.strides[:axis], *v.strides[axis + 1 :])) for v in space.views)
    reduced = (*space.reduced[:axis], *space.reduced[axis + 1 :])
    return Space(Access(extents, views), reduced, space.fixed)
