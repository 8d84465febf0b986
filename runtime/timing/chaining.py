"""When, within an instruction, each granule of its operands is touched.

An element of a result is valid when it is written, not when its instruction ends, so dependent
instructions chain: a pass takes one step a cycle, in order, and a step waits until the granules
that it reads are valid and those it writes are free.

    step k is done in cycle k + max(start, ready[g] - first[g] for granules g with first[g] <= k)

Lanes take elements of one row at a time, so the last step of a row may leave some idle. Axes over
which every operand steps evenly are one row; where one operand jumps or stays, a row ends. The
engine reads `vxe_ports` operands in a cycle: with more of them that change from point to point,
fewer lanes work. What stays the same in a pass is kept in the lanes.

A granule is needed in the step of its first element and valid behind that of its last. What order
an engine takes:

    vector         row after row (`Rows`), as many elements a cycle as it has lanes and ports for.
                   A result over several elements (of `reduce`, the carry of `scan`) is valid behind
                   the last of them, what `topk` finds in a row behind the row's last pass.
    matrix         for each batch, group of columns and row: the chunks of K, one tile of halves a
                   cycle, and the partial sums that no tree holds. Its results appear group by
                   group, and a row of x is read again for each group.
    load, store    row-major over the extents, evenly over the cycles on the channels

Sources: valid bits and chained instructions, DFX (MICRO 2022); the final sum of a lane is produced
during the product and the next operator works on it at once, PAT-MAP. Assumed: row-major order; one
accumulator per tree, so that a group of columns waits until all rows have passed; writes follow the
reads of a granule by the same rule.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from math import prod
from typing import Any, NamedTuple

import numpy as np

from runtime.isa.accesses import Access
from runtime.isa.fields import Four
from runtime.isa.instructions.reduction import TopK
from runtime.isa.spec import Inst
from runtime.target import Target
from runtime.timing.lmu import step_cycles

Ints = np.ndarray[Any, np.dtype[np.int64]]
Granules = slice | Ints
POINTS = 1 << 18
"""An operand of more pieces counts as a whole: needed at the start and valid at the end."""


class Axis(NamedTuple):
    """What an index contributes to the position in an order: `i // every * step + offset`."""

    step: int
    every: int = 1
    offset: int = 0

    def at(self, indices: Ints) -> Ints:
        """The contributions of some indices."""
        return indices // self.every * self.step + self.offset


@dataclass(frozen=True, eq=False)
class Order:
    """When an engine takes the points with given extents.

    Point i is begun in step `sum of first[k].at(i_k) // pace` and left in `sum of last[k].at(i_k)
    // pace`; neither decreases along an axis. A step takes `each` cycles, the pass `total`.
    """

    extents: Four
    first: tuple[Axis, ...]
    last: tuple[Axis, ...]
    pace: int
    total: int
    each: int = 1


@dataclass(frozen=True, eq=False)
class Touch:
    """Granules of an operand, needed from step `begin` on and left behind the step before `end`."""

    granules: Granules
    begin: Ints
    end: Ints


@lru_cache(4096)
def row_major(extents: Four, lanes: int, first: int = 0, each: int = 1) -> Order:
    """The order of the vector engine: so many elements a step, rows from an axis on apart."""
    inner = prod(extents[first:])
    lanes = max(1, min(lanes, inner))
    row = -(-inner // lanes) * lanes
    outer = [prod(extents[k + 1 : first]) * row for k in range(first)]
    axes = (*map(Axis, outer), *_positions(extents, 1)[first:])
    total = prod(extents[:first]) * row
    steps = total // lanes if first else -(-inner // lanes)
    return Order(extents, axes, axes, lanes, steps * each, each)


@lru_cache(4096)
def sorting(extents: Four, lanes: int, row: int, each: int = 1) -> tuple[Order, Order]:
    """The orders of results and operand of a sort along axis 3, so many cycles for each row."""
    outer = tuple(Axis(prod(extents[k + 1 : 3]) * row) for k in range(3))
    ends = (*outer, Axis(0, offset=row - 1))
    total = prod(extents[:3]) * row
    results = Order(extents, (*outer, Axis(0)), ends, 1, total)
    return results, replace(results, first=(*outer, Axis(each, lanes)))


@lru_cache(4096)
def even(extents: Four, cycles: int) -> Order:
    """The order of a transfer: an element is there when its share of the cycles is over."""
    axes, count = _positions(extents, cycles), max(1, prod(extents))
    axes = (*axes[:3], axes[3]._replace(offset=cycles - 1))
    return Order(extents, axes, axes, count, cycles)


@lru_cache(4096)
def tiles(
    extents: Four, lanes: int, trees: int, tile: int = 1, spill: int = 0
) -> tuple[Order, Order]:
    """The orders of the result [B, M, 1, N] and of x [B, M, K, 1] of a product.

    A tile takes so many cycles; those of partial sums stand at the end of a row.
    """
    batch, rows, depth, columns = extents
    row, groups = -(-depth // lanes) * tile + spill, -(-columns // trees)
    group = rows * row
    b, m, k, n = Axis(groups * group), Axis(row), Axis(tile, lanes), Axis(group, trees)
    total, again = batch * group * groups, max(0, groups - 1) * group + tile - 1
    done = n._replace(offset=max(0, row - 1))
    result = Order((batch, rows, 1, columns), (b, m, Axis(0), n), (b, m, Axis(0), done), 1, total)
    later = k._replace(offset=again)
    x = Order((batch, rows, depth, 1), (b, m, k, Axis(0)), (b, m, later, Axis(0)), 1, total)
    return result, x


class Rows(NamedTuple):
    """So many `rows` of `row` elements, axes from `first` on, taken by `lanes` at a time.

    `best` of each row are sorted, of `topk`; it is 1 for all others. Lanes take elements in `each`
    cycles (`lmu`).
    """

    rows: int
    best: int
    lanes: int
    row: int
    first: int
    each: int = 1


def rows_of(inst: Inst, extents: Four, near: Sequence[Access], target: Target) -> Rows:
    """The rows of a pass over points with given extents."""
    is_sort = isinstance(inst, TopK)
    first, inner = (3, 3) if is_sort else _first(extents, near)
    rows, row = 1, 1
    for axis, extent in enumerate(extents):
        rows, row = (rows * extent, row) if axis < first else (rows, row * extent)
    best = max((a.extents[3] for a in near if a.writes), default=1) if is_sort else 1
    reads = sum(a.reads and any(_steps(a, extents)) for a in near)
    lanes = target.fed(reads)
    steps = (_steps(a, extents)[inner] for a in near if a.reads or not is_sort)
    each = max((step_cycles(step, min(lanes, row), target) for step in steps), default=1)
    return Rows(rows, best, lanes, row, first, each)


def _steps(access: Access, extents: Four) -> list[int]:
    """By how much an operand moves along each axis of the points; 0 where it stays."""
    moves = zip(access.strides, access.extents, extents, strict=True)
    return [stride if own > 1 and extent > 1 else 0 for stride, own, extent in moves]


def _first(extents: Four, near: Sequence[Access]) -> tuple[int, int]:
    """The first axis of a row, and the last one with more than one element."""
    steps = [_steps(access, extents) for access in near]
    inner, count, first = 3, 1, 3
    for axis in (3, 2, 1, 0):
        if extents[axis] != 1:
            if count == 1:
                inner = axis
            elif any(step[axis] != step[inner] * count for step in steps):
                return first, inner
            count *= extents[axis]
        first = axis
    return first, inner


def touch(access: Access, order: Order, granule: int) -> Touch:
    """The granules of an access to the LMU that has elements."""
    first, offset = divmod(access.base, granule)
    found = _profile(access._replace(base=offset), order, granule)
    where = found.granules
    if isinstance(where, slice):
        where = slice(where.start + first, where.stop + first)
    else:
        where = where + first
    return Touch(where, found.begin, found.end)


def _positions(extents: Four, each: int) -> tuple[Axis, ...]:
    """Contribution of each axis to the row-major position, counted in `each`."""
    return tuple(Axis(prod(extents[k + 1 :]) * each) for k in range(4))


def _sum(parts: Iterable[Any]) -> Any:
    """All sums of one element of each of four vectors, in row-major order."""
    a, b, c, d = parts
    return np.add.outer(np.add.outer(a, b), np.add.outer(c, d)).reshape(-1)


def _pieces(access: Access, granule: int) -> list[range | Ints]:
    """For each axis the indices at which pieces begin, that lie in one granule or at one place."""
    axes = list(zip(access.extents, access.strides, strict=True))
    moving = [k for k, (e, s) in enumerate(axes) if e > 1 and s != 0]
    found = [range(e) if k in moving else range(0, e, e) for k, (e, _) in enumerate(axes)]
    inner = min(moving, key=lambda k: abs(access.strides[k]), default=None)
    if inner is None or granule % (stride := abs(access.strides[inner])):
        return list(found)
    if any(access.strides[k] % granule for k in moving if k != inner):
        return list(found)
    phase, every = access.base % granule, granule // stride
    upward = access.strides[inner] > 0
    cut = -(-(granule - phase) // stride) if upward else phase // stride + 1
    cuts = np.arange(cut, access.extents[inner], every, dtype=np.int64)
    return [np.append(0, cuts) if k == inner else r for k, r in enumerate(found)]


@lru_cache(4096)
def _profile(access: Access, order: Order, granule: int) -> Touch:
    """The touch of an access that starts in granule 0."""
    low, high = access.bounds()
    origin, count = low // granule, -(-high // granule) - low // granule
    pieces = _pieces(access, granule)
    if prod(len(p) for p in pieces) > POINTS:
        where = slice(origin, origin + count)
        return Touch(where, np.zeros(1, np.int64), np.full(1, order.total))
    near = [np.asarray(p, np.int64) for p in pieces]
    whole = [o if e == 1 else e for e, o in zip(access.extents, order.extents, strict=True)]
    far = [np.append(p[1:], e) - 1 for p, e in zip(near, whole, strict=True)]
    first = _sum(axis.at(i) for axis, i in zip(order.first, near, strict=True)) // order.pace
    last = _sum(axis.at(i) for axis, i in zip(order.last, far, strict=True)) // order.pace
    first, last = first * order.each, last * order.each + order.each - 1
    start = access.base - origin * granule
    byte = _sum(i * s for i, s in zip(near, access.strides, strict=True)) + start
    begin, end = np.full(count, order.total), np.zeros(count, np.int64)
    for touched in (byte // granule, (byte + access.itemsize - 1) // granule):
        np.minimum.at(begin, touched, first)
        np.maximum.at(end, touched, last + 1)
    found = end > 0
    where = slice(origin, origin + count) if found.all() else np.flatnonzero(found) + origin
    return Touch(where, begin[found], end[found])
